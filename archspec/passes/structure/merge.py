"""Which rescalings follow each other."""

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from math import nan
from typing import TypeAlias

from archspec.graph import Graph, Node
from archspec.ops import Op, Rescale, Standardize
from archspec.passes.rewire import alone, rewire

Numbers: TypeAlias = Sequence[float]
Affine: TypeAlias = tuple[Numbers, Numbers]
"""Scale and offset, one number or one for each channel."""


def unknown(node: Node) -> Affine:
    """Scale and offset of a Rescale; NaN where the statistics of a data set decide."""
    if isinstance(node.op, Rescale):
        return node.op.scale, node.op.offset
    return (nan,) * node.shape[-1], (nan,) * node.shape[-1]


def merged(graph: Graph, affine: Callable[[Node], Affine] = unknown) -> Graph:
    """The graph that `merge` gives.

    Args:
        graph: to change.
        affine: scale and offset of a Rescale or Standardize.
    """
    chains: dict[str, Affine] = {}
    gone: dict[str, str] = {}
    for node in graph.nodes:
        if not isinstance(node.op, Rescale | Standardize):
            continue
        (value,) = node.inputs
        first = gone.get(value, value)
        if first in chains and alone(graph, value):
            gone[node.name] = first
            chains[first] = _after(chains[first], affine(node))
        else:
            chains[node.name] = affine(node)
    changed: dict[str, Op] = {
        name: Rescale(tuple(scale), tuple(offset))
        for name, (scale, offset) in chains.items()
        if name in gone.values()
    }
    return rewire(graph, gone, changed)


def _after(one: Affine, other: Affine) -> Affine:
    """Both, one after the other: x · s · t + o · t + p."""
    scale = [mine * theirs for mine, theirs in each(one[0], other[0])]
    turned = [mine * theirs for mine, theirs in each(one[1], other[0])]
    return scale, [mine + theirs for mine, theirs in each(turned, other[1])]


def each(*numbers: Numbers) -> Iterator[tuple[float, ...]]:
    """Those of each channel together, one number for all of them as often as it is needed."""
    count = max(map(len, numbers))
    return zip(
        *(some if len(some) == count else repeat(some[0], count) for some in numbers), strict=True
    )
