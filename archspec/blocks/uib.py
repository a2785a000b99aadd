"""The universal inverted bottleneck: filter, widen, filter, narrow, filter, add.

`start.*`, `expand.*`, `middle.*`, `project.*`, `end.*`, `layer_scale`, `drop_path`, `add`; after
the filter that has the stride `antialias`, if it is said. Each filter is optional.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. The stride is that of
`middle`, without it of `start`, without both of `end`.
Source: Qin et al. 2024, arXiv:2404.10518, universal inverted bottleneck: `middle` alone is the
    inverted bottleneck, `start` alone ConvNeXt's order, both "ExtraDW", neither a feed-forward
    network. `end`, `layer_scale` and the place of the stride are in the authors' code (TensorFlow
    Model Garden, UniversalInvertedBottleneckBlock).
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.block import Block, Builder
from archspec.parameters import (
    ANTIALIAS,
    MAX_CHANNELS,
    Antialias,
    Convolutional,
    Expansion,
    Object,
    Part,
    integer,
    number,
    parameter,
    part,
    word,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class UniversalInvertedBottleneck(Convolutional):
    """Filter, widen, filter, narrow, filter, add."""

    ONE_OF: ClassVar = (("expansion", "hidden"),)

    channels: int = parameter(integer(1, MAX_CHANNELS), "channels of the output", count=True)
    expansion: Expansion | None = parameter(
        Object(Expansion), "hidden width as a ratio; rounded by expand.rounding"
    )
    hidden: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of expansion: the hidden width itself", None, count=True
    )
    stride: int = parameter(integer(1, 64), "step of one depthwise window, in pixels", 1)
    dilation: int = parameter(integer(1, 64), "distance of the depthwise windows' pixels", 1)
    antialias: Antialias | None = parameter(
        ANTIALIAS,
        "after the window with the stride, instead of it: a blur, or means",
        None,
    )
    layer_scale: float | None = parameter(
        number(0, 10),
        "a learned factor for each channel of the residual branch: its first value",
        None,
    )
    residual: str | None = parameter(
        word("auto", "always"),
        "add the input: auto where shapes are equal; always, or it is an error",
        "auto",
        off=True,
    )
    drop_path: float = parameter(
        number(0, 1), "stochastic depth: probability that training drops the residual branch", 0.0
    )
    start: Part | None = part(
        "a depthwise convolution before all; off until it has a kernel",
        optional="off",
        groups=None,
        activation=None,
    )
    expand: Part = part("the 1x1 convolution that widens")
    middle: Part | None = part(
        "a depthwise convolution of the hidden width; off until it has a kernel",
        optional="off",
        groups=None,
    )
    project: Part = part("the 1x1 convolution that narrows", activation=None)
    end: Part | None = part(
        "a depthwise convolution after all; off until it has a kernel",
        optional="off",
        groups=None,
        activation=None,
    )


def unfold(build: Builder, x: str, p: UniversalInvertedBottleneck) -> str:
    """Add the 1x1 convolutions, the depthwise ones that there are, and the sum."""
    rule = p.expand.rounding
    hidden = p.hidden or build.expanded(x, p.expansion, p.channels, rule, "expand.rounding")
    strided = next((place for place in ("middle", "start", "end") if getattr(p, place)), None)
    if p.stride > 1 and strided is None:
        message = "a stride needs a depthwise convolution: start, middle or end"
        raise build.error("E302", message, "stride")

    def filtered(place: str, y: str, part: Part | None) -> str:
        if part is None:
            return y
        width, stride = build.shape(y)[-1], p.stride if place == strided else 1
        own = replace(part, groups=part.groups or width)
        return build.part(
            place, y, own, width, stride=stride, dilation=p.dilation, antialias=p.antialias
        )

    y = filtered("start", x, p.start)
    y = build.part("expand", y, p.expand, hidden)
    y = filtered("middle", y, p.middle)
    y = build.part("project", y, p.project, p.channels)
    y = filtered("end", y, p.end)
    return build.residual(x, y, p.residual, p.drop_path, p.layer_scale)


BLOCK = Block(UniversalInvertedBottleneck, unfold)
