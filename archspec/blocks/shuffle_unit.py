"""Convolve half of the channels, leave the other half, take turns between them.

`slice1`, `slice2`, `shortcut_depthwise.*`, `shortcut.*`, `pointwise.*`, `depthwise.*`,
`project.*`, `concat`, `shuffle`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. Where stride or width change
there is no half to leave: both halves of the output are made of the whole input, the first by
`shortcut_depthwise` and `shortcut`.
Source: Ma et al. 2018, arXiv:1807.11164, Section 4 and Figure 3c, 3d.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Concat, Shuffle, Slice
from archspec.parameters import (
    MAX_CHANNELS,
    MIXED_KERNEL,
    Convolutional,
    Kernel,
    Part,
    integer,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShuffleUnit(Convolutional):
    """Convolve half of the channels, leave the other half, take turns between them."""

    channels: int = parameter(integer(2, MAX_CHANNELS), "channels of the output", count=True)
    kernel: Kernel = parameter(MIXED_KERNEL, "window of the depthwise convolutions", ((3, 3),))
    stride: int = shared.stride("step of the depthwise windows, in pixels")
    dilation: int = shared.dilation("distance of the depthwise windows' pixels")
    pointwise: Part = part("the first 1x1 convolution")
    depthwise: Part = part(
        "the depthwise convolution", kernel="block", groups=None, activation=None
    )
    project: Part = part("the second 1x1 convolution")
    shortcut_depthwise: Part = part(
        "the depthwise convolution of the other half", kernel="block", groups=None, activation=None
    )
    shortcut: Part = part("the 1x1 convolution of the other half")


def unfold(build: Builder, x: str, p: ShuffleUnit) -> str:
    """Add both branches, join them and shuffle."""
    if p.channels % 2:
        raise build.error("E302", f"{p.channels} channels have no halves", "channels")
    half = p.channels // 2
    width = build.shape(x)[-1]
    if p.stride == 1 and width == p.channels:
        left = build.add("slice1", Slice(0, half), x)
        x = build.add("slice2", Slice(half, width), x)
    else:
        left = build.part(
            "shortcut_depthwise",
            x,
            p.shortcut_depthwise,
            width,
            stride=p.stride,
            dilation=p.dilation,
        )
        left = build.part("shortcut", left, p.shortcut, half)
    y = build.part("pointwise", x, p.pointwise, half)
    y = build.part("depthwise", y, p.depthwise, half, stride=p.stride, dilation=p.dilation)
    y = build.part("project", y, p.project, half)
    return build.add("shuffle", Shuffle(2), build.add("concat", Concat(), left, y))


BLOCK = Block(ShuffleUnit, unfold)
