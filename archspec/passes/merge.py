"""Merge rescalings that follow each other."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph, Node
from archspec.ops import Rescale
from archspec.passes.structure.merge import Affine, merged

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]


def merge(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Merge chains of Rescale and Standardize into one Rescale, which has the name of the first.

    Requires: an array for each key of `graph.weights`.
    Ensures: no Rescale or Standardize reads another one, unless that one is read twice or is an
        output itself. Scale and offset are computed in float64; outputs are equal up to rounding.
    """

    def known(node: Node) -> Affine:
        scale, offset = affine(node, weights)
        return scale.tolist(), offset.tolist()

    changed = merged(graph, known)
    return changed, {key: array for key, array in weights.items() if key in changed.weights}


def affine(node: Node, weights: Weights) -> tuple[Array, Array]:
    """Scale and offset, one number or one for each channel, in float64."""
    if isinstance(node.op, Rescale):
        return np.asarray(node.op.scale, np.float64), np.asarray(node.op.offset, np.float64)
    mean = weights[f"{node.name}/mean"].astype(np.float64)
    variance = weights[f"{node.name}/variance"].astype(np.float64)
    with np.errstate(all="ignore"):
        scale = 1 / np.maximum(np.sqrt(variance), 1e-7)
    return scale, -mean * scale
