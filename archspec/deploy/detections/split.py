"""An ONNX model in two: a net that gives boxes and scores, and what suppresses them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import onnx

from archspec.graph import Graph, Node, needed
from archspec.ops import SUPPRESSING, Suppress, Suppression


class Split(NamedTuple):
    """The two parts of a model.

    Args:
        whole: the graph of both.
        graph: of the first: gives boxes, scores and whatever else is not suppressed.
        front: the model of that; its outputs are called as those of `graph`.
        tail: the model that takes boxes and scores.
    """

    whole: Graph
    graph: Graph
    front: onnx.ModelProto
    tail: onnx.ModelProto


def suppressing(graph: Graph) -> Sequence[Node]:
    """The nodes that suppress boxes, and pick what stays."""
    return [node for node in graph.nodes if isinstance(node.op, SUPPRESSING)]


def picks_of(graph: Graph) -> Node:
    """The node that suppresses boxes, of those that do."""
    return next(node for node in graph.nodes if isinstance(node.op, Suppress))


def suppression_of(graph: Graph) -> Suppression:
    """How boxes are suppressed in it."""
    op = picks_of(graph).op
    assert isinstance(op, Suppress)  # noqa: S101  as it was found
    return op.suppression


def front_of(graph: Graph, values: Sequence[str] = ()) -> Graph:
    """What gives boxes and scores, and whatever else is not suppressed.

    Args:
        graph: in which boxes are suppressed.
        values: what boxes and scores are called; as their nodes, if nothing is said.
    """
    names, given = {node.name for node in suppressing(graph)}, picks_of(graph).inputs
    others = {name: node for name, node in graph.outputs.items() if node not in names}
    outputs = {**dict(zip(values or given, given, strict=True)), **others}
    return needed(replace(graph, outputs=outputs))


def split(model: onnx.ModelProto, graph: Graph) -> Split:
    """Cut a model where its boxes and scores are.

    Args:
        model: of the graph, passes behind it.
        graph: in which boxes are suppressed once.
    """
    values = [_value(model, graph, name) for name in picks_of(graph).inputs]
    first = front_of(graph, values)
    kinds = {info.name: info for info in (*model.graph.value_info, *model.graph.output)}
    ours = [output for output in model.graph.output if output.name not in first.outputs]
    front = _part(model, model.graph.input, [kinds[name] for name in first.outputs])
    tail = _part(model, [kinds[name] for name in values], ours)
    return Split(graph, first, front, tail)


def _value(model: onnx.ModelProto, graph: Graph, name: str) -> str:
    """The ONNX value of a node; of one that a pass took out, of what it read."""
    values = {node.name: node.output[0] for node in model.graph.node}
    while name not in values:
        (name,) = graph.named[name].inputs
    return values[name]


def _part(
    model: onnx.ModelProto,
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    """What of a model leads from some values to others."""
    part = onnx.ModelProto()
    part.CopyFrom(model)
    for field in ("node", "initializer", "value_info", "input", "output"):
        part.graph.ClearField(field)
    part.graph.input.extend(inputs)
    part.graph.output.extend(outputs)
    nodes = _leading(model, {info.name for info in part.graph.input}, outputs)
    known = {name for node in nodes for name in (*node.input, *node.output)}
    known -= {info.name for info in (*part.graph.input, *part.graph.output)}
    part.graph.node.extend(nodes)
    part.graph.initializer.extend(held for held in model.graph.initializer if held.name in known)
    part.graph.value_info.extend(info for info in model.graph.value_info if info.name in known)
    return part


def _leading(
    model: onnx.ModelProto, given: Collection[str], outputs: Iterable[onnx.ValueInfoProto]
) -> Sequence[onnx.NodeProto]:
    read, kept = {info.name for info in outputs}, list[onnx.NodeProto]()
    for node in reversed(model.graph.node):
        if any(value in read and value not in given for value in node.output):
            read.update(node.input)
            kept.append(node)
    return kept[::-1]


def join(front: onnx.ModelProto, tail: onnx.ModelProto, order: Sequence[str]) -> onnx.ModelProto:
    """Both parts as one model, whose outputs are in this order."""
    whole = onnx.ModelProto()
    whole.CopyFrom(front)
    held = {tensor.name for tensor in front.graph.initializer}
    whole.graph.node.extend(tail.graph.node)
    whole.graph.initializer.extend(
        tensor for tensor in tail.graph.initializer if tensor.name not in held
    )
    infos: Mapping[str, onnx.ValueInfoProto] = {
        info.name: info
        for info in (*front.graph.output, *tail.graph.output, *tail.graph.value_info)
    }
    whole.graph.value_info.extend(info for name, info in infos.items() if name not in order)
    whole.graph.ClearField("output")
    whole.graph.output.extend(infos[name] for name in order)
    return whole
