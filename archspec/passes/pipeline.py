"""The passes that every deployed model goes through, whatever it becomes."""

from collections.abc import Callable, Mapping
from functools import partial
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


def passes(*, any_size: bool = False) -> tuple[Pass, ...]:
    """All passes in the order in which they run; `any_size`: outputs stay at every size."""
    sized = {"any_size": any_size}
    return (prune, partial(pads, **sized), partial(collapse, **sized), gates, merge, absorb)


PASSES = passes()
"""Those of a graph for images of one size."""


def deployed(graph: Graph, weights: Weights, *, any_size: bool = False) -> tuple[Graph, Weights]:
    """The graph after all passes.

    Requires: an array for each key of `graph.weights`.
    Ensures: what each of `PASSES` ensures; names stay, outputs are equal up to rounding.

    Args:
        graph: as it was lowered.
        weights: its arrays.
        any_size: whether outputs must be equal for images of every size.
    """
    for run in passes(any_size=any_size):
        graph, weights = run(graph, weights)
    return graph, weights
