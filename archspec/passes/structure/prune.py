"""Which nodes only train, and which no output needs."""

from archspec.graph import Graph, needed
from archspec.ops import Dropout, DropPath
from archspec.passes.rewire import rewire


def pruned(graph: Graph) -> Graph:
    """The graph that `prune` gives."""
    gone = {
        node.name: node.inputs[0] for node in graph.nodes if isinstance(node.op, Dropout | DropPath)
    }
    return needed(rewire(graph, gone, {}))
