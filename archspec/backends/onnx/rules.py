"""What each op is in ONNX: the operators that do it, chosen by what runtimes do well."""

from collections.abc import Callable, Mapping
from itertools import groupby
from math import pi, prod, sqrt
from typing import Any

import numpy as np

from archspec.backends.onnx import attention, detection
from archspec.backends.onnx.channel import (
    channel_convolution,
    pixel_norm,
    response_norm,
    scale,
    shuffle,
)
from archspec.backends.onnx.resample import blur, crop, pad, resize
from archspec.backends.onnx.writer import Array, Site
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Blur,
    ChannelConvolution,
    Concat,
    Convolution,
    Crop,
    Dense,
    Dropout,
    DropPath,
    Flatten,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    Multiply,
    Op,
    Pad,
    Pads,
    PixelNorm,
    Pool,
    Rescale,
    Resize,
    ResponseNorm,
    Rows,
    Scale,
    Shape,
    Shuffle,
    Slice,
    Standardize,
    Window,
)


def _window(site: Site, op: Window) -> dict[str, Any]:
    window = {"kernel_shape": op.kernel, "strides": (op.stride, op.stride)}
    around = op.steady_pads() if site.varies else op.pads(site.shape)
    if around:
        (top, bottom), (left, right) = around
        return {**window, "pads": (top, left, bottom, right)}
    # Runtimes pad a negative size where windows lie apart, and refuse the word where they dilate.
    if op.padding == "same" and op.stride <= min(op.kernel) and op.dilation == 1:
        return {**window, "auto_pad": "SAME_UPPER"}
    if isinstance(op, Pool) and op.padding == "ceil" and not op.count_padding:
        return {**window, "ceil_mode": 1}
    raise site.no_size("pads by the size of the image")


