"""All values as one vector, rows first, channels last: (h, w, c) → (h · w · c,)."""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Flatten as FlattenOp


@dataclass(frozen=True, kw_only=True, slots=True)
class Flatten:
    """All values as one vector."""


def unfold(build: Builder, x: str, p: Flatten) -> str:
    """Add the one op."""
    del p
    return build.add("", FlattenOp(), x)


BLOCK = Block(Flatten, unfold)
