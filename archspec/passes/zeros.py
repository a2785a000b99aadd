"""Pad with zeros where that is as good as minus infinity."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph, Node
from archspec.ops import Op, Pool
from archspec.passes.rewire import rewire
from archspec.passes.structure.pads import is_never_negative

Weights: TypeAlias = Mapping[str, NDArray[Any]]


def zeros(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Let zeros count as padding in each maximum of what is never negative.

    Minus infinity has no place among the 256 numbers of int8.

    Requires: nothing.
    Ensures: a maximum of what is never negative counts its padding, unless that is the padding
        `same`, which needs no values, or a window has nothing but padding. Outputs are the same,
        weights are untouched.
    """
    changed: dict[str, Op] = {
        node.name: replace(node.op, count_padding=True)
        for node in graph.nodes
        if isinstance(node.op, Pool) and _needs_zeros(graph, node, node.op)
    }
    return rewire(graph, {}, changed), weights


def _needs_zeros(graph: Graph, node: Node, op: Pool) -> bool:
    (image,) = graph.inputs_of(node)
    around = op.pads(image)
    if op.type != "max" or around == replace(op, padding="same").pads(image):
        return False
    fits = all(max(sides) < size for sides, size in zip(around, op.kernel, strict=True))
    return fits and any(map(sum, around)) and is_never_negative(graph, node.inputs[0])
