"""In training each value is zero with a probability; the shape stays."""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Dropout as DropoutOp
from archspec.parameters import number, parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropout:
    """In training each value is zero with a probability."""

    rate: float = parameter(number(0, 0.999), "the probability")


def unfold(build: Builder, x: str, p: Dropout) -> str:
    """Add the one op."""
    return build.add("", DropoutOp(p.rate), x)


BLOCK = Block(Dropout, unfold)
