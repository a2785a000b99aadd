"""Choose what an image classifier gives: logits, or probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
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
        `NODE.softmax` where there was none; "logits": each is what a softmax there reads. That
        softmax is gone, if nothing else reads it. What else there is stays.

    Raises:
        SpecError: E417, no output is a vector.
    """
    vectors = {name: node for name, node in graph.outputs.items() if len(graph.shapes[node]) == 1}
    if not vectors:
        raise error("E417", f"no output of {graph.name} is a vector of {wanted}")
    return _without(graph, vectors) if wanted == "logits" else _with(graph, vectors)


def _row(graph: Graph, name: str) -> Sequence[Node]:
    """The softmax that gives a vector, and what flattens its one pixel after it; else nothing."""
    row: list[Node] = []
    node = graph.named.get(name)
    while node and isinstance(node.op, Flatten):
        row.append(node)
        node = graph.named.get(node.inputs[0])
    if node and node.op == _ACTIVATION and prod(node.shape) == node.shape[-1]:
        return [node, *reversed(row)]
    return ()


def _without(graph: Graph, vectors: Mapping[str, str]) -> Graph:
    gone: dict[str, str] = {}
    nodes, outputs = list(graph.nodes), dict(graph.outputs)
    for name, value in vectors.items():
        row = _row(graph, value)
        if not row:
            continue
        (logits,) = row[0].inputs
        if not _is_read(graph, row, vectors):
            gone[row[0].name] = logits
        elif len(graph.shapes[logits]) == 1:
            outputs[name] = logits
        else:
            added = Node(f"{value}.logits", Flatten(), (logits,), graph.shapes[value], row[-1].row)
            if added not in nodes:
                nodes.append(added)
            outputs[name] = added.name
    return rewire(replace(graph, nodes=tuple(nodes), outputs=outputs), gone, {})


def _is_read(graph: Graph, row: Sequence[Node], vectors: Mapping[str, str]) -> bool:
    """Whether anything but a row itself, and the outputs that change, reads a value of it."""
    own = {node.name for node in row}
    read = {reader.name for name in own for reader in graph.readers[name]}
    others = {value for name, value in graph.outputs.items() if name not in vectors}
    return not read <= own or bool(own & others)


def _with(graph: Graph, vectors: Mapping[str, str]) -> Graph:
    nodes, outputs = list(graph.nodes), dict(graph.outputs)
    for name, value in vectors.items():
        if _row(graph, value):
            continue
        row = graph.named[value].row if value in graph.named else ""
        added = Node(f"{value}.softmax", _ACTIVATION, (value,), graph.shapes[value], row)
        if added not in nodes:
            nodes.append(added)
        outputs[name] = added.name
    graph = replace(graph, nodes=tuple(nodes), outputs=outputs)
    verify(graph)
    return graph
