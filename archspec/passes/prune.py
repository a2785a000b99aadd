"""Drop what only trains, and what no output needs."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph, needed
from archspec.ops import Dropout, DropPath
from archspec.passes.rewire import rewire

Weights: TypeAlias = Mapping[str, NDArray[Any]]


def prune(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Drop dropout and drop path, the identity when nothing is trained, and dead nodes.

    Requires: an array for each key of `graph.weights`.
    Ensures: no Dropout and no DropPath is left, and every node is needed by an output; these are
        the same, to the bit; the arrays that are left are untouched.
    """
    gone = {
        node.name: node.inputs[0] for node in graph.nodes if isinstance(node.op, Dropout | DropPath)
    }
    pruned = needed(rewire(graph, gone, {}))
    return pruned, {key: weights[key] for key in pruned.weights}
