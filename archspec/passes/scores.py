"""Choose what an image classifier gives: logits, or probabilities."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from archspec.errors import error
from archspec.graph import Graph, Node, verify
from archspec.ops import Activation, Flatten
from archspec.passes.rewire import rewire

Weights: TypeAlias = Mapping[str, NDArray[Any]]
Scores: TypeAlias = Literal["logits", "softmax"]

_ACTIVATION = Activation("softmax")


def scores(graph: Graph, wanted: Scores) -> Graph:
    """The graph whose outputs of vectors are logits, or the softmax of these.

    Requires: nothing.
    Ensures: "softmax": each output that is a vector (classes,) is a softmax, appended as
        `NODE.softmax` where there was none; "logits": a softmax at such an output is gone. What
        else there is stays.

    Raises:
        SpecError: E417, no output is a vector.
    """
    vectors = {name: node for name, node in graph.outputs.items() if len(graph.shapes[node]) == 1}
    if not vectors:
        raise error("E417", f"no output of {graph.name} is a vector of {wanted}")
    return _without(graph, vectors) if wanted == "logits" else _with(graph, vectors)


def _softmax(graph: Graph, name: str) -> Node | None:
    """The softmax that gives a value, perhaps flattened after it."""
    node = graph.named.get(name)
    while node and isinstance(node.op, Flatten):
        node = graph.named.get(node.inputs[0])
    return node if node and node.op == _ACTIVATION else None


def _without(graph: Graph, vectors: Mapping[str, str]) -> Graph:
    found = (_softmax(graph, node) for node in vectors.values())
    return rewire(graph, {node.name: node.inputs[0] for node in found if node}, {})


def _with(graph: Graph, vectors: Mapping[str, str]) -> Graph:
    nodes, outputs = list(graph.nodes), dict(graph.outputs)
    for name, value in vectors.items():
        if _softmax(graph, value):
            continue
        row = graph.named[value].row if value in graph.named else ""
        added = Node(f"{value}.softmax", _ACTIVATION, (value,), graph.shapes[value], row)
        if added not in nodes:
            nodes.append(added)
        outputs[name] = added.name
    graph = replace(graph, nodes=tuple(nodes), outputs=outputs)
    verify(graph)
    return graph
