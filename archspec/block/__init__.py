"""What a block is: a parameter class and the way it unfolds into ops.

A block is one file with a frozen dataclass of parameters (its fields are the columns of a table)
and `BLOCK = Block(TheClass, unfold)`. The builder that `unfold` gets knows where it stands: it
names nodes, scales nothing (the spec has done it), and turns what does not fit into an error at the
cell that said it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, TypeAlias

from archspec.block.builder import Builder
from archspec.block.parts import Gate, initializer
from archspec.block.site import Derivation

__all__ = ["Block", "Builder", "Derivation", "Gate", "Given", "initializer"]

Given: TypeAlias = str | Mapping[str, str]
"""What a block gives: a value, or several by the names that outputs of the graph have."""


@dataclass(frozen=True)
class Block:
    """A parameter class, and the function that adds the ops and returns the output value.

    Args:
        parameters: a dataclass.
        unfold: gets the builder, the value that the block reads, and its parameters.
        several: whether a row may give the block several `inputs`; `unfold` gets a tuple of values
            then, of which there may still be one.
    """

    parameters: type[Any]
    unfold: Callable[[Builder, Any, Any], Given]
    several: bool = False

    def __post_init__(self) -> None:
        if not is_dataclass(self.parameters):
            raise TypeError(f"the parameter class {self.parameters!r} is no dataclass")
