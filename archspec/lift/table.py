"""The Keras back end's table for ops that become several layers, as data.

For such an op each function here gives the calls that `archspec.backends.keras` makes of it; what
is equal to them is that op. The two are changed together: a test lifts what the back end emits.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from archspec import ops
from archspec.lift.steps import Image, Step, Steps
from archspec.lift.structure import Read
from archspec.ops import Op, Shape


def _attention(op: ops.Attention, inputs: Sequence[Image], step: Steps) -> None:
    shapes = [shape for _, shape in inputs]
    heads = op.key_heads(*shapes)
    width = shapes[0][2] // op.heads
    query, key = (step.matrices(image, heads, width, op.patch) for image in inputs[:2])
    value = step.matrices(inputs[2], heads, shapes[2][2] // heads, op.patch)
    scores = step("Matmul", step.rescaled(query, width**-0.5), step.turned(key))
    mean = step("Matmul", step("Softmax", scores, axis=-1), value)
    step.image(mean, prod(op.infer(*shapes)), shapes[0], heads, op.patch)


def _separable_attention(op: ops.SeparableAttention, inputs: Sequence[Image], step: Steps) -> None:
    scores, key, value = (step.matrices(image, 1, image[1][2], op.patch) for image in inputs)
    weights = step("Softmax", step.turned(scores), axis=-1)
    context = step("Multiply", value, step("Matmul", weights, key))
    step.image(context, prod(inputs[2][1]), inputs[1][1], 1, op.patch)


def _linear_attention(op: ops.LinearAttention, inputs: Sequence[Image], step: Steps) -> None:
    (image,) = inputs
    width = image[1][2] // op.heads // 3
    matrices = step.matrices(image, op.heads, 3 * width)
    query, key, value = (
        step.slice(matrices, start, start + width) for start in range(0, 3 * width, width)
    )
    query, key = step("Relu", query), step("Relu", key)
    value = _padded(step, value)
    both = step("Matmul", query, step("Matmul", step.turned(key), value))
    above = step.slice(both, None, width)
    below = step.rescaled(step.slice(both, width, None), offset=op.epsilon)
    step.image(step("Divide", above, below), prod(op.infer(image[1])), image[1], op.heads)


def _padded(step: Steps, value: Read) -> Read:
    around = [[0, 0], [0, 0], [0, 0], [0, 1]]
    padded = step("Pad", value, pad_width=around, mode="constant")
    step.steps[padded.name] = step.steps[padded.name]._replace(named={"constant_values": 1})
    return padded


def _channel_attention(op: ops.ChannelAttention, inputs: Sequence[Image], step: Steps) -> None:
    shape = inputs[0][1]
    width = shape[2] // op.heads
    query, key, value = (step.matrices(image, op.heads, width) for image in inputs)
    weights = step("Softmax", step("Matmul", step.turned(query), key), axis=-1)
    mean = step("Matmul", value, step.turned(weights))
    step.image(mean, prod(shape), shape, op.heads)


def _fourier_positions(op: ops.FourierPositions, inputs: Sequence[Image], step: Steps) -> None:
    ((value, (height, width, _)),) = inputs
    several = step("Repeat", step.slice(value, None, 1), repeats=2 * op.frequencies, axis=-1)
    rows = [[[*row]] for row in op.waves(height)]
    columns = [[[*column] for column in op.waves(width)]]
    parts = [step.rescaled(several, 0.0, waves) for waves in (rows, columns)]
    step.part("", "Concatenate", parts, axis=-1)


def _pixel_norm(op: ops.PixelNorm, inputs: Sequence[Image], step: Steps) -> None:
    ((value, (*_, channels)),) = inputs
    over: Mapping[str, Any] = {"axis": -1, "keepdims": True}
    image = value
    if op.about == "mean":
        mean = step.part("mean", "ops.Mean", image, **over)
        value = step.part("deviation", "Subtract", [image, mean])
    mean = step.part("mean_square", "ops.Mean", step.part("square", "ops.Square", value), **over)
    if op.about == "mean":
        mean = step.part("corrected", "ops.Multiply", mean, channels / (channels - 1))
    share = step.part("epsilon", "ops.Add", mean, op.epsilon)
    step.part("", "Multiply", [image, step.part("share", "ops.Rsqrt", share)])


def _response_norm(op: ops.ResponseNorm, inputs: Sequence[Image], step: Steps) -> None:
    ((image, _),) = inputs
    square = step.part("square", "ops.Square", image)
    total = step.part("sum", "ops.Sum", square, axis=[1, 2], keepdims=True)
    response = step.part("root", "ops.Sqrt", total)
    mean = step.part("mean", "ops.Mean", response, axis=-1, keepdims=True)
    divisor = step.part("epsilon", "ops.Add", mean, op.epsilon)
    share = step.part("share", "ops.Divide", response, divisor)
    step.part("", "Multiply", [image, share])


def _channel_convolution(op: ops.ChannelConvolution, inputs: Sequence[Image], step: Steps) -> None:
    ((value, shape),) = inputs
    value = step.part("split", "Reshape", value, target_shape=[shape[-1], 1])
    value = step.part(
        "", "Conv1D", value, filters=1, kernel_size=[op.kernel], strides=[1], padding="same",
        dilation_rate=[1], groups=1, use_bias=False,
    )  # fmt: skip
    step.part("join", "Reshape", value, target_shape=[*shape])


def _scale(op: ops.Scale, inputs: Sequence[Image], step: Steps) -> None:
    ((value, shape),) = inputs
    *sides, channels = shape
    groups = op.groups or channels
    size = [*sides, channels // groups, groups]
    axes = "abcde"[: len(size) + 1]
    bias = {"bias_axes": axes[-1]} if op.bias else {}
    order = [*range(1, len(shape)), len(shape) + 1, len(shape)]
    split = size if groups == 1 else [*sides, groups, channels // groups]
    value = step.part("split", "Reshape", value, target_shape=split)
    if groups > 1:
        value = step.part("turn", "Permute", value, dims=order)
    equation = f"{axes},{axes[-1]}->{axes}"
    value = step.part("", "EinsumDense", value, equation=equation, output_shape=size, **bias)
    if groups > 1:
        value = step.part("back", "Permute", value, dims=order)
    step.part("join", "Reshape", value, target_shape=[*shape])


def _shuffle(op: ops.Shuffle, inputs: Sequence[Image], step: Steps) -> None:
    ((value, shape),) = inputs
    *sides, channels = shape
    split = [*sides, op.groups, channels // op.groups]
    value = step.part("split", "Reshape", value, target_shape=split)
    value = step.part("turn", "Permute", value, dims=[1, 2, 4, 3])
    step.part("", "Reshape", value, target_shape=[*shape])


def _between(step: Steps, value: Read, axis: int, sizes: tuple[int, int], to: str) -> list[Read]:
    """The two pixels that each lies between along an axis, if corners stay, times their shares."""
    size, wanted = sizes
    places = [place * (size - 1) / max(wanted - 1, 1) for place in range(wanted)]
    before = [int(place) for place in places]
    after = [min(place + 1, size - 1) for place in before]
    shares = [place - floor for place, floor in zip(places, before, strict=True)]
    terms: list[Read] = []
    rest = [1 - share for share in shares]
    for name, pixels, share in (("before", before, rest), ("after", after, shares)):
        taken = step.part(f"{to}{name}", "ops.Take", value, pixels, axis=axis)
        scale = [[one] if axis > 1 else [[one]] for one in share]
        terms.append(step.part(f"{to}{name}_share", "Rescaling", taken, scale=scale, offset=0.0))
    return terms


def _resize(op: ops.Resize, inputs: Sequence[Image], step: Steps) -> None:
    ((value, shape),) = inputs
    height, width = op.size or shape[:2]
    if op.mode == "align_corners":
        rows = _between(step, value, 1, (shape[0], height), "rows_")
        value = step.part("rows", "Add", rows)
        step.part("", "Add", _between(step, value, 2, (shape[1], width), ""))
        return
    rows, columns = [*ops.nearest(shape[0], height)], [*ops.nearest(shape[1], width)]
    value = step.part("rows", "ops.Take", value, rows, axis=1)
    step.part("", "ops.Take", value, columns, axis=2)


def _blur(op: ops.Blur, inputs: Sequence[Image], step: Steps) -> None:
    ((value, _),) = inputs
    pool = {"pool_size": [2, 2], "padding": "valid"}
    around = [[0, 0], *[[op.padding, op.padding]] * 2, [0, 0]]
    if op.padding:
        mode = "reflect" if op.border == "mirror" else "constant"
        value = step.part("pad", "ops.Pad", value, pad_width=around, mode=mode)
    for number in range(1, op.size - 1):
        value = step.part(f"mean{number}", "AveragePooling2D", value, strides=[1, 1], **pool)
    step.part("", "AveragePooling2D", value, strides=[op.stride, op.stride], **pool)


def _pool(op: ops.Pool, inputs: Sequence[Image], step: Steps) -> None:
    """With pixels around the image, as no word of Keras puts them there."""
    ((value, shape),) = inputs
    around = [[*sides] for sides in op.pads(shape)]
    window = {"pool_size": [*op.kernel], "strides": [op.stride] * 2, "padding": "valid"}
    if op.type == "max" and not op.count_padding:
        width = [[0, 0], *around, [0, 0]]
        padded = step.part("pad", "ops.Pad", value, pad_width=width, mode="constant")
        step.steps[padded.name] = step.steps[padded.name]._replace(
            named={"constant_values": float("-inf")}
        )
        step.part("", "MaxPooling2D", padded, **window)
        return
    kind = "MaxPooling2D" if op.type == "max" else "AveragePooling2D"
    value = step.part("pad", "ZeroPadding2D", value, padding=around)
    if op.count_padding:
        step.part("", kind, value, **window)
        return
    value = step.part("mean", kind, value, **window)
    step.part("", "Rescaling", value, scale=_share(op, shape), offset=0.0)


def _share(op: ops.Pool, image: Shape) -> list[list[list[float]]]:
    """Pixels in the window per pixel of the image in it, at each position."""
    axes: list[list[float]] = []
    slides = zip(image[:2], op.kernel, op.pads(image), op.slide(image), strict=True)
    for size, kernel, (before, _), positions in slides:
        starts = [place * op.stride - before for place in range(positions)]
        axes.append([kernel / (min(start + kernel, size) - max(start, 0)) for start in starts])
    return [[[row * column] for column in axes[1]] for row in axes[0]]


def _rows(op: ops.Rows, inputs: Sequence[Image], step: Steps) -> None:
    parts = [
        step.part(f"rows{number}", "Reshape", value, target_shape=[-1, op.size])
        for number, (value, _) in enumerate(inputs, 1)
    ]
    step.part("", "Concatenate", parts, axis=1)


def _decode_boxes(op: ops.DecodeBoxes, inputs: Sequence[Image], step: Steps) -> None:
    ((value, _),) = inputs
    turn = slice(None, None, -1 if op.order == "yxhw" else 1)
    boxes = [(box[:2][turn], box[2:][turn]) for box in op.default_boxes()]
    scale = [
        [side * by for side, by in zip(sides, op.variance[:2], strict=True)] for _, sides in boxes
    ]
    centers = [[*center] for center, _ in boxes]
    near = step.rescaled(step.slice(value, None, 2), scale, centers)
    log = step.rescaled(step.slice(value, 2, None), [*op.variance[2:]])
    if op.limit is not None:
        log = step("Minimum", log, op.limit)
    halves = [[side / 2 for side in sides] for _, sides in boxes]
    half = step.rescaled(step("Exp", log), halves)
    corners = [step("Subtract", near, half), step("Add", near, half)]
    if op.order == "xywh":
        step.part("", "Concatenate", corners, axis=-1)
    else:
        step.number += 1
        joined = step.part(f"concatenate{step.number}", "Concatenate", corners, axis=-1)
        step.part("", "ops.Take", joined, [1, 0, 3, 2], axis=-1)


TABLE: Mapping[type[Op], Callable[[Any, Sequence[Image], Steps], None]] = {
    ops.Attention: _attention,
    ops.Blur: _blur,
    ops.ChannelAttention: _channel_attention,
    ops.ChannelConvolution: _channel_convolution,
    ops.DecodeBoxes: _decode_boxes,
    ops.FourierPositions: _fourier_positions,
    ops.LinearAttention: _linear_attention,
    ops.PixelNorm: _pixel_norm,
    ops.Pool: _pool,
    ops.Resize: _resize,
    ops.ResponseNorm: _response_norm,
    ops.Rows: _rows,
    ops.Scale: _scale,
    ops.SeparableAttention: _separable_attention,
    ops.Shuffle: _shuffle,
}
"""Op class → the calls of its layers."""


def steps(op: Op, name: str, inputs: Sequence[Image]) -> Mapping[str, Step]:
    """The calls that the back end makes of a node, by their names."""
    found = Steps(name)
    TABLE[type(op)](op, inputs, found)
    return found.steps
