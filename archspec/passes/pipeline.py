"""The passes that every deployed model goes through, whatever it becomes."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.passes.absorb import absorb
from archspec.passes.collapse import collapse
from archspec.passes.gates import gates
from archspec.passes.merge import merge
from archspec.passes.pads import pads
from archspec.passes.prune import prune

Weights: TypeAlias = Mapping[str, NDArray[Any]]
Pass: TypeAlias = Callable[[Graph, Weights], tuple[Graph, Weights]]

PASSES: tuple[Pass, ...] = (prune, pads, collapse, gates, merge, absorb)
"""In the order in which they run."""


def deployed(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """The graph after all passes.

    Requires: an array for each key of `graph.weights`.
    Ensures: what each of `PASSES` ensures; names stay, outputs are equal up to rounding.
    """
    for run in PASSES:
        graph, weights = run(graph, weights)
    return graph, weights
