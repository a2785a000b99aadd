"""TensorFlow's graph, before tf2onnx converts it: what it knows no word for, or does badly with."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from onnx import helper

# What tf2onnx works on has no types.
Graph: TypeAlias = Any
Node: TypeAlias = Any

_SIGMA = 5
"""Which input of NonMaxSuppressionV5 says how softly it suppresses."""


class Soft(NamedTuple):
    """A suppression of boxes that is not hard, or not known to be."""

    node: str
    sigma: float | None


def complement(graph: Graph, node: Node, _name: str, _args: Sequence[object]) -> None:
    """Erfc(x) = 1 - Erf(x)."""
    given, shapes, dtypes = node.input[0], node.output_shapes, node.output_dtypes
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [given], shapes=shapes, dtypes=dtypes, name=f"{node.name}/Erf")
    one = np.ones(1, np.dtype(helper.tensor_dtype_to_np_dtype(dtypes[0])))
    one = graph.make_const(f"{node.name}/one", one)
    values = [one.output[0], erf.output[0]]
    same = {"name": node.name, "outputs": node.output, "shapes": shapes, "dtypes": dtypes}
    graph.make_node("Sub", values, **same)


def prepare(soft: list[Soft], graph: Graph, ops: Sequence[Node]) -> Sequence[Node]:
    """Note what suppresses softly, and spare tf2onnx what it does badly with."""
    for node in ops:
        if node.type == "NonMaxSuppressionV5":
            sigma = node.inputs[_SIGMA]
            value = float(sigma.get_tensor_value()) if sigma.is_const() else None
            if value != 0:
                soft.append(Soft(node.name, value))
        if node.type in {"Add", "AddV2"}:
            _lengthen(graph, node)
        if node.type == "Reshape":
            _decide(graph, node)
    return ops


def _lengthen(graph: Graph, node: Node) -> None:
    """Make vectors of length 1 of the scalars that are added to something larger.

    A scalar that is added behind a convolution is a bias without a length to tf2onnx's optimizer,
    which then gives up on moving transposes.
    """
    for place, given in enumerate(node.inputs):
        other = graph.get_shape(node.input[1 - place])
        if other and given.is_const() and graph.get_shape(node.input[place]) == []:
            value = given.get_tensor_value(as_list=False).reshape(1)
            longer = graph.make_const(f"{node.name}/scalar_{place}", value)
            graph.replace_input(node, node.input[place], longer.output[0], place)


def _decide(graph: Graph, node: Node) -> None:
    """Write down the shape that a Reshape computes, where TensorFlow knows all but one size."""
    shape = graph.get_shape(node.output[0])
    if shape and not node.inputs[1].is_const() and shape.count(-1) <= 1:
        decided = graph.make_const(f"{node.name}/decided", np.array(shape, np.int64))
        graph.replace_input(node, node.input[1], decided.output[0], 1)
