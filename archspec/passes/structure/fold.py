"""Which batch norms and scales go into what stands before them, or after them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from archspec.graph import Graph, Node
from archspec.ops import BatchNorm, Concat, Convolution, Dense, Op, Scale
from archspec.passes.rewire import alone, rewire


class Folding(NamedTuple):
    """A batch norm or scale, and what it goes into, in the order of the channels."""

    norm: Node
    targets: Sequence[Node]


class Folded(NamedTuple):
    """What `fold` gives, and how it comes about.

    Args:
        graph: after the pass.
        behind: what goes into what stands before it, in the order in which it does.
        ahead: what goes into the dense layer after it, likewise.
    """

    graph: Graph
    behind: Sequence[Folding]
    ahead: Sequence[Folding]


def folded(graph: Graph) -> Folded:
    """The graph that `fold` gives."""
    gone: dict[str, str] = {}
    behind = list(_behind(graph, gone))
    ahead = list(_ahead(graph, gone))
    targets = (target for folding in (*behind, *ahead) for target in folding.targets)
    changed: dict[str, Op] = {target.name: _with_bias(target.op) for target in targets}
    return Folded(rewire(graph, gone, changed), behind, ahead)


def _behind(graph: Graph, gone: dict[str, str]) -> Iterator[Folding]:
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm | Scale):
            (value,) = node.inputs
            targets = _sources(graph, graph.named, gone, value)
            if targets:
                gone[node.name] = gone.get(value, value)
                yield Folding(node, targets)


def _ahead(graph: Graph, gone: dict[str, str]) -> Iterator[Folding]:
    ahead: dict[str, Node] = {}
    for node in reversed(graph.nodes):
        if isinstance(node.op, BatchNorm) and node.name not in gone and alone(graph, node.name):
            (reader,) = graph.readers[node.name]
            reader = ahead.get(reader.name, reader)
            if isinstance(reader.op, Dense):
                gone[node.name], ahead[node.name] = node.inputs[0], reader
                yield Folding(node, (reader,))


def _with_bias(op: Op) -> Op:
    assert isinstance(op, Convolution | Dense)  # noqa: S101
    return replace(op, bias=True)


def _sources(
    graph: Graph, nodes: Mapping[str, Node], gone: Mapping[str, str], value: str
) -> Sequence[Node]:
    """What a norm of a value goes into, in the order of the channels; none if that cannot be.

    Args:
        graph: that has the value.
        nodes: of the graph by name.
        gone: node that was folded → what stands for it.
        value: that the norm reads.
    """
    node = nodes.get(gone.get(value, value))
    if node is None or not alone(graph, value):
        return ()
    if isinstance(node.op, Convolution | Dense):
        return (node,)
    if not isinstance(node.op, Concat) or len(set(node.inputs)) < len(node.inputs):
        return ()
    parts = [_sources(graph, nodes, gone, part) for part in node.inputs]
    return tuple(chain(*parts)) if all(parts) else ()
