"""Boxes and their classes, predicted from several feature maps.

Images (h, w, c) → `box_deltas` (b, 4) and `class_logits` (b, classes + 1), of the background first.
What they mean is `boxes` (b, 4), corners x1, y1, x2, y2 as shares of the image, and `scores`
(b, classes); who wants these names them in `outputs`.
Each map has two predictions, `level1.boxes.*` and `level1.classes.*`; with `separable` one is
`depthwise.*` and a 1x1 convolution, else one window.
Source: Liu et al. 2015, arXiv:1512.02325; Sandler et al. 2018, arXiv:1801.04381, section 6.2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, prod, sqrt
from typing import Literal, TypeAlias

from archspec.block import Block, Builder
from archspec.errors import error
from archspec.graph import INPUT
from archspec.ops import (
    MAX_BOXES,
    Activation,
    DecodeBoxes,
    Level,
    Rows,
    Shape,
    Slice,
    Suppression,
)
from archspec.parameters import (
    FLAG,
    NMS,
    Anchors,
    Coder,
    Convolutional,
    Kernel,
    Object,
    Part,
    parameter,
    part,
    shared,
    word,
)

Sizes: TypeAlias = tuple[tuple[float, float], ...]
"""Height and width of the default boxes of a pixel, as shares of the image's."""

