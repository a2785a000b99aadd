"""A binomial filter on each channel: (h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, c), size 3.

Source: Zhang 2019, arXiv:1904.11486, Section 3.2; the image is mirrored at its border.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Blur as BlurOp
from archspec.parameters import integer, parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Blur:
    """A binomial filter on each channel."""

    size: int = parameter(integer(2, 15), "height and width of the filter", 3)
    stride: int = parameter(integer(1, 64), "step of the filter, in pixels", 2)


def unfold(build: Builder, x: str, p: Blur) -> str:
    """Add the one op."""
    return build.add("", BlurOp(p.size, p.stride), x)


BLOCK = Block(Blur, unfold)
