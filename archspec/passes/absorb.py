"""Take the factor of a rescaling into the convolution behind it."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph, Node
from archspec.ops import Convolution
from archspec.passes.structure.absorb import absorbed

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]


def absorb(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Multiply a convolution's kernel by the factor of the Rescale that only it reads.

    (x · scale + offset) * kernel is (x + offset / scale) * (scale · kernel), whatever zeros the
    convolution pads with.

    Requires: an array for each key of `graph.weights`.
    Ensures: a Rescale that only a convolution reads has a factor only where one is 0. One that
        shifts is called `shift` under its old name, since its value is another; one that does not
        is gone. The kernel is computed in float64 and keeps its type. Outputs are equal up to
        rounding.
    """
    changed, factors = absorbed(graph)
    if not factors:
        return graph, weights
    arrays = dict(weights)
    for name, scale in factors.items():
        _scale(arrays, graph, graph.named[name], np.asarray(scale, np.float64))
    return changed, arrays


def _scale(arrays: dict[str, Array], graph: Graph, node: Node, scale: Array) -> None:
    """Multiply each input channel's part of a kernel (kh, kw, c / groups, channels)."""
    assert isinstance(node.op, Convolution)  # noqa: S101
    image, op = graph.inputs_of(node)[0], node.op
    kernel = arrays[f"{node.name}/kernel"]
    each = np.broadcast_to(scale, image[2:]).reshape(op.groups, -1).T
    factors = np.repeat(each, op.channels // op.groups, axis=1)  # (c / groups, channels)
    plain = kernel.reshape(*op.kernel, image[2] // op.groups, op.channels)
    scaled = plain.astype(np.float64) * factors
    arrays[f"{node.name}/kernel"] = scaled.reshape(kernel.shape).astype(kernel.dtype)
