"""What an exported file says of itself, and the spec that comes out of it again."""

import json

import archspec
import onnx
import onnxruntime
import pytest
from archspec.deploy import metadata
from archspec.errors import SpecError
from tests.commands import misuse, printed, refusal, run

TABLE = """\
archspec: 1
name: small
input: 16
classes: 3
normalization: {mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}
stem:
  - {block: conv, channels: 8, kernel: 3, stride: 2}
stages:
  block: inverted_residual
  columns: [expansion, channels, stride, name]
  rows:
    - [2, 8, 1, s1]
    - [2, 16, 2, deep]
head:
  - {block: global_pool}
  - {block: classifier}
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(TABLE)
    (tmp_path / "labels.txt").write_text("cat\nhound\nÄlk\n", encoding="utf-8")
    return tmp_path


def said(*options: str) -> dict[str, str]:
    printed("export", "small.yaml", "-o", "small.onnx", "--no-check", *options)
    return metadata.read("small.onnx")


def test_a_file_carries_version_spec_normalization_and_labels():
    found = said("--labels", "labels.txt")
    assert list(found) == [
        "archspec.input", "archspec.labels", "archspec.spec", "archspec.title", "archspec.version",
    ]  # fmt: skip
    assert json.loads(found["archspec.labels"]) == ["cat", "hound", "Älk"]
    assert json.loads(found["archspec.input"]) == {
        "type": "float32",
        "layout": "nchw",
        "normalization": {
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "scale": 255.0,
            "order": "rgb",
        },
    }
    session = onnxruntime.InferenceSession("small.onnx")
    assert session.get_modelmeta().custom_metadata_map == found
    assert onnx.load("small.onnx").producer_version == found["archspec.version"]


def test_a_file_that_normalizes_by_itself_says_that_it_takes_pixels():
    found = said("--preprocess", "--layout", "nhwc", "--scores", "softmax")
    assert json.loads(found["archspec.input"]) == {
        "type": "uint8",
        "layout": "nhwc",
        "pixels": "RGB",
    }
    assert found["archspec.scores"] == "softmax"


def test_show_prints_the_table_of_a_file_and_explain_the_rest():
    said()
    assert printed("show", "small.onnx") == printed("show", "small.yaml")
    assert "normalization.std" in printed("explain", "small.onnx")


def test_new_recovers_the_spec_of_a_file():
    said()
    printed("new", "again", "--from", "small.onnx")
    assert printed("check", "again.yaml") == "again.yaml: fine\n"
    again, spec = archspec.load("again.yaml"), archspec.load("small.yaml")
    assert {**again.document, "name": "small"} == spec.document
    one, other = archspec.to_graph(again), archspec.to_graph(spec)
    assert (one.nodes, one.outputs) == (other.nodes, other.outputs)


@pytest.mark.parametrize(
    "reference", ["mobilenet_v3:large", "efficientnet:b1", "resnet:50", "mobilenet_v4:conv_small"]
)
def test_a_recovered_spec_gives_the_same_graph(reference):
    spec = archspec.load(reference)
    archspec.export(spec, "net.onnx", check=False)
    run("new", "again", "--from", "net.onnx")
    assert archspec.to_graph("again.yaml").nodes == archspec.to_graph(spec).nodes


def test_the_spec_in_a_file_has_its_size_and_its_outputs():
    said("--size", "24x32", "--outputs", "deep,first=s1.1.expand")
    spec = archspec.load("small.onnx")
    assert spec.input == (24, 32, 3)
    assert {name: tap.path for name, tap in spec.outputs.items()} == {
        "deep": "deep",
        "first": "s1.1.expand",
    }
    (_, *outputs) = (
        list(archspec.to_graph(spec).outputs),
        *archspec.to_graph(spec).outputs.values(),
    )
    assert outputs == ["deep.1.project.conv", "s1.1.expand.conv"]


def test_what_is_no_file_of_archspec_is_refused(here):
    (here / "text.onnx").write_text("no model")
    (here / "empty.onnx").write_bytes(b"")
    (here / "cut.onnx").write_bytes(said() and (here / "small.onnx").read_bytes()[:5000])
    assert refusal("show", "text.onnx") == "E480 'text.onnx' is no ONNX file\n"
    assert refusal("show", "empty.onnx") == "E480 'empty.onnx' is no ONNX file\n"
    assert refusal("show", "cut.onnx") == "E480 'cut.onnx' is no ONNX file\n"
    assert (
        refusal("show", "lost.onnx") == "E480 cannot read 'lost.onnx': No such file or directory\n"
    )
    model = onnx.load("small.onnx")
    del model.metadata_props[:]
    onnx.save(model, "plain.onnx")
    assert refusal("new", "again", "--from", "plain.onnx") == (
        "E481 'plain.onnx' has no spec in it\n   archspec export of a spec writes one\n"
    )


def test_a_spec_in_a_file_is_checked_as_any_other():
    said()
    model = onnx.load("small.onnx")
    for entry in model.metadata_props:
        entry.value = entry.value.replace('"stride"', '"strid"')
    onnx.save(model, "small.onnx")
    text = refusal("show", "small.onnx")
    assert text.startswith("small.onnx:1:")
    assert "E104 unknown parameter 'strid' of block 'conv'" in text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_is_a_label_whatever_is_in_it(here, end):
    labels = ["black\u2028cat", "hound\x85", ""]
    (here / "labels.txt").write_bytes("".join(label + end for label in labels).encode())
    assert metadata.read_labels("labels.txt", 3) == labels


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (b"cat\nhound\n", "E482 'labels.txt' has 2 labels for 3 classes"),
        (b"cat\nhound\n\xff\n", "E482 the labels in 'labels.txt' are not UTF-8"),
    ],
)
def test_labels_that_do_not_fit_are_refused(here, labels, text):
    (here / "labels.txt").write_bytes(labels)
    with pytest.raises(SpecError) as caught:
        archspec.export("small.yaml", "small.onnx", labels="labels.txt")
    assert str(caught.value) == text
    assert not (here / "small.onnx").exists()


def test_a_file_of_labels_that_is_not_there_is_refused():
    assert refusal("export", "small.yaml", "-o", "a.onnx", "--labels", "lost.txt") == (
        "E482 cannot read 'lost.txt': No such file or directory\n"
    )


# The options that the files come from


def test_preprocess_needs_a_normalization():
    said = "--preprocess", "--set", "normalization=none"
    assert refusal("export", "small.yaml", "-o", "a.onnx", *said) == (
        "E418 small does not say how pixels are normalized\n"
        "   as in --set normalization.mean=0.5 --set normalization.std=0.5\n"
    )


def test_an_output_that_is_not_there_is_shown_where_it_was_asked_for():
    assert refusal("export", "small.yaml", "-o", "a.onnx", "--outputs", "c=s1.1.expnad") == (
        "--outputs:1:3: E303 there is no 's1.1.expnad'\n"
        "    1 | c=s1.1.expnad\n"
        "      |   ^^^^^^^^^^^\n"
        "   did you mean 's1.1.expand'?\n"
    )


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("--batch", "0", "'0' is neither dynamic nor a number from 1 to 65536."),
        ("--batch", "many", "'many' is neither dynamic nor a number from 1 to 65536."),
        ("--size", "1x2x3", "'1x2x3' is neither 224 nor 224x192, height and width."),
        ("--size", "0", "'0' is neither 224 nor 224x192, height and width."),
        ("--size", "-1", "'-1' is neither 224 nor 224x192, height and width."),
    ],
)
def test_options_that_mean_nothing_are_misuse(option, value, text):
    assert misuse("export", "small.yaml", "-o", "a.onnx", option, value) == (
        f"Error: Invalid value for '{option}': {text}"
    )


def test_an_export_of_any_size_says_which_it_was_tried_with():
    text = printed("export", "small.yaml", "-o", "a.onnx", "--size", "dynamic", "--batch", "2")
    assert "at batch 2, size 16x16 and 17x17 and 49x18\n" in text


def test_an_export_says_where_its_weights_are(here):
    text = printed(
        "export", "mobilenet_v2:0.35:96", "-o", "a.onnx", "--external-data", "--no-check"
    )
    (data,) = (path.name for path in here.glob("*.data"))
    assert f"weights in {data}, which must stay beside it\n" in text
