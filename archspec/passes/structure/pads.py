"""Which pads go into the windows that read them."""

from dataclasses import replace
from math import inf

from archspec.graph import Graph, Node
from archspec.ops import Activation, Around, Convolution, Op, Pad, Pool, Window
from archspec.passes.rewire import alone, rewire

NEVER_NEGATIVE = ("relu", "relu6", "sigmoid", "hard_sigmoid", "softmax", "softplus")
"""Functions whose value is zero or more."""


def padded(graph: Graph, *, any_size: bool = False) -> Graph:
    """The graph that `pads` gives."""
    if not any(isinstance(node.op, Pad) for node in graph.nodes):
        return graph
    gone: dict[str, str] = {}
    changed: dict[str, Op] = {}
    for node in graph.nodes:
        pad = graph.named.get(node.inputs[0])
        if not pad or not isinstance(pad.op, Pad) or not alone(graph, pad.name):
            continue
        if any_size and isinstance(node.op, Window) and not node.op.steady_pads():
            continue
        op = _merged(graph, pad, pad.op, node.op)
        if op:
            gone[pad.name] = pad.inputs[0]
            changed[node.name] = op
    return rewire(graph, gone, changed)


def _merged(graph: Graph, node: Node, pad: Pad, reader: Op) -> Op | None:
    """The window that does both, if there is one."""
    if not isinstance(reader, Window):
        return None
    image, padded = graph.inputs_of(node)[0], node.shape
    own = reader.pads(padded)
    around = _sum((pad.rows, pad.columns), own)
    window = reader.padded(around, image)
    counted = isinstance(reader, Pool) and reader.count_padding
    if isinstance(reader, Convolution):
        return window if pad.value == 0 else None
    if not isinstance(window, Pool):
        return None
    zeros, bare = pad.value == 0, not any(map(sum, own))
    if any(max(sides) >= size for sides, size in zip(around, window.kernel, strict=True)):
        return None  # a window of padding alone, which runtimes refuse
    if window.type == "average":
        return replace(window, count_padding=True) if zeros and (bare or counted) else None
    lowest = pad.value == -inf or (zeros and is_never_negative(graph, node.inputs[0]))
    return replace(window, count_padding=False) if lowest and (bare or not counted) else None


def _sum(one: Around, other: Around) -> Around:
    (top, bottom), (left, right) = one
    (above, below), (before, after) = other
    return (top + above, bottom + below), (left + before, right + after)


def is_never_negative(graph: Graph, value: str) -> bool:
    """Whether a value is zero or more, whatever the image."""
    node = graph.named.get(value)
    while node and isinstance(node.op, Pool) and node.op.type == "max":
        node = graph.named.get(node.inputs[0])
    return bool(node and isinstance(node.op, Activation) and node.op.function in NEVER_NEGATIVE)
