"""Find hard sigmoids that are written out."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.passes.structure.gates import gated

Weights: TypeAlias = Mapping[str, NDArray[Any]]


def gates(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Replace relu6(x + 3) / 6, as keras.applications' MobileNetV3 writes it, by a hard sigmoid.

    Requires: nothing.
    Ensures: no such row of three nodes is left, unless a value within it is read twice or is an
        output itself. The hard sigmoid has the name of the first one; outputs are equal up to
        rounding, weights are untouched.
    """
    return gated(graph), weights
