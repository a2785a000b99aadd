"""Norm and activation, then narrow, filter, widen, add; nothing comes after the sum.

`norm`, `activation`, `reduce.*`, `middle.*`, `expand.*`, `shortcut.*`, `drop_path`, `add`.
(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. The shortcut is the input
itself where stride and width stay; its convolution reads what `norm` and `activation` made of it.
Source: He et al. 2016, arXiv:1603.05027, Figure 4e; the authors' code has the stride in the first
    block of a stage, Keras in the last.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.block import Block, Builder
from archspec.parameters import (
    MAX_CHANNELS,
    Convolutional,
    Expansion,
    Kernel,
    Part,
    Shortcut,
    integer,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PreactivationBottleneck(Convolutional):
    """Norm and activation, then narrow, filter, widen, add."""

    ONE_OF: ClassVar = (("expansion", "hidden"), ("groups", "group_width"))

    channels: int = shared.channels()
    expansion: Expansion | None = shared.expansion(
        "width of the middle as a ratio; rounded by reduce.rounding"
    )
    hidden: int | None = shared.hidden("the width of the middle itself")
    kernel: Kernel = shared.kernel("window of the middle convolution")
    stride: int = shared.stride("step of the middle window, in pixels")
    dilation: int = shared.dilation("distance of the middle window's pixels")
    groups: int = parameter(
        integer(1, MAX_CHANNELS), "slices of the middle's channels, each by itself", 1
    )
    group_width: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of groups: channels of a slice", None
    )
    drop_path: float = shared.drop_path()
    reduce: Part = part("the 1x1 convolution that narrows")
    middle: Part = part("the convolution with the window", kernel="block", groups=None)
    expand: Part = part("the 1x1 convolution that widens", norm=None, activation=None)
    shortcut: Shortcut | None = part(
        "the convolution beside them, where stride or width change; none: no sum there",
        Shortcut,
        optional="on",
        norm=None,
        activation=None,
    )


def unfold(build: Builder, x: str, p: PreactivationBottleneck) -> str:
    """Add norm and activation, the three convolutions, the shortcut and the sum."""
    rule = p.reduce.rounding
    hidden = p.hidden or build.expanded(x, p.expansion, p.channels, rule, "reduce.rounding")
    activated = build.activation("activation", build.norm("norm", x, p.norm), p.activation)
    y = build.part("reduce", activated, p.reduce, hidden)
    groups = p.middle.groups or build.groups(hidden, p.groups, p.group_width)
    middle = replace(p.middle, groups=groups)
    y = build.part("middle", y, middle, hidden, stride=p.stride, dilation=p.dilation)
    y = build.part("expand", y, p.expand, p.channels)
    return build.beside(x, y, p.shortcut, p.stride, p.drop_path, activated)


BLOCK = Block(PreactivationBottleneck, unfold)
