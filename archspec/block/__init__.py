"""What a block is: a parameter class and the way it unfolds into ops.

A block is one file with a frozen dataclass of parameters (its fields are the columns of a table)
and `BLOCK = Block(TheClass, unfold)`. The builder that `unfold` gets knows where it stands: it
names nodes, scales nothing (the spec has done it), and turns what does not fit into an error at the
cell that said it.
"""

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import Any

from archspec.block.builder import Builder
from archspec.block.parts import Gate, initializer
from archspec.block.site import Derivation

__all__ = ["Block", "Builder", "Derivation", "Gate", "initializer"]


@dataclass(frozen=True)
class Block:
    """A parameter class, and the function that adds the ops and returns the output value."""

    parameters: type[Any]
    unfold: Callable[[Builder, str, Any], str]

    def __post_init__(self) -> None:
        if not is_dataclass(self.parameters):
            raise TypeError(f"the parameter class {self.parameters!r} is no dataclass")
