"""(x - mean) / √variance for each channel, with the statistics of a data set as weights.

The shape stays. It is keras.layers.Normalization, which keras.applications puts before
EfficientNet.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Standardize as StandardizeOp


@dataclass(frozen=True, kw_only=True, slots=True)
class Standardize:
    """(x - mean) / √variance for each channel."""


def unfold(build: Builder, x: str, p: Standardize) -> str:
    """Add the one op."""
    del p
    return build.add("", StandardizeOp(), x)


BLOCK = Block(Standardize, unfold)
