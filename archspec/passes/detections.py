"""What a detector's file gives: boxes that were suppressed, in the form that its reader expects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from archspec.graph import Graph, GraphBuilder
from archspec.ops import (
    CountPicks,
    PickBoxes,
    PickClasses,
    PickScores,
    Suppress,
    Suppression,
)

Convention: TypeAlias = Literal["default", "tf_od"]
CONVENTIONS: tuple[str, ...] = get_args(Convention)

BOXES, SCORES = "boxes", "scores"
"""Outputs of a detector that are suppressed: corners x1, y1, x2, y2 and a score for each class."""


@dataclass(frozen=True)
class Form:
    """How a convention says detections.

    Args:
        outputs: what boxes, scores, classes and their number are called.
        order: of the numbers of a box.
        first: the number of the first class.
        as_floats: whether classes and their number are floats.
    """

    outputs: tuple[str, str, str, str]
    order: Literal["xyxy", "yxyx"] = "xyxy"
    first: int = 0
    as_floats: bool = False


FORMS: Mapping[Convention, Form] = {
    "default": Form((BOXES, SCORES, "classes", "num_detections")),
    "tf_od": Form(
        ("detection_boxes", "detection_scores", "detection_classes", "num_detections"),
        order="yxyx",
        first=1,
        as_floats=True,
    ),
}
"""tf_od is that of models exported by TensorFlow's Object Detection API."""


def detections(graph: Graph, suppression: Suppression, convention: Convention) -> Graph:
    """The graph that gives detections in the stead of the outputs `boxes` and `scores`.

    Requires: outputs `boxes` (b, 4) and `scores` (b, classes).
    Ensures: these are gone; there are `total` boxes, scores and classes in order of falling
        score, and their number, called as the convention has it and the last nodes of the graph.
        Rows with nothing are zeros. Other outputs stay.
    """
    form = FORMS[convention]
    build = GraphBuilder(graph.name, graph.input)
    for node in graph.nodes:
        build.add(node.name, node.op, node.inputs, node.row, node.span)
    boxes, scores = graph.outputs[BOXES], graph.outputs[SCORES]
    picks = build.add("detections.picks", Suppress(suppression), [boxes, scores])
    values = (
        build.add("detections.boxes", PickBoxes(form.order), [boxes, picks]),
        build.add("detections.scores", PickScores(), [scores, picks]),
        build.add("detections.classes", PickClasses(form.first, form.as_floats), [picks]),
        build.add("detections.count", CountPicks(form.as_floats), [picks]),
    )
    others = {name: node for name, node in graph.outputs.items() if name not in (BOXES, SCORES)}
    return build.build(dict(zip(form.outputs, values, strict=True)) | others)
