"""Norm and activation, then filter twice, add; nothing comes after the sum.

`norm`, `activation`, `first.*`, `second.*`, `shortcut.*`, `drop_path`, `add`.
(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. The shortcut is the input
itself where stride and width stay; its convolution reads what `norm` and `activation` made of it.
Source: He et al. 2016, arXiv:1603.05027, Figure 4e.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.parameters import (
    KERNEL,
    MAX_CHANNELS,
    Convolutional,
    Kernel,
    Part,
    Shortcut,
    integer,
    number,
    parameter,
    part,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PreactivationBasic(Convolutional):
    """Norm and activation, then filter twice, add."""

    channels: int = parameter(integer(1, MAX_CHANNELS), "channels of both convolutions", count=True)
    kernel: Kernel = parameter(KERNEL, "window of both convolutions", ((3, 3),))
    stride: int = parameter(integer(1, 64), "step of the first window, in pixels", 1)
    dilation: int = parameter(integer(1, 64), "distance of both windows' pixels", 1)
    drop_path: float = parameter(
        number(0, 1), "stochastic depth: probability that training drops the residual branch", 0.0
    )
    first: Part = part("the convolution with the stride", kernel="block")
    second: Part = part("the other", kernel="block", norm=None, activation=None)
    shortcut: Shortcut | None = part(
        "the convolution beside them, where stride or width change; none: no sum there",
        Shortcut,
        optional="on",
        norm=None,
        activation=None,
    )


def unfold(build: Builder, x: str, p: PreactivationBasic) -> str:
    """Add norm and activation, both convolutions, the shortcut and the sum."""
    activated = build.activation("activation", build.norm("norm", x, p.norm), p.activation)
    y = build.part("first", activated, p.first, p.channels, stride=p.stride, dilation=p.dilation)
    y = build.part("second", y, p.second, p.channels, dilation=p.dilation)
    return build.beside(x, y, p.shortcut, p.stride, p.drop_path, activated)


BLOCK = Block(PreactivationBasic, unfold)
