"""Narrow, filter, widen, add: `reduce.*`, `middle.*`, `expand.*`, `shortcut.*`, `add`.

Then `activation`; between them, where they are said, `antialias`, `se.*` or `eca.*`, `drop_path`.
(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. The shortcut is the input
itself where stride and width stay.
Source: He et al. 2015, arXiv:1512.03385, Figure 5 right, whose stride is at `reduce`; in Facebook's
    code of 2016, and most since, it is at `middle`. Groups: Xie et al. 2016, arXiv:1611.05431,
    Figure 3c. Squeeze-excite at `expand`: Hu et al. 2017, arXiv:1709.01507, Figure 3; at `middle`:
    Radosavovic et al. 2020, arXiv:2003.13678, RegNetY.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from archspec.block import Block, Builder, Gate
from archspec.parameters import (
    MAX_CHANNELS,
    Antialias,
    Convolutional,
    Expansion,
    Kernel,
    Part,
    Shortcut,
    SqueezeExcite,
    integer,
    parameter,
    part,
    ratio,
    shared,
    word,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bottleneck(Convolutional):
    """Narrow, filter, widen, add."""

    ONE_OF: ClassVar = (("expansion", "hidden"), ("groups", "group_width"), ("se", "eca"))

    channels: int = shared.channels()
    expansion: Expansion | None = shared.expansion(
        "width of the middle as a ratio; rounded by reduce.rounding"
    )
    hidden: int | None = shared.hidden("the width of the middle itself")
    reduce_ratio: float = parameter(
        ratio(64), "width of reduce over that of the middle; rounded by reduce.rounding", 1.0
    )
    kernel: Kernel = shared.kernel("window of the middle convolution")
    stride: int = shared.stride("step of the window, in pixels")
    stride_at: Literal["reduce", "middle"] = parameter(
        word("reduce", "middle"), "which convolution has the stride", "middle"
    )
    dilation: int = shared.dilation("distance of the middle window's pixels")
    groups: int = parameter(
        integer(1, MAX_CHANNELS), "slices of the middle's channels, each by itself", 1
    )
    group_width: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of groups: channels of a slice", None
    )
    antialias: Antialias | None = shared.antialias("after the middle, instead of its stride")
    se: SqueezeExcite | None = shared.squeeze_excite("a squeeze-excite")
    se_at: Literal["middle", "expand"] = parameter(
        word("middle", "expand"), "which convolution the squeeze-excite follows", "expand"
    )
    eca: int | Literal["auto"] | None = shared.eca("instead of se, after expand")
    drop_path: float = shared.drop_path()
    sum_activation: Any = shared.sum_activation()
    reduce: Part = part("the 1x1 convolution that narrows")
    middle: Part = part("the convolution with the window", kernel="block", groups=None)
    expand: Part = part("the 1x1 convolution that widens", activation=None)
    shortcut: Shortcut | None = part(
        "the convolution beside them, where stride or width change; none: no sum there",
        Shortcut,
        optional="on",
        activation=None,
    )


def unfold(build: Builder, x: str, p: Bottleneck) -> str:
    """Add the three convolutions, the shortcut and the sum."""
    rule = p.reduce.rounding
    hidden = p.hidden or build.expanded(x, p.expansion, p.channels, rule, "reduce.rounding")
    gate = Gate(p.se, build.shape(x)[-1], p.channels, p.init) if p.se else None
    narrow = hidden
    if p.reduce_ratio != 1:
        narrow = build.width("reduce_ratio", hidden, p.reduce_ratio, rule, "reduce.rounding")
    at_middle = p.stride_at == "middle" or p.antialias
    y = build.part("reduce", x, p.reduce, narrow, stride=1 if at_middle else p.stride)
    y = build.part(
        "middle",
        y,
        replace(p.middle, groups=p.middle.groups or build.groups(hidden, p.groups, p.group_width)),
        hidden,
        stride=p.stride if at_middle else 1,
        dilation=p.dilation,
        se=gate if p.se_at == "middle" else None,
        antialias=p.antialias,
    )
    y = build.part("expand", y, p.expand, p.channels, se=gate if p.se_at == "expand" else None)
    if p.eca:
        y = build.channel_attention(y, p.eca)
    y = build.beside(x, y, p.shortcut, p.stride, p.drop_path)
    last = p.activation if p.sum_activation == "auto" else p.sum_activation
    return build.activation("activation", y, last)


BLOCK = Block(Bottleneck, unfold)
