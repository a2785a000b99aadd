"""Arrays that anyone can draw again: seed and key decide, not the order of the nodes."""

from collections.abc import Callable, Mapping
from math import prod, sqrt
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from archspec.graph import Graph, Node, is_depthwise
from archspec.ops import Add, Dropout, DropPath, Shape

Array: TypeAlias = NDArray[np.float32]


def draw(graph: Graph, seed: int) -> dict[str, NDArray[Any]]:
    """float32 arrays for every key of a graph.

    Kernels are normal of variance 2 / fan in, which keeps the scale of what flows through, factors
    and variances uniform from 0.5 to 1.5, all else normal of standard deviation 0.1: statistics
    as a trained net could have them, far from the 0 and 1 that would hide a mistake. Factors of
    what is added to something are half of that, or a deep net of residuals would grow until
    float32 no longer says anything: EfficientNet-B4's logits were wrong in the first digit.

    Args:
        graph: what to draw for.
        seed: a whole number from 0.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for node in graph.nodes:
        depthwise = is_depthwise(graph, node)
        for array, weight in graph.weights_of(node).items():
            key = f"{node.name}/{array}"
            generator = Generator(PCG64([seed, crc32(key.encode())]))
            if array == "kernel":
                fan_in = prod(weight.shape[:2] if depthwise else weight.shape[:-1])
                arrays[key] = _normal(generator, weight.shape, sqrt(2 / fan_in))
            else:
                arrays[key] = DRAWS.get(array, _normal)(generator, weight.shape)
            if array == "gamma" and _is_added(graph, node):
                arrays[key] *= np.float32(0.5)
    return arrays


def _is_added(graph: Graph, node: Node) -> bool:
    """Whether what a node gives goes into a sum, all that only trains left aside."""
    readers = graph.readers[node.name]
    passing = (DropPath, Dropout)
    return any(
        isinstance(reader.op, Add) or (isinstance(reader.op, passing) and _is_added(graph, reader))
        for reader in readers
    )


def _normal(generator: Generator, shape: Shape, deviation: float = 0.1) -> Array:
    return generator.standard_normal(shape, np.float32) * np.float32(deviation)


def _uniform(generator: Generator, shape: Shape) -> Array:
    return generator.random(shape, np.float32) + np.float32(0.5)


def _zero(_: Generator, shape: Shape) -> Array:
    return np.zeros(shape, np.float32)


DRAWS: Mapping[str, Callable[[Generator, Shape], Array]] = {
    "gamma": _uniform,
    "moving_variance": _uniform,
    "variance": _uniform,
    "count": _zero,
}
"""Name of an array → how it is drawn, where not as a bias or a mean."""
