"""Drop what only trains."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.ops import Dropout, DropPath
from archspec.passes.rewire import rewire

Weights: TypeAlias = Mapping[str, NDArray[Any]]


def prune(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Drop dropout and drop path, which are the identity when nothing is trained.

    Requires: nothing.
    Ensures: no Dropout and no DropPath is left; every output is the same, to the bit; weights
        are untouched.
    """
    gone = {
        node.name: node.inputs[0] for node in graph.nodes if isinstance(node.op, Dropout | DropPath)
    }
    return rewire(graph, gone, {}), weights
