"""Fold batch norm into what stands before it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph, Node
from archspec.ops import BatchNorm, Convolution, Dense, Op
from archspec.passes.rewire import alone, rewire

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]


def fold(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Fold each batch norm into the convolution or dense layer whose only reader it is.

    Requires: an array for each key of `graph.weights`.
    Ensures: a batch norm is left only behind another op, or behind a value that is read twice
        or is an output itself. What was folded into keeps its name and has a bias; its
        arrays are computed in float64 and keep their type. Outputs are equal up to rounding.
    """
    nodes = {node.name: node for node in graph.nodes}
    gone: dict[str, str] = {}
    changed: dict[str, Op] = {}
    arrays = dict(weights)
    for node in graph.nodes:
        if not isinstance(node.op, BatchNorm) or not alone(graph, node.inputs[0]):
            continue
        target = nodes.get(gone.get(node.inputs[0], node.inputs[0]))
        if target and isinstance(target.op, Convolution | Dense):
            gone[node.name] = target.name
            changed[target.name] = replace(target.op, bias=True)
            _fold(arrays, target, node, node.op.epsilon)
    return rewire(graph, gone, changed), arrays


def _fold(arrays: dict[str, Array], target: Node, norm: Node, epsilon: float) -> None:
    """Replace the arrays of `target` and take out those of `norm`."""

    def take(name: str) -> Array:
        return arrays.pop(f"{norm.name}/{name}").astype(np.float64)

    kernel = arrays[f"{target.name}/kernel"]
    bias = arrays.get(f"{target.name}/bias", np.float64(0))
    # Statistics from a file may be negative or infinite: NaN is what batch norm makes of them.
    with np.errstate(all="ignore"):
        scale = take("gamma") / np.sqrt(take("moving_variance") + epsilon)
        shift = take("beta") + (bias - take("moving_mean")) * scale
        # Output channels come last: one axis, or the last two of a depthwise kernel (kh, kw, c, m).
        scaled = kernel.reshape(-1, len(scale)) * scale
    arrays[f"{target.name}/kernel"] = scaled.reshape(kernel.shape).astype(kernel.dtype)
    arrays[f"{target.name}/bias"] = shift.astype(kernel.dtype)
