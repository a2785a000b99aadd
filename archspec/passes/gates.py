"""Find hard sigmoids that are written out."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph, Node
from archspec.ops import Activation, Op, Rescale
from archspec.passes.rewire import alone, rewire

Weights: TypeAlias = Mapping[str, NDArray[Any]]

PLUS_THREE = Rescale((1.0,), (3.0,))
ROUNDING = 1e-6
"""Of a sixth that somebody wrote in float32."""


def gates(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Replace relu6(x + 3) / 6, as keras.applications' MobileNetV3 writes it, by a hard sigmoid.

    Requires: nothing.
    Ensures: no such row of three nodes is left, unless a value within it is read twice or is an
        output itself. The hard sigmoid has the name of the first one; outputs are equal up to
        rounding, weights are untouched.
    """
    gone: dict[str, str] = {}
    changed: dict[str, Op] = {}
    for node in graph.nodes:
        row = _row(graph, node)
        if row:
            first, middle = row
            gone |= {middle.name: first.name, node.name: first.name}
            changed[first.name] = Activation("hard_sigmoid")
    return rewire(graph, gone, changed), weights


def _row(graph: Graph, last: Node) -> tuple[Node, Node] | None:
    """What comes before the division by six, if that is what it is."""
    middle = graph.named.get(last.inputs[0])
    first = graph.named.get(middle.inputs[0]) if middle else None
    if not middle or not first or not _is_a_sixth(last.op):
        return None
    if middle.op != Activation("relu6") or first.op != PLUS_THREE:
        return None
    return (first, middle) if alone(graph, first.name) and alone(graph, middle.name) else None


def _is_a_sixth(op: Op) -> bool:
    if not isinstance(op, Rescale) or op.offset != (0.0,):
        return False
    return all(abs(scale * 6 - 1) < ROUNDING for scale in op.scale)
