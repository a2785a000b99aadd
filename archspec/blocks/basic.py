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
from archspec.parameters import (
    Antialias,
    Convolutional,
    Kernel,
    Part,
    Shortcut,
    SqueezeExcite,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Basic(Convolutional):
    """Filter twice, add."""

    ONE_OF: ClassVar = (("se", "eca"),)

    channels: int = shared.channels("channels of both convolutions")
    kernel: Kernel = shared.kernel("window of both convolutions")
    stride: int = shared.stride("step of the first window, in pixels")
    dilation: int = shared.dilation("distance of both windows' pixels")
    antialias: Antialias | None = shared.antialias("after the first, instead of its stride")
    se: SqueezeExcite | None = shared.squeeze_excite("squeeze-excite after the second")
    eca: int | Literal["auto"] | None = shared.eca()
    drop_path: float = shared.drop_path()
    sum_activation: Any = shared.sum_activation()
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
