"""Norm and activation, then filter twice, add; nothing comes after the sum.

`norm`, `activation`, `first.*`, `second.*`, `shortcut.*`, `drop_path`, `add`.
(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. The shortcut is the input
itself where stride and width stay; its convolution reads what `norm` and `activation` made of it.
Source: He et al. 2016, arXiv:1603.05027, Figure 4e.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.parameters import (
    Convolutional,
    Kernel,
    Part,
    Shortcut,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PreactivationBasic(Convolutional):
    """Norm and activation, then filter twice, add."""

    channels: int = shared.channels("channels of both convolutions")
    kernel: Kernel = shared.kernel("window of both convolutions")
    stride: int = shared.stride("step of the first window, in pixels")
    dilation: int = shared.dilation("distance of both windows' pixels")
    drop_path: float = shared.drop_path()
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
