"""Suppression of boxes: the reference, ONNX Runtime and a slow one of its own give the same, to the bit."""

import numpy as np
import pytest
from archspec.backends import onnx, reference
from archspec.deploy.runtime import Runtime, validate
from archspec.ops import Suppression
from hypothesis import given as holds_for
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from tests.detectors import as_image, draw, given, listed, slowly, suppressed

CAPPED = Suppression(0.3, 0.5, per_class=3, total=7)
LIMITS = (
    Suppression(0.2, 0.4),
    CAPPED,
    Suppression(0.5, 0.6, per_class=100, total=200),  # more than there are scores
    Suppression(0.1, 0.3, per_class=4, total=20, candidates=6),
    Suppression(0.0, 0.0, per_class=1, total=3),
    Suppression(1.0, 1.0),  # no score is over
)


def runtime(limits: Suppression, count: int, classes: int, **form) -> Runtime:
    model = onnx.emit(suppressed(given(count, classes), limits), {}, onnx.Form(**form))
    validate(model)
    return Runtime(model)


def assert_same(boxes: np.ndarray, scores: np.ndarray, limits: Suppression, session=None) -> None:
    count, classes = scores.shape[1:]
    wanted = slowly(boxes, scores, limits)
    images = as_image(boxes, scores)
    graph = suppressed(given(count, classes), limits)
    assert listed(reference.emit(graph, {})(images)) == wanted
    assert listed((session or runtime(limits, count, classes))(images)) == wanted


@pytest.mark.parametrize("limits", LIMITS)
def test_what_stays_is_what_a_slow_suppression_leaves(limits):
    session = runtime(limits, 30, 4)
    for seed in range(20):
        assert_same(*draw(seed, 1 + seed % 4, 30, 4), limits, session)


@pytest.mark.parametrize("opset", [13, 16, 18, onnx.OPSETS[-1]])
def test_every_opset_suppresses(opset):
    limits = LIMITS[3]
    assert_same(*draw(1, 3, 30, 4), limits, runtime(limits, 30, 4, opset=opset))


def test_a_fixed_batch_and_images_with_channels_last_suppress():
    boxes, scores = draw(2, 2, 10, 3)
    model = onnx.emit(suppressed(given(10, 3), CAPPED), {}, onnx.Form(batch=2, layout="nhwc"))
    found = Runtime(model, onnx.Form(layout="nhwc"))(as_image(boxes, scores))
    assert listed(found) == slowly(boxes, scores, CAPPED)
    shapes = [
        [size.dim_value for size in output.type.tensor_type.shape.dim]
        for output in model.graph.output
    ]
    assert shapes == [[2, 7, 4], [2, 7], [2, 7], [2]]


LIMITS_AT_RANDOM = st.builds(
    Suppression, st.just(0.25), st.just(0.5), st.integers(1, 4), st.integers(1, 9),
    st.none() | st.integers(1, 9),
)  # fmt: skip


@holds_for(st.integers(1, 3), st.integers(1, 12), st.integers(0, 2**32 - 1), LIMITS_AT_RANDOM)
def test_equal_scores_equal_boxes_and_boxes_of_no_area_are_ordered(images, count, seed, limits):
    random = np.random.default_rng(seed)
    corners = random.integers(-1, 4, (images, count, 2)) / np.float32(4)
    sides = random.integers(0, 3, (images, count, 2)) / np.float32(4)
    scores = random.integers(0, 4, (images, count, 1 + seed % 3)) / np.float32(4)
    assert_same(np.concatenate([corners, corners + sides], axis=-1), scores, limits)


def test_an_overlap_of_the_threshold_and_a_score_of_it_are_not_over():
    boxes = np.array([[[0, 0, 1, 1], [0, 0, 0.5, 1], [0, 0, 0.5, 0.5]]], np.float32)
    scores = np.array([[[0.9], [0.8], [0.25]]], np.float32)
    assert_same(boxes, scores, Suppression(0.25, 0.5))
    assert [image["num_detections"] for image in slowly(boxes, scores, Suppression(0.25, 0.5))] == [
        2
    ]


