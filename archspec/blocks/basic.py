"""Filter twice, add: `first.*`, `second.*`, `shortcut.*`, `add`, `activation`.

Between them, where they are said: `antialias`, `se.*` or `eca.*`, `drop_path`.
(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. The shortcut is the input
itself where stride and width stay.
Source: He et al. 2015, arXiv:1512.03385, Figure 5 left; squeeze-excite as in Hu et al. 2017,
    arXiv:1709.01507, Figure 3.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from archspec.block import Block, Builder, Gate
from archspec.ops import FUNCTIONS
from archspec.parameters import (
    ANTIALIAS,
    KERNEL,
    MAX_CHANNELS,
    Antialias,
    Convolutional,
    Kernel,
    Object,
    Part,
    Shortcut,
    SqueezeExcite,
    either,
    integer,
    number,
    parameter,
    part,
    word,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Basic(Convolutional):
    """Filter twice, add."""

    ONE_OF: ClassVar = (("se", "eca"),)

    channels: int = parameter(integer(1, MAX_CHANNELS), "channels of both convolutions", count=True)
    kernel: Kernel = parameter(KERNEL, "window of both convolutions", ((3, 3),))
    stride: int = parameter(integer(1, 64), "step of the first window, in pixels", 1)
    dilation: int = parameter(integer(1, 64), "distance of both windows' pixels", 1)
    antialias: Antialias | None = parameter(
        ANTIALIAS, "after the first, instead of its stride: a blur, or means", None
    )
    se: SqueezeExcite | None = parameter(
        Object(SqueezeExcite), "squeeze-excite after the second", None
    )
    eca: int | Literal["auto"] | None = parameter(
        either(word("auto"), integer(1, 255)),
        "instead of se: efficient channel attention, the kernel of its convolution along the "
        "channels; auto: from their count",
        None,
    )
    drop_path: float = parameter(
        number(0, 1), "stochastic depth: probability that training drops the residual branch", 0.0
    )
    sum_activation: Any = parameter(
        word("auto", *FUNCTIONS), "after the sum; auto: the block's", "auto", off=True
    )
    first: Part = part("the convolution with the stride", kernel="block")
    second: Part = part("the other", kernel="block", activation=None)
    shortcut: Shortcut | None = part(
        "the convolution beside them, where stride or width change; none: no sum there",
        Shortcut,
        optional="on",
        activation=None,
    )


def unfold(build: Builder, x: str, p: Basic) -> str:
    """Add both convolutions, the shortcut and the sum."""
    gate = Gate(p.se, build.shape(x)[-1], p.channels, p.init) if p.se else None
    y = build.part(
        "first", x, p.first, p.channels, stride=p.stride, dilation=p.dilation, antialias=p.antialias
    )
    y = build.part("second", y, p.second, p.channels, dilation=p.dilation, se=gate)
    if p.eca:
        y = build.channel_attention(y, p.eca)
    y = build.beside(x, y, p.shortcut, p.stride, p.drop_path)
    last = p.activation if p.sum_activation == "auto" else p.sum_activation
    return build.activation("activation", y, last)


BLOCK = Block(Basic, unfold)
