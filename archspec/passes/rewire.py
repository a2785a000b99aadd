"""Taking nodes out of a graph: what the passes have in common."""

from collections.abc import Mapping
from dataclasses import replace

from archspec.graph import Graph, Node, verify
from archspec.ops import Op


def rewire(graph: Graph, gone: Mapping[str, str], changed: Mapping[str, Op]) -> Graph:
    """The graph without the nodes of `gone`, and with the new ops of `changed`.

    Requires: a changed op keeps the shape of its node.
    Ensures: the nodes that stay keep name and order; readers and outputs of a node that went
        point to what stands for it.

    Args:
        graph: to take from.
        gone: node to take out → earlier value that stands for it, which may be gone itself.
        changed: node → its new op.
    """
    if not gone and not changed:
        return graph

    def standing(name: str) -> str:
        while name in gone:
            name = gone[name]
        return name

    def rewired(node: Node) -> Node:
        """With its new op and inputs; written out, as that is what the passes do most."""
        inputs = tuple(map(standing, node.inputs))
        op = changed.get(node.name, node.op)
        if op is node.op and inputs == node.inputs:
            return node
        return Node(node.name, op, inputs, node.shape, node.row, node.span)

    nodes = tuple(rewired(node) for node in graph.nodes if node.name not in gone)
    outputs = {name: standing(node) for name, node in graph.outputs.items()}
    graph = replace(graph, nodes=nodes, outputs=outputs)
    verify(graph)
    return graph


def alone(graph: Graph, value: str) -> bool:
    """Whether a value has one reader and is no output: then its reader may stand for it."""
    return len(graph.readers[value]) == 1 and value not in graph.outputs.values()
