"""Detectors as files from the command line: boxes and scores, detections, and what does not go together."""

import json
from pathlib import Path

import archspec
import numpy as np
import onnx
import onnxruntime
import pytest
from archspec import zoo
from archspec.deploy import metadata
from archspec.ops import Suppression
from tests.commands import misuse, printed, refusal

TABLE = """\
archspec: 1
name: small
input: 48
classes: 3
defaults: {activation: relu6, norm: {type: batch}}
stem:
  - {block: conv, name: a, channels: 8, kernel: 9, stride: 8}
head:
  - {block: conv, name: b, channels: 8, kernel: 3, stride: 2}
  - block: ssd
    inputs: [a, b]
    score: sigmoid
    nms: {score: 0.3, iou: 0.4, per_class: 5, total: 9}
"""
DETECTORS = [name for name in zoo.names() if name.startswith("ssd")]
DETECTIONS = ["boxes", "scores", "classes", "num_detections"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(TABLE)
    return tmp_path


def run(path: str, count: int = 2) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path)
    images = np.random.default_rng(0).normal(size=(count, 3, 48, 48)).astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"input": images}), strict=True))


def said(path: str) -> dict[str, object]:
    return json.loads(metadata.read(path)["archspec.detections"])


def test_a_file_gives_detections_that_it_describes():
    text = printed("export", "small.yaml", "-o", "net.onnx", "--nms").splitlines()
    assert text[2].startswith("checked: ONNX Runtime is within ")
    assert text[2].endswith(", at batch 1 and 3; detections are equal on random boxes")
    assert " of the reference, in standard deviations of boxes and scores (bound " in text[2]
    found = run("net.onnx")
    assert {name: value.shape for name, value in found.items()} == {
        "boxes": (2, 9, 4),
        "scores": (2, 9),
        "classes": (2, 9),
        "num_detections": (2,),
    }
    assert said("net.onnx") == {
        "convention": "default",
        "outputs": DETECTIONS,
        "box_format": "xyxy",
        "coordinates": "normalized",
        "clipped": True,
        "first_class": 0,
        "nms": {"score": 0.3, "iou": 0.4, "per_class": 5, "total": 9, "candidates": None},
    }


def test_thresholds_are_set_as_all_else_is():
    settings = ["--set", "head.ssd.nms.score=0.9", "--set", "head.ssd.nms.candidates=7"]
    printed("export", "small.yaml", "-o", "net.onnx", "--nms", *settings)
    limits = Suppression(0.9, 0.4, 5, 9, 7)
    assert said("net.onnx")["nms"] == {
        "score": 0.9, "iou": 0.4, "per_class": 5, "total": 9, "candidates": 7,
    }  # fmt: skip
    again = archspec.load("net.onnx")
    assert again.rows[-1].blocks[0].nms == limits
    assert set(again.outputs) == {"boxes", "scores"}


def test_the_convention_of_tensorflow_has_its_names_and_floats():
    printed("export", "small.yaml", "-o", "net.onnx", "--nms")
    printed("export", "small.yaml", "-o", "tf.onnx", "--nms", "--convention", "tf_od")
    ours, theirs = run("net.onnx"), run("tf.onnx")
    assert [*theirs] == [
        "detection_boxes",
        "detection_scores",
        "detection_classes",
        "num_detections",
    ]
    assert np.array_equal(theirs["detection_boxes"][..., [1, 0, 3, 2]], ours["boxes"])
    assert theirs["num_detections"].tolist() == ours["num_detections"].tolist()
    assert {str(value.dtype) for value in theirs.values()} == {"float32"}
    assert said("tf.onnx")["box_format"] == "yxyx"
    assert said("tf.onnx")["first_class"] == 1


def test_decoded_is_before_suppression_and_raw_before_that():
    printed("export", "small.yaml", "-o", "raw.onnx")
    printed("export", "small.yaml", "-o", "decoded.onnx", "--decoded")
    raw, decoded = run("raw.onnx"), run("decoded.onnx")
    assert [*raw] == ["box_deltas", "class_logits"]
    assert "archspec.detections" not in metadata.read("raw.onnx")
    assert [*decoded] == ["boxes", "scores"]
    assert decoded["scores"].shape == (*raw["class_logits"].shape[:2], 3)
    logits = raw["class_logits"][..., 1:].astype(np.float64)
    assert np.abs(decoded["scores"] - 1 / (1 + np.exp(-logits))).max() < 1e-6
    assert said("decoded.onnx") == {
        "convention": "decoded",
        "outputs": ["boxes", "scores"],
        "box_format": "xyxy",
        "coordinates": "normalized",
        "clipped": False,
        "first_class": 0,
    }


def test_labels_are_those_of_the_classes(here):
    (here / "labels.txt").write_text("cat\ndog\nsheep\n")
    printed("export", "small.yaml", "-o", "net.onnx", "--nms", "--labels", "labels.txt")
    assert json.loads(metadata.read("net.onnx")["archspec.labels"]) == ["cat", "dog", "sheep"]


