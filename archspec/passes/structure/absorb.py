"""Which convolutions take the factor of a rescaling before them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from archspec.graph import Graph, Node, verify
from archspec.ops import Convolution, Rescale
from archspec.passes.rewire import alone, rewire
from archspec.passes.structure.merge import Numbers, each


class Absorbed(NamedTuple):
    """What `absorb` gives, and the factors of each convolution's kernel, by its name."""

    graph: Graph
    factors: Mapping[str, Numbers]


def absorbed(graph: Graph) -> Absorbed:
    """The graph that `absorb` gives."""
    factors: dict[str, Numbers] = {}
    gone: dict[str, str] = {}
    shifts: dict[str, Node] = {}
    for node in graph.nodes:
        if not isinstance(node.op, Rescale) or not alone(graph, node.name):
            continue
        (reader,) = graph.readers[node.name]
        scale, offset = node.op.scale, node.op.offset
        if not isinstance(reader.op, Convolution) or set(scale) == {1} or not all(scale):
            continue
        factors[reader.name] = scale
        if any(offset):
            shift = Rescale(offset=tuple(over / by for over, by in each(offset, scale)))
            shifts[node.name] = replace(node, name=f"{node.name}.shift", op=shift)
        else:
            gone[node.name] = node.inputs[0]
    return Absorbed(_renamed(rewire(graph, gone, {}), shifts), factors)


def _renamed(graph: Graph, shifts: Mapping[str, Node]) -> Graph:
    """The graph with these nodes in the places of others, read by the names that they have now."""
    if not shifts:
        return graph
    names = {name: shift.name for name, shift in shifts.items()}
    nodes = (
        replace(node, inputs=tuple(names.get(name, name) for name in node.inputs))
        if not names.keys().isdisjoint(node.inputs)
        else node
        for node in (shifts.get(node.name, node) for node in graph.nodes)
    )
    graph = replace(graph, nodes=tuple(nodes))
    verify(graph)
    return graph
