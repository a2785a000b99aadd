"""x · scale + offset, for all channels or for each; the shape stays.

`{scale: 1/127.5, offset: -1}` takes pixels from 0…255 to -1…1.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Rescale
from archspec.parameters import NUMBERS, parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Rescaling:
    """x · scale + offset."""

    scale: tuple[float, ...] = parameter(NUMBERS, "factor, or one for each channel", (1.0,))
    offset: tuple[float, ...] = parameter(NUMBERS, "added after, or one for each channel", (0.0,))


def unfold(build: Builder, x: str, p: Rescaling) -> str:
    """Add the one op."""
    return build.add("", Rescale(p.scale, p.offset), x)


BLOCK = Block(Rescaling, unfold)
