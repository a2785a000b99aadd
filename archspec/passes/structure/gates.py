"""Where hard sigmoids are written out."""

from archspec.graph import Graph, Node
from archspec.ops import Activation, Op, Rescale
from archspec.passes.rewire import alone, rewire

PLUS_THREE = Rescale((1.0,), (3.0,))
ROUNDING = 1e-6
"""Of a sixth that somebody wrote in float32."""


def gated(graph: Graph) -> Graph:
    """The graph that `gates` gives."""
    gone: dict[str, str] = {}
    changed: dict[str, Op] = {}
    for node in graph.nodes:
        row = _row(graph, node)
        if row:
            first, middle = row
            gone |= {middle.name: first.name, node.name: first.name}
            changed[first.name] = Activation("hard_sigmoid")
    return rewire(graph, gone, changed)


def _row(graph: Graph, last: Node) -> tuple[Node, Node] | None:
    """What comes before the division by six, if that is what it is."""
    if not _is_a_sixth(last.op):
        return None
    middle = graph.named.get(last.inputs[0])
    first = graph.named.get(middle.inputs[0]) if middle else None
    if not middle or not first:
        return None
    if middle.op != Activation("relu6") or first.op != PLUS_THREE:
        return None
    return (first, middle) if alone(graph, first.name) and alone(graph, middle.name) else None


def _is_a_sixth(op: Op) -> bool:
    if not isinstance(op, Rescale) or op.offset != (0.0,):
        return False
    return all(abs(scale * 6 - 1) < ROUNDING for scale in op.scale)