def test_an_int8_file_suppresses(here):
    np.save(here / "images.npy", np.random.default_rng(0).normal(size=(8, 48, 48, 3)))
    options = ["--precision", "int8", "--calibrate", "images.npy", "--float-until", "input"]
    text = printed("export", "small.yaml", "-o", "net.onnx", "--nms", *options)
    assert "int8 after 'input', calibrated with 7 images" in text
    assert [*run("net.onnx")] == DETECTIONS
    kinds = [node.op_type for node in onnx.load("net.onnx").graph.node]
    assert kinds.index("Exp") > max(
        at for at, kind in enumerate(kinds) if kind == "DequantizeLinear"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--nms", "--decoded"], "E740 '--nms' does not go with '--decoded'\n"),
        (["--nms", "--outputs", "a"], "E740 '--nms' does not go with '--outputs'\n"),
        (["--decoded", "--scores", "softmax"], "E740 '--decoded' does not go with '--scores'\n"),
        (["--convention", "tf_od"], "E740 '--convention' is about the detections of '--nms'\n"),
        (
            ["--decoded", "--convention", "default"],
            "E740 '--convention' is about the detections of '--nms'\n",
        ),
    ],
)
def test_options_that_do_not_go_together(options, message, here):
    assert refusal("export", "small.yaml", "-o", "net.onnx", *options) == message
    assert not (here / "net.onnx").exists()


def test_only_a_detector_has_detections(write):
    classifier = "head:\n  - {block: global_pool}\n  - {block: classifier}\n"
    path = write(f"classes: 3\n{classifier}")
    assert refusal("export", path, "-o", "net.onnx", "--nms") == (
        "E741 net is no detector: it has no row of block 'ssd'\n"
        "   or name its outputs 'boxes' and 'scores'\n"
    )


def test_outputs_of_these_names_are_what_is_suppressed(here):
    names = "outputs: {boxes: head.ssd.boxes, scores: head.ssd.scores, more: a}\n"
    (here / "small.yaml").write_text(TABLE + names)
    printed("export", "small.yaml", "-o", "net.onnx", "--nms")
    assert [*run("net.onnx")] == DETECTIONS


def test_outputs_of_these_names_must_be_boxes_and_scores(here):
    for boxes, scores in (("a", "head.ssd.scores"), ("head.ssd.boxes", "head.ssd.level1.boxes")):
        (here / "small.yaml").write_text(TABLE + f"outputs: {{boxes: {boxes}, scores: {scores}}}\n")
        for option in ("--nms", "--decoded"):
            assert refusal("export", "small.yaml", "-o", "net.onnx", option) == (
                "E741 small gives no 'boxes' (b, 4) and 'scores' (b, classes)\n"
                "   name outputs of these shapes so\n"
            )


def test_a_litert_file_does_not_suppress():
    assert refusal("export", "small.yaml", "-o", "net.tflite", "--nms") == (
        "E469 a LiteRT file does not go with '--nms'\n   '--decoded' gives boxes and scores\n"
    )
    int8 = ["--decoded", "--precision", "int8", "--calibrate", "images.npy"]
    assert refusal("export", "small.yaml", "-o", "net.tflite", *int8) == (
        "E469 a LiteRT file of int8 does not go with '--decoded'\n"
    )


def test_a_convention_is_one_of_two():
    text = misuse("export", "small.yaml", "-o", "net.onnx", "--nms", "--convention", "coco")
    assert text.startswith(
        "Error: Invalid value for '--convention': 'coco' is not one of 'default'"
    )
    with pytest.raises(TypeError, match="convention is 'coco'; wanted: 'default' or 'tf_od'"):
        archspec.export("small.yaml", "net.onnx", nms=True, convention="coco")


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("options", [[], ["--precision", "fp16"], ["--via", "tf2onnx"]])
def test_a_detector_of_the_zoo_suppresses(name, options):
    text = printed("export", name, "-o", "net.onnx", "--nms", "--set", "input=160", *options)
    assert "; detections are equal on random boxes\n" in text


@pytest.mark.keras
def test_a_keras_model_of_boxes_and_scores_suppresses_them(here):
    pytest.importorskip("tensorflow")
    (here / "decoded.yaml").write_text(
        TABLE + "outputs: {boxes: head.ssd.boxes, scores: head.ssd.scores}\n"
    )
    printed("compile", "decoded.yaml", "-o", "decoded.keras", "--weights", "random:3")
    printed("compile", "small.yaml", "-o", "raw.keras", "--weights", "random:3")
    printed("export", "decoded.keras", "-o", "net.onnx", "--nms")
    assert said("net.onnx")["nms"]["iou"] == 0.6
    settings = [
        f"head.ssd.nms.{name}" for name in ("score=0.05", "iou=0.6", "per_class=100", "total=100")
    ]
    options = [part for setting in settings for part in ("--set", setting)]
    printed("export", "small.yaml", "-o", "own.onnx", "--nms", "--weights", "random:3", *options)
    ours, theirs = run("net.onnx"), run("own.onnx")
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert refusal("export", "raw.keras", "-o", "a.onnx", "--nms") == (
        "E741 small gives no 'boxes' (b, 4) and 'scores' (b, classes)\n"
        "   name outputs of these shapes so\n"
    )
    for way in ("--nms", "--decoded"):
        assert refusal("export", "decoded.keras", "-o", "a.onnx", way, "--via", "tf2onnx") == (
            f"E426 {way} needs a graph, which there is none of by way of tf2onnx\n"
        )


@pytest.mark.keras
def test_a_litert_file_gives_boxes_and_scores():
    pytest.importorskip("tensorflow")
    text = printed("export", "small.yaml", "-o", "net.tflite", "--decoded")
    assert "checked: LiteRT is within " in text
