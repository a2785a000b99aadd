"""Drop what only trains, and what no output needs."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.passes.structure.prune import pruned

Weights: TypeAlias = Mapping[str, NDArray[Any]]


def prune(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Drop dropout and drop path, the identity when nothing is trained, and dead nodes.

    Requires: an array for each key of `graph.weights`.
    Ensures: no Dropout and no DropPath is left, and every node is needed by an output; these are
        the same, to the bit; the arrays that are left are untouched.
    """
    small = pruned(graph)
    return small, {key: weights[key] for key in small.weights}