@pytest.mark.parametrize("limits", LIMITS)
def test_a_score_that_is_no_number_is_none(limits):
    boxes, scores = draw(3, 3, 30, 4)
    scores[0] = np.nan
    scores[1, ::3, 1] = np.nan
    assert_same(boxes, scores, limits)


def test_boxes_that_are_infinite_or_no_numbers_overlap_nothing():
    limits = Suppression(0.1, 0.5)
    boxes, scores = draw(4, 1, 8, 1)
    boxes[0, 1], boxes[0, 3] = [-np.inf, 0, np.inf, 1], np.nan
    found = runtime(limits, 8, 1)(as_image(boxes, scores))
    graph = suppressed(given(8, 1), limits)
    wanted = reference.emit(graph, {})(as_image(boxes, scores))
    for name in ("scores", "classes", "num_detections"):
        assert np.array_equal(found[name], wanted[name])
    assert {scores[0, 1, 0], scores[0, 3, 0]} <= set(found["scores"].ravel())


def test_the_convention_of_tensorflow_turns_the_axes_and_counts_classes_from_one():
    boxes, scores = draw(5, 3, 30, 4)
    scores[2] = 0
    plain = runtime(CAPPED, 30, 4)(as_image(boxes, scores))
    graph = suppressed(given(30, 4), CAPPED, "tf_od")
    found = Runtime(onnx.emit(graph, {}))(as_image(boxes, scores))
    assert list(found) == [
        "detection_boxes",
        "detection_scores",
        "detection_classes",
        "num_detections",
    ]
    assert np.array_equal(found["detection_boxes"], plain["boxes"][..., [1, 0, 3, 2]])
    assert np.array_equal(found["detection_scores"], plain["scores"])
    assert np.array_equal(found["num_detections"], plain["num_detections"])
    is_there = plain["scores"] > 0
    assert np.array_equal(found["detection_classes"], np.where(is_there, plain["classes"] + 1, 0))
    assert found["num_detections"].tolist() == [7, 7, 0]
    assert {name: str(value.dtype) for name, value in found.items()} == dict.fromkeys(
        found, "float32"
    )
    assert {name: str(value.dtype) for name, value in plain.items()} == {
        "boxes": "float32",
        "scores": "float32",
        "classes": "int32",
        "num_detections": "int32",
    }


def test_float16_suppresses_in_float32_what_was_rounded_before():
    boxes, scores = (array.astype(np.float16).astype(np.float32) for array in draw(6, 3, 30, 4))
    limits = Suppression(0.3, 0.4)
    session = runtime(limits, 30, 4, precision="fp16")
    assert listed(session(as_image(boxes, scores))) == slowly(boxes, scores, limits)
    graph = suppressed(given(30, 4), limits)
    rounded = reference.Reference(graph, {}, "float32", "float16")(as_image(boxes, scores))
    assert listed(rounded) == slowly(boxes, scores, limits)


@pytest.mark.parametrize("limits", LIMITS[2:])
def test_the_reference_of_onnx_suppresses_the_same(limits):
    boxes, scores = draw(7, 2, 12, 3)
    model = onnx.emit(suppressed(given(12, 3), limits), {})
    results = ReferenceEvaluator(model).run(
        None, {"input": as_image(boxes, scores).transpose(0, 3, 1, 2)}
    )
    names = [output.name for output in model.graph.output]
    assert listed(dict(zip(names, results, strict=True))) == slowly(boxes, scores, limits)


@pytest.mark.keras
@pytest.mark.parametrize("limits", [LIMITS[0], CAPPED, LIMITS[2], LIMITS[5]])
def test_tensorflow_suppresses_the_same(limits):
    tensorflow = pytest.importorskip("tensorflow")
    session = runtime(limits, 30, 4)
    for seed in range(20):
        boxes, scores = draw(seed, 1 + seed % 4, 30, 4)
        found = session(as_image(boxes, scores))
        truth = tensorflow.image.combined_non_max_suppression(
            boxes[:, :, np.newaxis], scores, limits.per_class, limits.total,
            iou_threshold=limits.iou, score_threshold=limits.score,
        )  # fmt: skip
        for name, wanted in zip(
            ("boxes", "scores", "classes", "num_detections"), truth, strict=True
        ):
            assert np.array_equal(found[name], np.asarray(wanted)), (seed, name)
