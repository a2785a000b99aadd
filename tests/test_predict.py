"""`archspec predict`: what is found in pictures, and what is drawn on them."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from archspec import predict
from archspec.predict import drawing
from archspec.predict.found import Boxes, Classes, Mask
from PIL import Image
from tests.commands import printed, refusal, run
from tests.drawn import draw

BODY = """\
archspec: 1
name: small
input: [64, 96, 3]
classes: 3
defaults: {norm: batch, activation: relu, padding: symmetric}
stem:
  - {block: conv, channels: 8, kernel: 3, stride: 2}
stages:
  - {block: conv, channels: 16, kernel: 3, stride: 4}
"""
DETECTOR = f"""{BODY}\
head:
  - {{block: ssd_extra, name: extra, channels: 16}}
  - {{block: ssd, inputs: [s1, extra], score: sigmoid, nms: {{score: 0, total: 20}}}}
"""
SEGMENTER = f"""{BODY}\
head:
  - {{block: classifier, as: conv}}
  - {{block: resize}}
"""
CLASSIFIER = f"""{BODY}\
head:
  - {{block: global_pool}}
  - {{block: classifier}}
"""
NAMES = "circle\nsquare\ntriangle\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number in range(2):
        Image.fromarray(draw(number, 120).pixels).save(f"{number}.png")
    Path("names.txt").write_text(NAMES, encoding="utf-8")
    return tmp_path


def export(text: str, name: str, *options: str) -> Path:
    Path("net.yaml").write_text(text, encoding="utf-8")
    run("export", "net.yaml", "-o", name, "--labels", "names.txt", *options)
    return Path(name)


def found(model: Path, score: float = 0.0) -> list[predict.Predicted]:
    return list(predict.predict(model, [Path("0.png"), Path("1.png")], Path("out"), score=score))


def net_input(picture: str) -> np.ndarray:
    """The picture as a net of 64 x 96 pixels takes it, from -1 to 1, channels first."""
    scaled = Image.open(picture).resize((96, 64), Image.Resampling.BILINEAR)
    return (np.asarray(scaled, np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]


def test_a_detector_finds_the_same_whatever_its_file_gives():
    forms = [["--nms"], ["--decoded"], [], ["--nms", "--convention", "tf_od"]]
    each = [found(export(DETECTOR, "d.onnx", *options)) for options in forms]
    first = [picture.found for picture in each[0]]
    assert all(len(boxes.scores) == 20 for boxes in first)
    for others in each[1:]:
        for one, other in zip(first, others, strict=True):
            assert other.found.labels == one.labels
            np.testing.assert_allclose(other.found.boxes, one.boxes, atol=1e-3)
            np.testing.assert_allclose(other.found.scores, one.scores, atol=1e-5)


def test_boxes_are_in_pixels_of_the_picture_and_those_below_the_score_are_left_out():
    model = export(DETECTOR, "d.onnx", "--nms")
    every = found(model)[0].found
    assert np.max(every.boxes) > 96  # the net's width; the picture has 120 pixels
    assert 0 <= np.min(every.boxes) <= np.max(every.boxes) <= 120
    bar = every.scores[4]
    few = found(model, score=bar)[0].found
    assert few.scores == [score for score in every.scores if score >= bar]
    assert 5 <= len(few.scores) < 20


def test_a_mask_has_the_size_of_the_picture_and_the_classes_of_the_net():
    model = export(SEGMENTER, "s.onnx")
    logits = onnxruntime.InferenceSession(model).run(None, {"input": net_input("1.png")})[0][0]
    (_, one) = found(model)
    assert one.found.classes.shape == (120, 120)
    wanted = logits.argmax(axis=0)
    for row, column in [(0, 0), (119, 119), (60, 33), (7, 101)]:
        place = int((row + 0.5) * 64 / 120), int((column + 0.5) * 96 / 120)
        assert one.found.classes[row, column] == wanted[place]
    assert sum(one.found.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("options", [[], ["--scores", "softmax"], ["--preprocess"]])
def test_classes_are_named_with_their_probabilities(options):
    text = CLASSIFIER + "normalization: {mean: 0.5, std: 0.5}\n"
    logits = onnxruntime.InferenceSession(export(text, "c.onnx")).run(
        None, {"input": net_input("0.png")}
    )[0][0]
    powers = np.exp(logits - logits.max())
    one = found(export(text, "c.onnx", *options))[0].found
    np.testing.assert_allclose(one.scores, sorted(powers / powers.sum())[::-1], atol=1e-5)
    assert one.labels[0] == NAMES.split()[int(logits.argmax())]


def test_a_net_of_any_size_sees_the_picture_at_its_own_size_as_far_as_it_can():
    model = export(SEGMENTER, "s.onnx", "--size", "dynamic")
    (one, _) = found(model)
    assert one.found.classes.shape == (120, 120)  # seen at 128 x 128


def test_a_channels_last_file_is_asked_as_it_wants():
    plain = found(export(DETECTOR, "d.onnx", "--nms"))
    turned = found(export(DETECTOR, "d.onnx", "--nms", "--layout", "nhwc"))
    assert [str(one.found) for one in turned] == [str(one.found) for one in plain]


def test_the_frame_of_a_box_is_drawn_where_the_box_is_in_the_color_of_its_class():
    image = np.full((400, 600, 3), 90, np.uint8)
    found = Boxes([(100.0, 150.0, 300.0, 350.0)], [0.87], ["square"], [1])
    drawn = np.asarray(drawing.drawn(image, found))
    assert drawn.shape == image.shape
    for row, column in [(250, 100), (250, 300), (150, 250), (350, 200)]:
        assert tuple(drawn[row, column]) == drawing.color(1)
    assert (drawn[200:300, 150:250] == 90).all()
    assert (drawn[351:] == 90).all()


def test_a_mask_is_seen_through_and_small_pictures_are_enlarged():
    classes = np.zeros((40, 40), int)
    classes[20:] = 2
    image = np.full((40, 40, 3), 100, np.uint8)
    drawn = np.asarray(drawing.drawn(image, Mask(classes, ["a", "b", "c"])))
    assert drawn.shape == (320, 320, 3)
    wanted = [(100 + value) // 2 for value in drawing.color(2)]
    assert drawn[300, 300].tolist() == wanted


def test_a_name_that_would_leave_the_picture_is_moved_into_it():
    image = np.zeros((400, 400, 3), np.uint8)
    box = (390.0, 0.0, 399.0, 20.0)
    drawn = np.asarray(drawing.drawn(image, Boxes([box], [1.0], ["a long name"], [0])))
    bar = (drawn == drawing.color(0)).all(axis=-1)
    assert bar[2, 330:].sum() > 40


def test_what_is_found_is_said_and_given_as_json():
    model = str(export(DETECTOR, "d.onnx", "--nms"))
    text = printed("predict", model, "0.png", "-o", "out", "--score", "0.999")
    assert text == "0.png → out/0.png: nothing\n"
    records = json.loads(
        printed("predict", model, "0.png", "-o", "out", "--score", "0", "--format", "json")
    )
    assert records[0]["picture"] == "0.png"
    assert records[0]["file"] == "out/0.png"
    assert set(records[0]["found"][0]) == {"label", "score", "box"}
    with Image.open("out/0.png") as drawn:
        assert drawn.size == (360, 360)


def test_what_does_not_decode_is_left_out_and_the_rest_is_drawn():
    model = str(export(CLASSIFIER, "c.onnx"))
    Path("broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    result = run("predict", model, "broken.jpg", "0.png", "gone.png", "..", "-o", "out", status=1)
    assert result.stderr == (
        "E751 'broken.jpg' does not decode\nE751 'gone.png' is not there\nE751 '..' is a folder\n"
    )
    assert result.stdout.startswith("0.png → out/0.png: ")
    assert [path.name for path in Path("out").iterdir()] == ["0.png"]


def test_two_pictures_of_one_name_are_refused_before_anything_is_drawn():
    model = str(export(CLASSIFIER, "c.onnx"))
    Path("sub").mkdir()
    shutil.copy("0.png", "sub/0.png")
    text = refusal("predict", model, "0.png", "sub/0.png", "-o", "out")
    assert text == (
        "E752 '0.png' and 'sub/0.png' would both be drawn as '0.png'\n"
        "   give them one after the other, to two folders\n"
    )
    assert not Path("out").exists()


def test_no_picture_is_drawn_over():
    model = str(export(CLASSIFIER, "c.onnx"))
    before = Path("0.png").read_bytes()
    Path("link").symlink_to(".")
    for folder in (".", "link"):
        assert refusal("predict", model, "0.png", "-o", folder) == (
            "E752 '0.png' would be drawn over\n   say another folder with -o\n"
        )
    assert Path("0.png").read_bytes() == before


def test_a_file_of_a_fixed_batch_takes_one_picture_all_the_same():
    one = found(export(CLASSIFIER, "c.onnx"))
    many = found(export(CLASSIFIER, "c.onnx", "--batch", "3"))
    assert [str(picture.found) for picture in many] == [str(picture.found) for picture in one]


def test_outputs_of_something_else_than_classes_are_refused():
    model = str(export(CLASSIFIER, "c.onnx", "--outputs", "s1"))
    assert refusal("predict", model, "0.png", "-o", "out") == (
        "E750 its output 's1' says nothing of 3 classes\n   export it without --outputs\n"
    )


def test_a_net_for_other_than_pictures_is_refused():
    model = str(export(CLASSIFIER.replace("96, 3]", "96, 4]"), "c.onnx"))
    assert refusal("predict", model, "0.png", "-o", "out") == (
        "E750 the net takes 4 channels, and pictures have 1 or 3\n"
    )


def test_a_file_that_does_not_say_what_it_takes_is_refused():
    model = export(CLASSIFIER, "c.onnx")
    bare = onnx.load(model)
    del bare.metadata_props[:]
    onnx.save(bare, "bare.onnx")
    assert refusal("predict", "bare.onnx", "0.png", "-o", "out") == (
        "E750 'bare.onnx' does not say what it takes\n   files that `archspec export` writes do\n"
    )


def test_a_folder_that_cannot_be_made_is_said():
    model = str(export(CLASSIFIER, "c.onnx"))
    text = refusal("predict", model, "0.png", "-o", "0.png/out")
    assert text == "E110 cannot write '0.png/out': Not a directory\n"


def test_a_record_of_each_kind_is_plain_data():
    assert Classes([0.5], ["cat"]).record == [{"label": "cat", "score": 0.5}]
    mask = Mask(np.array([[0, 1], [1, 1]]), ["sky", "sea"])
    assert mask.record == [{"label": "sea", "share": 0.75}, {"label": "sky", "share": 0.25}]
    assert str(mask) == "sea 75%, sky 25%"


def test_the_background_of_a_mask_is_left_as_it_is():
    classes = np.zeros((400, 400), int)
    classes[200:] = 1
    image = np.full((400, 400, 3), 100, np.uint8)
    drawn = np.asarray(drawing.drawn(image, Mask(classes, ["background", "cat"])))
    assert (drawn[100:200] == 100).all()
    assert drawn[300, 300].tolist() == [(100 + value) // 2 for value in drawing.color(1)]
