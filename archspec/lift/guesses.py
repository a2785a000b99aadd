"""Which op some layers may be, guessed from the one that gives it away."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import atan2, pi
from typing import Literal, TypeAlias

from archspec import ops
from archspec.lift.calls import Call
from archspec.lift.said import Value, count, is_list, number, numbers
from archspec.ops import Op, Shape

Parts: TypeAlias = Mapping[str, Call]
"""Calls by the names of parts; the node's own has an empty one."""
Pair: TypeAlias = tuple[float, float]
Guess: TypeAlias = Callable[[Parts, Sequence[Shape]], Iterator[Op]]


def guesses(parts: Parts, shapes: Sequence[Shape]) -> Iterator[tuple[Op, int]]:
    """Ops that the layers may be, each with the number of values that it reads.

    A guess that is wrong does no harm: what it would be emitted as is not equal.
    """
    for guess, inputs in GUESSES:
        if len(shapes) >= inputs:
            try:
                yield from ((op, inputs or len(shapes)) for op in guess(parts, shapes))
            except (ArithmeticError, LookupError, TypeError, ValueError):
                continue  # settings of another kind than such layers have


def _first_reshape(parts: Parts, shapes: Sequence[Shape]) -> tuple[int, int, int]:
    """Channels of all heads, of a head, and the patch."""
    split: Value = parts["reshape1"].settings["newshape"]
    patch = split[2] if len(split) == 6 else 1  # noqa: PLR2004  h, p, w, p and two more
    rows = parts["reshape3" if "transpose2" in parts else "reshape1"]
    width = count(rows.settings["newshape"][-1], "width")
    return shapes[0][2], width, count(patch, "patch")


