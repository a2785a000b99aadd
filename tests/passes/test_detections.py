from dataclasses import replace

from archspec.deploy.detections import suppressing
from archspec.graph import verify
from archspec.ops import Suppression
from archspec.passes.detections import detections
from archspec.passes.pipeline import deployed
from tests.detectors import detector, given
from tests.parity import arrays


def added(graph) -> list[str]:
    return str(graph).splitlines()[len(given(5, 2).nodes) + 2 :]


def test_detections_are_appended_and_given():
    limits = Suppression(0.3, 0.5, per_class=3, total=7)
    graph = detections(given(5, 2), limits, "default")
    verify(graph)
    assert added(graph) == [
        "  detections.picks = suppress score=0.3 iou=0.5 per_class=3 total=7 (in.boxes, in.scores) : 7x2",
        "  detections.boxes = pick_boxes (in.boxes, detections.picks) : 7x4",
        "  detections.scores = pick_scores (in.scores, detections.picks) : 7",
        "  detections.classes = pick_classes (detections.picks) : 7",
        "  detections.count = count_picks (detections.picks) : scalar",
        "  output boxes = detections.boxes",
        "  output scores = detections.scores",
        "  output classes = detections.classes",
        "  output num_detections = detections.count",
    ]


def test_the_convention_of_tensorflow_is_said_by_the_nodes():
    graph = detections(given(5, 2), Suppression(candidates=300), "tf_od")
    verify(graph)
    assert added(graph) == [
        "  detections.picks = suppress score=0.05 iou=0.6 per_class=100 total=100 candidates=300"
        " (in.boxes, in.scores) : 100x2",
        "  detections.boxes = pick_boxes order=yxyx (in.boxes, detections.picks) : 100x4",
        "  detections.scores = pick_scores (in.scores, detections.picks) : 100",
        "  detections.classes = pick_classes first=1 as_floats=true (detections.picks) : 100",
        "  detections.count = count_picks as_floats=true (detections.picks) : scalar",
        "  output detection_boxes = detections.boxes",
        "  output detection_scores = detections.scores",
        "  output detection_classes = detections.classes",
        "  output num_detections = detections.count",
    ]


def test_other_outputs_stay_and_passes_leave_detections_alone():
    net = detector()
    graph = replace(net, outputs={**net.outputs, "logits": "net.class_logits"})
    graph = detections(graph, Suppression(), "default")
    assert [*graph.outputs] == ["boxes", "scores", "classes", "num_detections", "logits"]
    small, _ = deployed(graph, arrays(graph))
    assert suppressing(small) == suppressing(graph)
    assert small.outputs == graph.outputs
