"""Models with their weights beside them: both appear whole, or neither."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from archspec.backends import onnx as backend
from archspec.deploy.export import export
from archspec.errors import SpecError
from archspec.graph import Graph
from archspec.ops import Convolution
from tests.parity import arrays, chain

ROOT = Path(__file__).parents[2]


def wide() -> Graph:
    return chain((4, 4, 3), Convolution((3, 3), channels=64), Convolution((1, 1), channels=65))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_weights_lie_in_a_file_that_is_named_by_what_is_in_it(tmp_path):
    graph, path = wide(), tmp_path / "net.onnx"
    done = export(graph, arrays(graph), path, external_data=True)
    assert done.data is not None
    assert names(tmp_path) == [done.data.name, "net.onnx"]
    assert done.bytes == path.stat().st_size + done.data.stat().st_size
    model = onnx.load(path, load_external_data=False)
    places = [
        {entry.key: entry.value for entry in tensor.external_data}
        for tensor in model.graph.initializer
    ]
    assert [place.get("location") for place in places] == [done.data.name] * 2
    assert [int(place["offset"]) % 4096 for place in places] == [0, 0]
    onnx.checker.check_model(str(path), full_check=True)
    inside = export(graph, arrays(graph), tmp_path / "inside.onnx")
    images = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32)
    first, second = (
        onnxruntime.InferenceSession(str(one)).run(None, {"input": images})[0]
        for one in (path, inside.path)
    )
    assert np.array_equal(first, second)
    assert done.agreement == inside.agreement


def test_both_files_are_where_a_link_leads(tmp_path):
    graph, link = wide(), tmp_path / "link.onnx"
    (tmp_path / "there").mkdir()
    link.symlink_to("there/net.onnx")
    done = export(graph, arrays(graph), link, external_data=True)
    assert (done.path, link.is_symlink()) == (link, True)
    assert done.data is not None
    assert names(tmp_path) == ["link.onnx", "there"]
    assert names(tmp_path / "there") == [done.data.name, "net.onnx"]
    onnxruntime.InferenceSession(str(tmp_path / "there" / "net.onnx"))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_weights_of_a_private_model_are_private(tmp_path):
    graph, path = wide(), tmp_path / "net.onnx"
    path.touch(0o600)
    done = export(graph, arrays(graph), path, external_data=True)
    assert done.data is not None
    assert [file.stat().st_mode & 0o777 for file in (path, done.data)] == [0o600] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="a system whose names are not bytes")
def test_weights_have_a_name_that_a_model_can_hold(tmp_path):
    graph = wide()
    done = export(graph, arrays(graph), tmp_path / os.fsdecode(b"odd\xff.onnx"), external_data=True)
    assert done.data is not None
    assert done.data.name.startswith("odd?-")
    onnx.load(done.path)


def test_the_same_weights_are_the_same_file_and_others_are_another(tmp_path):
    graph, path = wide(), tmp_path / "net.onnx"
    first = export(graph, arrays(graph), path, external_data=True)
    again = export(graph, arrays(graph), path, external_data=True)
    assert (first.sha256, first.data) == (again.sha256, again.data)
    other = export(graph, arrays(graph, seed=1), path, external_data=True)
    assert len({first.sha256, other.sha256}) == len({first.data, other.data}) == 2


def test_what_is_too_large_for_one_file_gets_two(tmp_path, monkeypatch):
    graph = wide()
    monkeypatch.setattr("archspec.deploy.export.LARGEST", 1000)
    assert export(graph, arrays(graph), tmp_path / "net.onnx").data is not None
    monkeypatch.setattr(backend, "LARGEST", 1000)
    with pytest.raises(
        SpecError, match=r"^E412 weights of 0\.0 GiB: an ONNX file holds less than 2$"
    ):
        backend.emit(graph, arrays(graph))


@pytest.mark.parametrize("failing", [1, 2])
def test_a_disk_that_is_full_leaves_the_older_model_and_its_weights(tmp_path, monkeypatch, failing):
    graph, path = wide(), tmp_path / "net.onnx"
    export(graph, arrays(graph), path, external_data=True)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    calls = []

    def full(_):
        calls.append(1)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpecError) as caught:
        export(graph, arrays(graph, seed=1), path, external_data=True)
    assert str(caught.value) == f"E110 cannot write {str(path)!r}: No space left on device"
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_check_that_fails_leaves_nothing(tmp_path):
    graph = wide()
    weights = arrays(graph)
    weights["n1/kernel"][0] = np.inf
    with pytest.raises(SpecError, match="E422 output 'output' is not finite"):
        export(graph, weights, tmp_path / "net.onnx", external_data=True)
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a signal of POSIX")
def test_a_process_that_is_killed_leaves_the_older_model_and_its_weights(tmp_path):
    command = [sys.executable, "-m", "archspec", "export", "mobilenet_v2:1.4", "-o"]
    command += [str(tmp_path / "net.onnx"), "--external-data", "--no-check", "--weights"]
    subprocess.run([*command, "random:0"], cwd=ROOT, check=True, capture_output=True)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for wait in (0.35, 0.5, 0.6, 0.7):
        with subprocess.Popen(
            [*command, "random:1"], cwd=ROOT, stdout=subprocess.DEVNULL
        ) as process:
            time.sleep(wait)
            process.kill()
        model = onnx.load(tmp_path / "net.onnx", load_external_data=False)
        (place,) = {
            entry.value
            for tensor in model.graph.initializer
            for entry in tensor.external_data
            if entry.key == "location"
        }
        onnx.checker.check_model(str(tmp_path / "net.onnx"))
        whole = tmp_path / place
        assert before.get(place, whole.read_bytes()) == whole.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX")
def test_a_process_that_is_ended_leaves_nothing(tmp_path):
    script = (
        "import os, signal\n"
        "from archspec import cli\n"
        "from archspec.deploy import export\n"
        "export.compare = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)\n"
        "cli.main()\n"
    )
    command = ["-c", script, "export", "mobilenet_v2:0.35:96", "--external-data", "-o"]
    done = subprocess.run(
        [sys.executable, *command, str(tmp_path / "net.onnx")],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, b"", b"")
    assert names(tmp_path) == []