def _convolution(site: Site, op: Convolution) -> None:
    # Depthwise kernels are (kh, kw, c, m), all others (kh, kw, c / groups, channels): one to ONNX.
    kernel = site.array("kernel").reshape(*op.kernel, site.shape[2] // op.groups, op.channels)
    arrays = [site.weight("kernel", kernel.transpose(3, 2, 0, 1))]
    if op.bias:
        arrays.append(site.weight("bias"))
    dilations = (op.dilation, op.dilation)
    window = _window(site, op)
    site.add("Conv", *site.inputs, *arrays, group=op.groups, dilations=dilations, **window)


def pool(site: Site, op: Pool) -> None:
    """MaxPool or AveragePool, behind a Pad where zeros count."""
    if op.type == "max" and op.count_padding:
        _max_with_zeros(site, op)
    elif op.type == "max":
        site.add("MaxPool", *site.inputs, **_window(site, op))
    else:
        site.add(
            "AveragePool",
            *site.inputs,
            count_include_pad=int(op.count_padding),
            **_window(site, op),
        )


def _max_with_zeros(site: Site, op: Pool) -> None:
    (top, bottom), (left, right) = _pads(site, op)
    around = site.integers(0, 0, top, left, 0, 0, bottom, right)
    max_of(site, op, site.add("Pad", *site.inputs, around, shape=padded(site, op)))


def _pads(site: Site, op: Pool) -> tuple[Pads, Pads]:
    pads = op.steady_pads() if site.varies else op.pads(site.shape)
    if pads is None:
        raise site.no_size("pads by the size of the image")
    return pads


def padded(site: Site, op: Pool) -> Shape:
    """An image with its padding, channels first."""
    (top, bottom), (left, right) = _pads(site, op)
    height, width, channels = site.shape
    return (channels, top + height + bottom, left + width + right)


def max_of(site: Site, op: Pool, value: str) -> None:
    """MaxPool of an image that is padded already."""
    site.add("MaxPool", value, **{**_window(site, op), "pads": (0, 0, 0, 0)})


def _global_pool(site: Site, op: GlobalPool) -> None:
    site.add("GlobalMaxPool" if op.type == "max" else "GlobalAveragePool", *site.inputs)


def _dense(site: Site, op: Dense) -> None:
    kernel = site.array("kernel")
    image = site.writer.unordered.get(site.node.inputs[0])
    if image:
        kernel = kernel.reshape(*image, op.channels).transpose(2, 0, 1, 3).reshape(kernel.shape)
    arrays = [site.weight("kernel", kernel)]
    if op.bias:
        arrays.append(site.weight("bias"))
    site.add("Gemm", *site.inputs, *arrays)


def _flatten(site: Site, _: Flatten) -> None:
    """Flatten as the channels lie, which a Dense that follows allows for; else turn them first."""
    (value,) = site.inputs
    graph = site.writer.graph
    if site.varies:
        raise site.no_size("makes a vector of an image")
    if 1 not in {prod(site.shape[:-1]), site.shape[-1]}:
        dense = all(isinstance(reader.op, Dense) for reader in graph.readers[site.node.name])
        if dense and site.node.name not in graph.outputs.values():
            site.writer.unordered[site.node.name] = site.shape
        else:
            value = site.add("Transpose", value, perm=(0, 2, 3, 1), shape=site.shape)
    # Not Flatten: Core ML does not know it.
    site.add("Reshape", value, site.integers(0, -1))


def _rescale(site: Site, op: Rescale) -> None:
    affine(site, np.array(op.scale), np.array(op.offset))


def _standardize(site: Site, _: Standardize) -> None:
    mean, variance = site.array("mean", np.float64), site.array("variance", np.float64)
    with np.errstate(all="ignore"):
        scale = 1 / np.maximum(np.sqrt(variance), 1e-7)
        affine(site, scale, -mean * scale)


def affine(site: Site, scale: Array, offset: Array) -> None:
    """Write x · scale + offset, without what changes nothing."""
    (value,) = site.inputs
    for kind, name, array, idle in (("Mul", "scale", scale, 1), ("Add", "offset", offset, 0)):
        if np.any(array != idle):
            single = array.size == 1
            operand = site.number(array.item()) if single else site.per_channel(name, array)
            value = site.add(kind, value, operand)
    if value in site.inputs:
        site.add("Identity", value)


def _batch_norm(site: Site, op: BatchNorm) -> None:
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    arrays = [site.weight(name) for name in names]
    site.add("BatchNormalization", *site.inputs, *arrays, epsilon=op.epsilon)


def _group_norm(site: Site, op: GroupNorm) -> None:
    """As instance norm of groups: GroupNormalization was broken at 18 and is slow since 21."""
    size = prod(site.shape) // op.groups
    split = site.add(
        "Reshape", *site.inputs, site.integers(0, op.groups, -1), shape=(op.groups, size)
    )
    ones, zeros = site.number(1.0, op.groups), site.number(0.0, op.groups)
    normal = site.add(
        "InstanceNormalization", split, ones, zeros, epsilon=op.epsilon, shape=(op.groups, size)
    )
    back = site.image(normal, site.inputs[0], site.shape)
    site.add("Add", site.add("Mul", back, site.per_channel("gamma")), site.per_channel("beta"))


def _layer_norm(site: Site, op: LayerNorm) -> None:
    (x,) = site.inputs
    if site.opset < 17:  # noqa: PLR2004  the first with LayerNormalization
        _layer_norm_by_parts(site, op)
    elif len(site.shape) == 1:
        _normalize_last(site, x, op)
    else:
        turned = site.add("Transpose", x, perm=(0, 2, 3, 1), shape=site.shape)
        site.add("Transpose", _normalize_last(site, turned, op), perm=(0, 3, 1, 2))


def _normalize_last(site: Site, value: str, op: LayerNorm) -> str:
    arrays = site.weight("gamma"), site.weight("beta")
    return site.add(
        "LayerNormalization", value, *arrays, axis=-1, epsilon=op.epsilon, shape=site.shape
    )


def _layer_norm_by_parts(site: Site, op: LayerNorm) -> None:
    (x,) = site.inputs
    one = (1, *site.shape[:-1])
    centred = site.add("Sub", x, site.add("ReduceMean", x, axes=[1], shape=one))
    square = site.add("Mul", centred, centred)
    variance = site.add("ReduceMean", square, axes=[1], shape=one)
    variance = site.add("Add", variance, site.number(op.epsilon), shape=one)
    normal = site.add("Div", centred, site.add("Sqrt", variance, shape=one))
    site.add("Add", site.add("Mul", normal, site.per_channel("gamma")), site.per_channel("beta"))


def _rows(site: Site, op: Rows) -> None:
    """One Transpose for all images of as many channels."""
    if site.varies:
        raise site.no_size("puts pixels one under the other")
    pieces: list[str] = []
    shapes = (site.writer.graph.shapes[name] for name in site.node.inputs)
    given = zip(site.inputs, shapes, strict=True)
    for channels, several in groupby(given, lambda item: item[1][2]):
        values, count = list[str](), 0
        for value, (height, width, _) in several:
            shape = (channels, height * width)
            values.append(site.add("Reshape", value, site.integers(0, *shape), shape=shape))
            count += height * width
        shape = (channels, count)
        joined = site.add("Concat", *values, axis=2, shape=shape) if values[1:] else values[0]
        value = site.add("Transpose", joined, perm=(0, 2, 1), shape=shape[::-1])
        shape = (count * channels // op.size, op.size)
        if channels != op.size:
            value = site.add("Reshape", value, site.integers(0, *shape), shape=shape)
        pieces.append(value)
    if pieces[1:]:
        site.add("Concat", *pieces, axis=1)


def _slice(site: Site, op: Slice) -> None:
    bounds = (site.integers(value) for value in (op.start, op.stop, site.last))
    site.add("Slice", *site.inputs, *bounds)


def _hard_sigmoid(site: Site, x: str) -> str:
    # ONNX's own default slope is 0.2.
    return site.add("HardSigmoid", x, alpha=1 / 6, beta=0.5)


def _hard_swish(site: Site, x: str) -> None:
    if site.opset < 14:  # noqa: PLR2004  the first with HardSwish
        site.add("Mul", x, _hard_sigmoid(site, x))
    else:
        site.add("HardSwish", x)


def _gelu(site: Site, x: str) -> None:
    if site.opset >= 20:  # noqa: PLR2004  the first with Gelu
        site.add("Gelu", x)
        return
    # These nodes in this order are what ONNX Runtime puts together to one.
    bent = site.add("Erf", site.add("Div", x, site.number(sqrt(2))))
    twice = site.add("Mul", x, site.add("Add", bent, site.number(1.0)))
    site.add("Mul", twice, site.number(0.5))


def _gelu_tanh(site: Site, x: str) -> None:
    if site.opset >= 20:  # noqa: PLR2004  the first with Gelu
        site.add("Gelu", x, approximate="tanh")
        return
    cube = site.add("Mul", x, site.add("Mul", x, x))
    sum_ = site.add("Add", x, site.add("Mul", cube, site.number(0.044715)))
    bent = site.add("Tanh", site.add("Mul", sum_, site.number(sqrt(2 / pi))))
    twice = site.add("Mul", x, site.add("Add", bent, site.number(1.0)))
    site.add("Mul", twice, site.number(0.5))


def activation(
    site: Site, op: Activation, table: "Mapping[str, Callable[[Site, str], object]] | None" = None
) -> None:
    """The function by `ACTIVATIONS`, or by another table; what has a slope, by that."""
    if op.function == "leaky_relu":
        site.add("LeakyRelu", *site.inputs, alpha=op.slope)
    else:
        (table or ACTIVATIONS)[op.function](site, *site.inputs)


ACTIVATIONS: Mapping[str, Callable[[Site, str], object]] = {
    "relu": lambda site, x: site.add("Relu", x),
    "relu6": lambda site, x: site.add("Clip", x, site.number(0.0), site.number(6.0)),
    "elu": lambda site, x: site.add("Elu", x),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _hard_swish,
    "sigmoid": lambda site, x: site.add("Sigmoid", x),
    "swish": lambda site, x: site.add("Mul", x, site.add("Sigmoid", x)),
    "tanh": lambda site, x: site.add("Tanh", x),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "mish": lambda site, x: site.add("Mul", x, site.add("Tanh", site.add("Softplus", x))),
    "softplus": lambda site, x: site.add("Softplus", x),
    "softmax": lambda site, x: site.add("Softmax", x, axis=site.last),
}
"""`Activation.function` → the ONNX nodes that compute it, the last one its value; leaky_relu, which
has a slope, is not among them."""

RULES: Mapping[type[Op], Callable[[Site, Any], object]] = {
    Activation: activation,
    Add: lambda site, _: site.add("Add" if len(site.inputs) == 2 else "Sum", *site.inputs),  # noqa: PLR2004
    BatchNorm: _batch_norm,
    Blur: blur,
    ChannelConvolution: channel_convolution,
    Concat: lambda site, _: site.add("Concat", *site.inputs, axis=1),
    Convolution: _convolution,
    Crop: crop,
    Dense: _dense,
    DropPath: lambda site, _: site.add("Identity", *site.inputs),
    Dropout: lambda site, _: site.add("Identity", *site.inputs),
    Flatten: _flatten,
    GlobalPool: _global_pool,
    GroupNorm: _group_norm,
    LayerNorm: _layer_norm,
    Multiply: lambda site, _: site.add("Mul", *site.inputs),
    Pad: pad,
    Pool: pool,
    Rescale: _rescale,
    Resize: resize,
    PixelNorm: pixel_norm,
    ResponseNorm: response_norm,
    Rows: _rows,
    Scale: scale,
    Shuffle: shuffle,
    Slice: _slice,
    Standardize: _standardize,
    **attention.RULES,
    **detection.RULES,
}
"""Op class → the ONNX nodes it becomes, the last one its value."""
