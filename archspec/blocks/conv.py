"""A convolution with its norm and activation: `conv`, `norm`, `activation`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`.
"""

from dataclasses import dataclass
from typing import ClassVar

from archspec.block import Block, Builder
from archspec.parameters import (
    KERNEL,
    MAX_CHANNELS,
    Convolutional,
    Expansion,
    Kernel,
    Object,
    integer,
    parameter,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conv(Convolutional):
    """A convolution with its norm and activation."""

    ONE_OF: ClassVar = (("channels", "expansion"), ("groups", "group_width"))

    channels: int | None = parameter(integer(1, MAX_CHANNELS), "channels of the output", count=True)
    expansion: Expansion | None = parameter(
        Object(Expansion),
        "instead of channels: a ratio of the input's, rounded as a row's counts are",
        None,
    )
    kernel: Kernel = parameter(KERNEL, "height and width of the window")
    stride: int = parameter(integer(1, 64), "step of the window, in pixels", 1)
    dilation: int = parameter(integer(1, 64), "distance of the window's pixels", 1)
    groups: int = parameter(integer(1, MAX_CHANNELS), "slices of the channels, each by itself", 1)
    group_width: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of groups: channels of a slice of the input", None
    )


def unfold(build: Builder, x: str, p: Conv) -> str:
    """Add the one convolution."""
    channels = p.channels or build.expanded(x, p.expansion, 0, build.row.rounding)
    part = p.as_part(p.kernel, build.groups(x, p.groups, p.group_width))
    return build.part("", x, part, channels, stride=p.stride, dilation=p.dilation)


BLOCK = Block(Conv, unfold)
