"""What a rule returns: layers and operations of Keras, each with the name that it gets."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""Keras has no types of its own."""
Layer: TypeAlias = Callable[[Tensor], Tensor]
"""Tensor (or list of tensors) → tensor: a Keras layer, or operations where Keras has no layer."""
Common: TypeAlias = Mapping[str, Any]
"""What each layer of a node is told: its name and its dtype policy."""


def part(common: Common, part: str) -> Common:
    """For a layer that stands before or after the one with the name of the node."""
    return {**common, "name": f"{common['name']}.{part}"}


def operation(function: Layer, common: Common) -> Layer:
    """A function of `keras.ops` as a step of the model that bears the name in `common`."""

    def apply(value: Tensor) -> Tensor:
        result = function(value)
        result._keras_history.operation.name = common["name"]  # noqa: SLF001  no public way
        return result

    return apply