LOWEST = 0.1
"""The scale of the least box of a reduced first level; a constant in TensorFlow's code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ssd(Convolutional):
    """Boxes and their classes, predicted from several feature maps."""

    kernel: Kernel = shared.kernel("window of each prediction")
    separable: bool = parameter(
        FLAG, "a depthwise and a 1x1 convolution instead of one", default=True
    )
    background: Literal["first"] | None = parameter(
        word("first"), "a class for boxes of nothing, before all others", "first", off=True
    )
    score: Literal["sigmoid", "softmax"] = parameter(
        word("sigmoid", "softmax"), "what makes scores of the logits", "softmax"
    )
    anchors: Anchors = parameter(Object(Anchors, "always"), "the default boxes", Anchors())
    coder: Coder = parameter(
        Object(Coder, "always"), "what is predicted about a default box", Coder()
    )
    nms: Suppression = parameter(
        NMS, "which boxes of a thing stay, in files that say", Suppression()
    )
    depthwise: Part = part("the depthwise convolution", kernel="block", groups=None)


def unfold(build: Builder, maps: Sequence[str], p: Ssd) -> Mapping[str, str]:
    """Add the predictions of each map, and what they mean."""
    if p.score == "softmax" and p.background is None:
        message = "a softmax needs a background, or something is everywhere"
        raise build.error("E302", message, "background", "say score: sigmoid")
    levels = _levels(build, maps, p.anchors)
    columns = build.classes + (p.background is not None)
    deltas, logits = list[str](), list[str]()
    for number, (value, (_, sizes)) in enumerate(zip(maps, levels, strict=True), 1):
        level = build.within(f"level{number}")
        deltas.append(_predicted(level.within("boxes"), value, p, 4 * len(sizes)))
        logits.append(_predicted(level.within("classes"), value, p, columns * len(sizes)))
    found = {
        "box_deltas": build.add("box_deltas", Rows(4), *deltas),
        "class_logits": build.add("class_logits", Rows(columns), *logits),
    }
    op = DecodeBoxes(levels, p.coder.order, p.coder.variance, p.coder.limit)
    build.add("boxes", op, found["box_deltas"])
    scores = build.add("probabilities", Activation(p.score), found["class_logits"])
    build.add("scores", Slice(columns - build.classes, columns), scores)
    return found


def _predicted(build: Builder, x: str, p: Ssd, channels: int) -> str:
    if not p.separable:
        last = Part(kernel=p.kernel, bias=True, padding=p.padding, init=p.init, l2=p.l2)
        return build.part("", x, last, channels)
    y = build.depthwise(x, p.depthwise, stride=1, dilation=1, se=None)
    return build.part("", y, Part(bias=True, init=p.init, l2=p.l2), channels)


def _levels(build: Builder, maps: Sequence[str], anchors: Anchors) -> tuple[Level, ...]:
    """The default boxes of each map.

    Raises:
        SpecError: E306, one has none, or all have too many.
    """
    shapes, sizes = _shapes(build, maps), _sizes(build, anchors, len(maps))
    if not all(sizes):
        message = "a feature map has no default boxes"
        raise build.error("E306", message, "anchors.ratios", "say ratios, or between: true")
    grids = [(height, width) for height, width, _ in shapes]
    count = sum(prod(grid) * len(own) for grid, own in zip(grids, sizes, strict=True))
    if count > MAX_BOXES:
        message = f"{count} default boxes; at most {MAX_BOXES} are possible"
        raise build.error("E306", message, "anchors", "tap feature maps that are smaller")
    return tuple(map(Level, grids, sizes))


def _shapes(build: Builder, maps: Sequence[str]) -> Sequence[Shape]:
    """The shapes (h, w, c) of the maps.

    Raises:
        SpecError: E305, one is no image, or larger than the one before.
    """
    shapes = [build.shape(value) for value in maps]
    for number, shape in enumerate(shapes):
        if len(shape) != 3:  # noqa: PLR2004  h, w, c
            message = f"boxes are predicted from images (h, w, c), not {list(shape)}"
            raise _error(build, message, number)
    for number, (before, shape) in enumerate(pairwise(shapes), 1):
        if shape[0] > before[0] or shape[1] > before[1]:
            was, now = (f"{height}x{width}" for height, width, _ in (before, shape))
            message = f"feature maps go from large to small, and {now} is larger than {was}"
            raise _error(build, message, number)
    return shapes


def _error(build: Builder, message: str, number: int) -> Exception:
    inputs = build.row.inputs
    span = inputs[number].span if inputs else build.row.span
    return error("E305", f"{build.path}: {message}", span)


def _sizes(build: Builder, anchors: Anchors, count: int) -> Sequence[Sizes]:
    """The default boxes of each map.

    Raises:
        SpecError: E306, they are said for another number of maps.
    """
    height, width, _ = build.shape(INPUT)
    for path, said in (("boxes", anchors.boxes), ("scales", anchors.scales.each)):
        if said is not None and len(said) != count:
            message = f"anchors.{path} has length {len(said)}, and {count} feature maps are read"
            raise build.error("E306", message, f"anchors.{path}")
    if anchors.reduce_lowest and anchors.layout == "torchvision":
        message = "only the layout tensorflow has a reduced first feature map"
        raise build.error("E306", message, "anchors.reduce_lowest")
    shorter = min(height, width)
    high, wide, most = shorter / height, shorter / width, inf
    if anchors.layout == "torchvision":
        high, wide, most = 1.0, 1.0, 1.0
    return [
        tuple(
            (min(scale / sqrt(ratio) * high, most), min(scale * sqrt(ratio) * wide, most))
            for scale, ratio in level
        )
        for level in anchors.boxes or list(_generated(anchors, count))
    ]


def _generated(anchors: Anchors, count: int) -> Iterator[Sequence[tuple[float, float]]]:
    """Scale and ratio of each default box, map by map."""
    first, last = anchors.scales.min, anchors.scales.max
    steps = max(count - 1, 1)
    line = tuple(first + (last - first) * number / steps for number in range(count))
    scales = (*(anchors.scales.each or line), 1.0)
    for number, (scale, following) in enumerate(pairwise(scales)):
        between = [(sqrt(scale * following), 1.0)] if anchors.between else []
        if anchors.layout == "torchvision":
            pairs = [(scale, wide) for ratio in anchors.ratios for wide in (ratio, 1 / ratio)]
            yield [(scale, 1.0), *between, *pairs]
        elif number == 0 and anchors.reduce_lowest:
            yield [(LOWEST, 1.0), (scale, 2.0), (scale, 0.5)]
        else:
            yield [*((scale, ratio) for ratio in anchors.ratios), *between]


BLOCK = Block(Ssd, unfold, several=True)
