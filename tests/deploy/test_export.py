import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from archspec.backends.onnx import Form
from archspec.deploy.export import export
from archspec.errors import SpecError
from tests.deploy.nets import net
from tests.parity import arrays


def refusal(*args, **kwargs) -> str:
    with pytest.raises(SpecError) as caught:
        export(*args, **kwargs)
    return str(caught.value)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_an_export_writes_the_file_and_says_what_it_wrote(tmp_path):
    graph = net()
    path = tmp_path / "net.onnx"
    exported = export(graph, arrays(graph), str(path), metadata={"weights": "random:0"})
    data = path.read_bytes()
    assert exported.path == path
    assert exported.bytes == len(data)
    assert exported.sha256 == hashlib.sha256(data).hexdigest()
    assert (exported.opset, exported.nodes) == (17, 8)
    assert exported.agreement is not None
    assert exported.agreement.difference <= exported.agreement.bound == 1e-5
    model = onnx.load(path)
    assert [(pair.key, pair.value) for pair in model.metadata_props] == [("weights", "random:0")]
    assert [node.op_type for node in model.graph.node] == [
        "Add", "Conv", "Clip", "Conv", "Add", "GlobalAveragePool", "Reshape", "Gemm",
    ]  # fmt: skip
    assert names(tmp_path) == ["net.onnx"]


def test_without_a_check_there_is_no_agreement_and_the_same_file(tmp_path):
    graph = net()
    checked = export(graph, arrays(graph), tmp_path / "a.onnx")
    unchecked = export(graph, arrays(graph), tmp_path / "b.onnx", check=False)
    assert unchecked.agreement is None
    assert unchecked.sha256 == checked.sha256


def test_an_export_that_fails_its_check_leaves_the_older_file(tmp_path):
    graph = net()
    weights = arrays(graph)
    weights["logits/bias"][0] = np.inf
    path = tmp_path / "net.onnx"
    path.write_bytes(b"older")
    assert refusal(graph, weights, path) == (
        "E422 output 'logits' is not finite for a random image; the first value that is not is of"
        " 'logits'\n   look at the weights"
    )
    assert path.read_bytes() == b"older"
    assert names(tmp_path) == ["net.onnx"]


def test_a_disk_that_is_full_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    graph = net()
    path = tmp_path / "net.onnx"
    assert refusal(graph, arrays(graph), path, check=False) == (
        f"E110 cannot write {str(path)!r}: No space left on device"
    )
    assert names(tmp_path) == []


def test_a_folder_that_is_missing_is_an_error(tmp_path):
    graph = net()
    path = tmp_path / "there" / "net.onnx"
    assert refusal(graph, arrays(graph), path, check=False) == (
        f"E110 cannot write {str(path)!r}: No such file or directory\n"
        f"   make the folder '{path.parent}' first"
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"via": "tf2onx"}, "E414 there is no way 'tf2onx' to ONNX\n   did you mean 'tf2onnx'?"),
        (
            {"via": "tf2onnx", "form": Form(layout="nhwc")},
            "E419 tf2onnx takes an opset and a batch, and no other option about the file\n"
            "   leave out '--via tf2onnx'",
        ),
        (
            {"via": "tf2onnx", "external_data": True},
            "E419 tf2onnx takes an opset and a batch, and no other option about the file\n"
            "   leave out '--via tf2onnx'",
        ),
    ],
)
def test_options_that_cannot_be_met_are_refused(tmp_path, said, message):
    graph = net()
    assert refusal(graph, arrays(graph), tmp_path / "net.onnx", **said) == message
    assert names(tmp_path) == []
