"""A normalization by itself; the shape stays."""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.parameters import NORM, parameter
from archspec.parameters import Norm as NormObject


@dataclass(frozen=True, kw_only=True, slots=True)
class Norm:
    """A normalization by itself."""

    norm: NormObject = parameter(NORM, "which one")


def unfold(build: Builder, x: str, p: Norm) -> str:
    """Add the one op."""
    return build.norm("", x, p.norm)


BLOCK = Block(Norm, unfold)
