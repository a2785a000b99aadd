"""Detectors to export: where a spec's boxes and scores are, and what the file says of them."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal, TypeAlias

from archspec.errors import error
from archspec.graph import Graph
from archspec.ops import Suppression
from archspec.passes.detections import BOXES, FORMS, SCORES, Convention
from archspec.spec import Spec, Tap

Given: TypeAlias = Convention | Literal["decoded"]
"""What the file of a detector gives in the stead of what is predicted."""

_ARE_TOLD = (BOXES, SCORES)


def taps(spec: Spec) -> dict[str, Tap]:
    """Where boxes and scores are: outputs of the spec, or of the last row that predicts them.

    Raises:
        SpecError: E741, it predicts none.
    """
    if all(name in spec.outputs for name in _ARE_TOLD):
        return {name: spec.outputs[name] for name in _ARE_TOLD}
    row = spec.detector
    if row is None:
        raise error(
            "E741",
            f"{spec.title} is no detector: it has no row of block 'ssd'",
            hint="or name its outputs 'boxes' and 'scores'",
        )
    return {name: Tap(f"{row.path}.{name}", row.span) for name in _ARE_TOLD}


def suppression(spec: Spec | None) -> Suppression:
    """How boxes are suppressed: as a spec says, if there is one that does."""
    row = spec.detector if spec else None
    return row.blocks[0].nms if row else Suppression()


def need_detector(graph: Graph) -> Graph:
    """The graph with its boxes and scores for outputs.

    Raises:
        SpecError: E741, it does not give them.
    """
    boxes, scores = (graph.shapes.get(graph.outputs.get(name, ""), ()) for name in _ARE_TOLD)
    if len(scores) != 2 or boxes != (scores[0], 4):  # noqa: PLR2004  boxes and classes
        raise error(
            "E741",
            f"{graph.name} gives no 'boxes' (b, 4) and 'scores' (b, classes)",
            hint="name outputs of these shapes so",
        )
    return replace(graph, outputs={name: graph.outputs[name] for name in _ARE_TOLD})


def described(given: Given | None, limits: Suppression) -> Mapping[str, Any]:
    """What the metadata of a file say of its detections; nothing where it gives none."""
    if given is None:
        return {}
    outputs = _ARE_TOLD if given == "decoded" else FORMS[given].outputs
    form = FORMS["default" if given == "decoded" else given]
    said = {
        "convention": given,
        "outputs": outputs,
        "box_format": form.order,
        "coordinates": "normalized",
        "clipped": given != "decoded",
        "first_class": form.first,
    }
    return said if given == "decoded" else {**said, "nms": asdict(limits)}
