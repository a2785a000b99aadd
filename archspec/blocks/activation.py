"""A function of each value; the shape stays."""

from dataclasses import dataclass
from typing import Any

from archspec.block import Block, Builder
from archspec.parameters import FUNCTION, parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """A function of each value (softmax: of all channels)."""

    activation: Any = parameter(FUNCTION, "the function")


def unfold(build: Builder, x: str, p: Activation) -> str:
    """Add the one op."""
    return build.activation("", x, p.activation)


BLOCK = Block(Activation, unfold)
