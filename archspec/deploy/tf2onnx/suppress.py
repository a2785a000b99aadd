"""Suppression of boxes by TensorFlow's own operator, converted by tf2onnx, behind a Keras model."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import onnx
from onnx import helper

from archspec.deploy.check import BATCHES, Agreement, Truth
from archspec.deploy.detections import (
    Split,
    check_tail,
    front_of,
    join,
    picks_of,
    suppressing,
    suppression_of,
)
from archspec.deploy.runtime import Runtime, validate
from archspec.deploy.tf2onnx.names import infer, rename, unique
from archspec.deploy.tf2onnx.trace import trace_function
from archspec.deploy.tf2onnx.wires import Wires
from archspec.graph import Graph
from archspec.ops import CountPicks, Op, PickBoxes, PickClasses, PickScores, Suppression

Tensor: TypeAlias = Any
"""TensorFlow has no types of its own."""

NAME = "detections"
"""What the names of nodes begin with."""


@dataclass(frozen=True)
class Suppressed:
    """What a model is compared with that suppresses boxes: Keras up to that, then the reference.

    Args:
        keras: compares what gives boxes and scores.
        parts: of the model.
    """

    keras: Truth
    parts: Split

    def agree(self, model: onnx.ModelProto) -> Agreement:
        """As `check` of a model with suppression."""
        validate(model)
        runtime = Runtime(model)
        runtime(np.zeros((runtime.batch or BATCHES[-1], *self.parts.graph.input), np.float32))
        suppressed = check_tail(self.parts)
        return replace(self.keras.agree(self.parts.front), suppressed=suppressed)


def with_suppression(
    front: onnx.ModelProto, keras: Truth, graph: Graph, opset: int
) -> tuple[onnx.ModelProto, Suppressed]:
    """The model that suppresses the boxes of one that gives boxes and scores.

    Args:
        front: the model of `front_of(graph)`.
        keras: what that is compared with.
        graph: in which boxes are suppressed.
        opset: of the model.
    """
    tail = _tail(front, graph, opset)
    whole = join(front, tail, list(graph.outputs))
    infer(whole)
    return whole, Suppressed(keras, Split(graph, front_of(graph), front, tail))


def _tail(front: onnx.ModelProto, graph: Graph, opset: int) -> onnx.ModelProto:
    """What TensorFlow suppresses with, as a model of boxes and scores."""
    picks = picks_of(graph)
    nodes = {node.name: node for node in suppressing(graph)}
    wanted = {name: nodes[node] for name, node in graph.outputs.items() if node in nodes}
    limits = suppression_of(graph)
    outputs = {info.name: info for info in front.graph.output}
    inputs = [outputs[name] for name in picks.inputs]
    shapes = [[size.dim_value or None for size in _sides(info)] for info in inputs]

    def suppress(boxes: Tensor, scores: Tensor) -> list[Tensor]:
        found = _detections(limits, boxes, scores)
        return [WAYS[type(node.op)](node.op, found) for node in wanted.values()]

    proto = trace_function(suppress, shapes, opset)
    Wires(proto.graph, {}, opset).finish()
    _call(proto.graph, [*picks.inputs, *wanted])
    for info, node in zip(proto.graph.output, wanted.values(), strict=True):
        sides = [size.dim_value or size.dim_param for size in _sides(inputs[0])][:1]
        kind = info.type.tensor_type.elem_type
        info.CopyFrom(helper.make_tensor_value_info(info.name, kind, [*sides, *node.shape]))
    proto.graph.ClearField("input")
    proto.graph.input.extend(inputs)
    return proto


def _sides(info: onnx.ValueInfoProto) -> Sequence[Any]:
    return info.type.tensor_type.shape.dim


def _call(graph: onnx.GraphProto, ends: Sequence[str]) -> None:
    """Name nodes after their kind and all else after them, the same on every run."""
    del graph.value_info[:]
    names = {end.name: name for end, name in zip((*graph.input, *graph.output), ends, strict=True)}
    used = Counter[str]()
    for tensor in graph.initializer:
        names[tensor.name] = unique(f"{NAME}/constant", used)
    for node in graph.node:
        node.name = unique(f"{NAME}/{node.op_type}", used)
        for place, value in enumerate(node.output):
            names.setdefault(value, f"{node.name}:{place}" if place else node.name)
    rename(graph, names)


class Found(NamedTuple):
    """What TensorFlow gives: boxes (n, total, 4), scores, classes (n, total), their number (n,)."""

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    count: Tensor


def _detections(limits: Suppression, boxes: Tensor, scores: Tensor) -> Found:
    import tensorflow as tf  # noqa: PLC0415

    flow: Any = tf
    if limits.candidates is not None and limits.candidates < boxes.shape[1]:
        scores = _candidates(flow, limits, scores)
    found = flow.image.combined_non_max_suppression(
        boxes[:, :, None, :],
        scores,
        limits.per_class,
        limits.total,
        iou_threshold=limits.iou,
        score_threshold=limits.score,
    )
    return Found(*found)


def _candidates(flow: Any, limits: Suppression, scores: Tensor) -> Tensor:  # noqa: ANN401
    """Zeros in the stead of all but the best scores of each class."""
    by_class = flow.transpose(scores, (0, 2, 1))
    best, boxes = flow.math.top_k(by_class, limits.candidates)
    shape = flow.shape(boxes)
    images = flow.broadcast_to(flow.range(shape[0])[:, None, None], shape)
    classes = flow.broadcast_to(flow.range(shape[1])[None, :, None], shape)
    places = flow.stack([images, classes, boxes], axis=-1)
    return flow.transpose(flow.scatter_nd(places, best, flow.shape(by_class)), (0, 2, 1))


def _boxes(op: PickBoxes, found: Found) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    flow: Any = tf
    return flow.gather(found.boxes, [1, 0, 3, 2], axis=2) if op.order == "yxyx" else found.boxes


def _classes(op: PickClasses, found: Found) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    flow: Any = tf
    there = flow.cast(found.scores > 0, flow.float32)  # each that stays has a score
    classes = (found.classes + op.first) * there
    return classes if op.as_floats else flow.cast(classes, flow.int32)


def _count(op: CountPicks, found: Found) -> Tensor:
    import tensorflow as tf  # noqa: PLC0415

    flow: Any = tf
    return flow.cast(found.count, flow.float32 if op.as_floats else flow.int32)


WAYS: Mapping[type[Op], Callable[[Any, Found], Tensor]] = {
    CountPicks: _count,
    PickBoxes: _boxes,
    PickClasses: _classes,
    PickScores: lambda _, found: found.scores,
}
"""Op class → what it is of what TensorFlow gives."""