def _attention(parts: Parts, shapes: Sequence[Shape]) -> Iterator[Op]:
    channels, width, patch = _first_reshape(parts, shapes)
    heads = count(channels // width, "heads")
    if "softmax" in " ".join(parts):
        yield ops.Attention(heads, patch)
        yield ops.ChannelAttention(heads)
        yield ops.SeparableAttention(patch)


def _linear_attention(parts: Parts, shapes: Sequence[Shape]) -> Iterator[Op]:
    channels, width, _ = _first_reshape(parts, shapes)
    for part in parts:
        if part.startswith("rescale"):
            epsilon = number(parts[part].settings["offset"], "epsilon")
            yield ops.LinearAttention(count(channels // width, "heads"), epsilon)


def _fourier_positions(parts: Parts, shapes: Sequence[Shape]) -> Iterator[Op]:
    frequencies = count(parts["repeat2"].settings["repeats"], "repeats", 2) // 2
    height, width, _ = shapes[0]
    rows, columns = (parts[part].settings["offset"] for part in ("rescale3", "rescale4"))
    if (len(rows), len(columns[0]), len(columns[0][0])) != (height, width, 2 * frequencies):
        return
    yield ops.FourierPositions(frequencies)
    if frequencies > 1:
        sine, cosine = columns[0][0][2:4]
        power = atan2(sine, cosine) % (2 * pi) / (2 * pi / width)
        yield ops.FourierPositions(frequencies, float(f"{power**-frequencies:.9g}"))


def _pixel_norm(parts: Parts, _: Sequence[Shape]) -> Iterator[Op]:
    epsilon = number(parts["epsilon"].args[1], "epsilon")
    yield ops.PixelNorm(epsilon, "mean" if "mean" in parts else "zero")
    yield ops.ResponseNorm(epsilon)


def _channels(parts: Parts, _: Sequence[Shape]) -> Iterator[Op]:
    if parts[""].kind == "Conv1D":
        yield ops.ChannelConvolution(count(parts[""].settings["kernel_size"][0], "kernel_size"))
        return
    split: Value = parts["split"].settings["target_shape"]
    groups = count(split[-2], "groups") if "turn" in parts else 1
    if parts[""].kind == "EinsumDense":
        yield ops.Scale(bias=bool(parts[""].settings.get("bias_axes")), groups=groups)
    else:
        yield ops.Shuffle(groups)


def _resize(parts: Parts, _: Sequence[Shape]) -> Iterator[Op]:
    rows, columns = parts["rows"].args[1], parts[""].args[1]
    yield ops.Resize("nearest", (count(len(rows), "rows"), count(len(columns), "columns")))


def _corners(parts: Parts, _: Sequence[Shape]) -> Iterator[Op]:
    rows, columns = parts["rows_before"].args[1], parts["before"].args[1]
    size = (count(len(rows), "rows"), count(len(columns), "columns"))
    yield ops.Resize("align_corners", size)


def _window(parts: Parts, shapes: Sequence[Shape]) -> Iterator[Op]:
    """A blur, or a pool with pixels around it."""
    rows, columns = _around(parts)
    means = sum(part.startswith("mean") for part in parts)
    window = parts["" if parts[""].kind.endswith("Pooling2D") else "mean"]
    height, width = (count(side, "pool_size") for side in window.settings["pool_size"])
    stride = count(window.settings["strides"][0], "strides")
    mode = parts["pad"].settings.get("mode") if "pad" in parts else "reflect"
    yield ops.Blur(means + 2, stride, "mirror" if mode == "reflect" else "zero")
    op = ops.Pool((height, width), stride, type=_type(window))
    if max(rows) >= height or max(columns) >= width:
        return  # a window of padding alone, of which there is no mean
    op = op.padded((rows, columns), shapes[0])
    scale: Value = parts[""].settings.get("scale")
    if is_list(scale) and (len(scale), len(scale[0])) != op.slide(shapes[0]):
        return
    yield op


def _type(window: Call) -> Literal["max", "average"]:
    return "max" if window.kind == "MaxPooling2D" else "average"


def _around(parts: Parts) -> ops.Around:
    """Pixels around the image."""
    if "pad" not in parts:
        return (0, 0), (0, 0)
    settings = parts["pad"].settings
    rows, columns = settings["pad_width"][1:3] if "pad_width" in settings else settings["padding"]
    (top, bottom), (left, right) = rows, columns
    sides = (count(side, "pad", 0) for side in (top, bottom, left, right))
    return (next(sides), next(sides)), (next(sides), next(sides))


def _predicted(parts: Parts, _: Sequence[Shape]) -> Iterator[Op]:
    shape: Value = parts["rows1"].settings["target_shape"]
    yield ops.Rows(count(shape[-1], "target_shape"))


def _boxes(parts: Parts, _: Sequence[Shape]) -> Iterator[Op]:
    is_yx = parts[""].kind == "ops.Take"
    near, log = parts["rescale2"].settings, parts["rescale4"].settings
    limit = number(parts["minimum5"].args[1], "limit") if "minimum5" in parts else None
    half = _pairs(parts["rescale6" if limit is None else "rescale7"].settings["scale"])
    scale, centers = _pairs(near["scale"]), _pairs(near["offset"])
    one, other = (
        float(f"{by / (2 * side):.12g}") for by, side in zip(scale[0], half[0], strict=True)
    )
    high, wide = numbers(log["scale"], "scale")
    if not is_yx:
        centers, half = ([(y, x) for x, y in pairs] for pairs in (centers, half))
    order: ops.Order = "yxhw" if is_yx else "xywh"
    yield ops.DecodeBoxes(tuple(_levels(centers, half)), order, (one, other, high, wide), limit)


def _levels(centers: Sequence[Pair], halves: Sequence[Pair]) -> Iterator[ops.Level]:
    """The levels of default boxes, y before x: each begins with all those of its first pixel."""
    start = 0
    while start < len(centers):
        stop = start + 1
        while stop < len(centers) and centers[stop] == centers[start]:
            stop += 1
        rows, columns = (count(round(0.5 / side), "center") for side in centers[start])
        sizes = tuple((2 * high, 2 * wide) for high, wide in halves[start:stop])
        yield ops.Level((rows, columns), sizes)
        start += rows * columns * len(sizes)


def _pairs(value: Value) -> list[Pair]:
    return [(number(one, "box"), number(other, "box")) for one, other in value]


GUESSES: Sequence[tuple[Guess, int]] = (
    (_boxes, 1),
    (_predicted, 0),
    (_attention, 3),
    (_linear_attention, 1),
    (_fourier_positions, 1),
    (_pixel_norm, 1),
    (_channels, 1),
    (_resize, 1),
    (_corners, 1),
    (_window, 1),
)
