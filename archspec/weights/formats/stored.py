"""An array in a file, and what is wrong with a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.ops import Shape

ROOM_PER_NUMBER = 32
"""Bytes: one number in float64, with three moments of an optimizer."""
ROOM = 16 << 20
"""Bytes for the headers of any file."""


class FormatError(ValueError):
    """A file is not what its name promises; the text says why."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An array in a file that is open: its shape as the file states it, and how to load it."""

    shape: Shape
    load: Callable[[], NDArray[Any]]


def room(graph: Graph) -> int:
    """Bytes that a file of weights for a graph may take, unpacked; more is a bomb."""
    return ROOM + ROOM_PER_NUMBER * sum(weight.size for weight in graph.weights.values())
