"""The mean (or the largest value) of each channel: (h, w, c) → (1, 1, c)."""

from dataclasses import dataclass
from typing import Literal

from archspec.block import Block, Builder
from archspec.ops import GlobalPool as GlobalPoolOp
from archspec.parameters import parameter, word


@dataclass(frozen=True, kw_only=True, slots=True)
class GlobalPool:
    """The mean (or the largest value) of each channel."""

    type: Literal["average", "max"] = parameter(
        word("average", "max"), "mean or largest", "average"
    )


def unfold(build: Builder, x: str, p: GlobalPool) -> str:
    """Add the one op."""
    return build.add("", GlobalPoolOp(p.type), x)


BLOCK = Block(GlobalPool, unfold)
