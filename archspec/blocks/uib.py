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
    Antialias,
    Convolutional,
    Expansion,
    Part,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class UniversalInvertedBottleneck(Convolutional):
    """Filter, widen, filter, narrow, filter, add."""

    ONE_OF: ClassVar = (("expansion", "hidden"),)

    channels: int = shared.channels()
    expansion: Expansion | None = shared.expansion(
        "hidden width as a ratio; rounded by expand.rounding"
    )
    hidden: int | None = shared.hidden()
    stride: int = shared.stride("step of one depthwise window, in pixels")
    dilation: int = shared.dilation("distance of the depthwise windows' pixels")
    antialias: Antialias | None = shared.antialias(
        "after the window with the stride, instead of it"
    )
    layer_scale: float | None = shared.layer_scale()
    residual: str | None = shared.residual()
    drop_path: float = shared.drop_path()
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
