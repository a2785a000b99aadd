"""A convolution with its norm and activation: `conv`, `norm`, `activation`, `add`.

After the activation there may be `antialias`, before `add` `drop_path`.
(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. With a residual it is what
EfficientNetV2 has for a fused inverted residual that does not widen (arXiv:2104.00298).
"""

from dataclasses import dataclass
from typing import ClassVar

from archspec.block import Block, Builder
from archspec.parameters import (
    KERNEL,
    MAX_CHANNELS,
    Antialias,
    Convolutional,
    Expansion,
    Kernel,
    Object,
    integer,
    parameter,
    shared,
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
    stride: int = shared.stride("step of the window, in pixels")
    dilation: int = shared.dilation("distance of the window's pixels")
    groups: int = parameter(integer(1, MAX_CHANNELS), "slices of the channels, each by itself", 1)
    group_width: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of groups: channels of a slice of the output", None
    )
    antialias: Antialias | None = shared.antialias("after the activation, instead of the stride")
    residual: str | None = shared.residual(None)
    drop_path: float = shared.drop_path()


def unfold(build: Builder, x: str, p: Conv) -> str:
    """Add the one convolution."""
    channels = p.channels or build.expanded(x, p.expansion, 0, build.row.rounding)
    part = p.as_part(p.kernel, build.groups(channels, p.groups, p.group_width))
    y = build.part(
        "", x, part, channels, stride=p.stride, dilation=p.dilation, antialias=p.antialias
    )
    return build.residual(x, y, p.residual, p.drop_path)


BLOCK = Block(Conv, unfold)
