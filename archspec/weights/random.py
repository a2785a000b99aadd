"""Arrays that anyone can draw again: seed and key decide, not the order of the nodes."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
    # numpy lets other threads run while it draws.
    with ThreadPoolExecutor() as pool:
        drawn = {
            f"{node.name}/{array}": pool.submit(_drawn, graph, node, array, seed)
            for node in graph.nodes
            for array in graph.weights_of(node)
        }
        return {key: found.result() for key, found in drawn.items()}


def _drawn(graph: Graph, node: Node, array: str, seed: int) -> Array:
    """One array of a node."""
    generator = Generator(PCG64([seed, crc32(f"{node.name}/{array}".encode())]))
    shape = graph.weights_of(node)[array].shape
    if array == "kernel":
        fan_in = prod(shape[:2] if is_depthwise(graph, node) else shape[:-1])
        return _normal(generator, shape, sqrt(2 / fan_in))
    drawn = DRAWS.get(array, _normal)(generator, shape)
    if array == "gamma" and _is_added(graph, node):
        drawn *= np.float32(0.5)
    return drawn


def _is_added(graph: Graph, node: Node) -> bool:
    """Whether what a node gives goes into a sum, all that only trains left aside."""
    readers = graph.readers[node.name]
    passing = (DropPath, Dropout)
    return any(
        isinstance(reader.op, Add) or (isinstance(reader.op, passing) and _is_added(graph, reader))
        for reader in readers
    )


def _normal(generator: Generator, shape: Shape, deviation: float = 0.1) -> Array:
    array = generator.standard_normal(shape, np.float32)
    array *= np.float32(deviation)  # in place: of a large net a second array takes a while
    return array


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
