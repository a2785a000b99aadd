"""Which activations are alive while a graph runs, node by node, and what each node moves.

A value lives from the node that gives it to the last node that reads it; an output of the graph, to
the end. What is alive at a node is all that it may still read or that is read later, its inputs and
its output. An op that works in place (`Op.in_place`: activations, norms, reshapes) takes the memory
of its input where nobody reads that later, be it the graph's; then its output needs none. Weights
do not count, nor what an op needs for itself, such as the scores of an attention. Of the second
input of a resize only the size is used, which is known before.
"""

from collections.abc import Mapping, Sequence
from math import prod

from archspec.graph import INPUT, Graph, Node
from archspec.ops import Resize


def alive(graph: Graph) -> Mapping[str, int]:
    """Node → numbers alive at it, for one image."""
    last = {name: place for place, node in enumerate(graph.nodes) for name in _read(node)}
    last |= dict.fromkeys(graph.outputs.values(), len(graph.nodes))
    sizes = {INPUT: prod(graph.input)}
    now = sizes[INPUT]
    found: dict[str, int] = {}
    for place, node in enumerate(graph.nodes):
        dead = sum(sizes[name] for name in {*_read(node)} if last[name] == place)
        size = sizes[node.name] = prod(node.shape)
        reused = size if node.op.in_place and dead else 0
        found[node.name] = now + size - reused
        now = found[node.name] - (dead - reused) - (0 if node.name in last else size)
    return found


def moved(graph: Graph, node: Node) -> int:
    """Numbers that a node reads and writes, less weights, for one image.

    Each input is read once and the output written once. An op that works in place moves nothing: it
    is done to what another one has at hand.
    """
    if node.op.in_place:
        return 0
    return prod(node.shape) + sum(prod(graph.shapes[name]) for name in {*_read(node)})


def _read(node: Node) -> Sequence[str]:
    return node.inputs[:1] if isinstance(node.op, Resize) else node.inputs
