"""Narrow, then filter by 1x1 and by 3x3 side by side, and join.

`squeeze.*`, `expand1x1.*`, `expand3x3.*`, `concat`.

(h, w, c) → (h, w, channels), the channels of `expand1x1` first; of an odd number it has one more.
Source: Iandola et al. 2016, arXiv:1602.07360, Section 3.2 and Figure 1.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Concat
from archspec.parameters import MAX_CHANNELS, Convolutional, Part, integer, parameter, part, shared


@dataclass(frozen=True, kw_only=True, slots=True)
class Fire(Convolutional):
    """Narrow, then filter by 1x1 and by 3x3 side by side, and join."""

    channels: int = parameter(
        integer(2, MAX_CHANNELS), "channels of the output, half from each window", count=True
    )
    hidden: int = shared.channels("channels between, of `squeeze`")
    squeeze: Part = part("the 1x1 convolution that narrows")
    expand1x1: Part = part("the 1x1 convolution that widens")
    expand3x3: Part = part("the 3x3 convolution that widens", kernel=((3, 3),))


def unfold(build: Builder, x: str, p: Fire) -> str:
    """Add the three convolutions."""
    half = p.channels // 2
    x = build.part("squeeze", x, p.squeeze, p.hidden)
    left = build.part("expand1x1", x, p.expand1x1, p.channels - half)
    right = build.part("expand3x3", x, p.expand3x3, half)
    return build.add("concat", Concat(), left, right)


BLOCK = Block(Fire, unfold)
