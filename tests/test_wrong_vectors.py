"""Vectors that are none, or not this net's: refused before anything is drawn or run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import archspec
import pytest
from archspec import verdicts
from archspec.errors import SpecError
from archspec.proof import read, vector
from tests.commands import refusal, run

NET = """\
archspec: 1
name: net
input: 8
classes: 3
stem: [{block: conv, channels: 4, kernel: 1, bias: true}]
head: [{block: global_pool}, {block: classifier}]
"""
TENSORS = [
    ["conv_stem.weight", [4, 3, 1, 1]],
    ["conv_stem.bias", [4]],
    ["classifier.weight", [3, 4]],
    ["classifier.bias", [3]],
]
FINE = {
    "reference": "timm:net",
    "input": [8, 8, 3],
    "params": 31,
    "tensors": TENSORS,
    "output": [0.0, 0.0, 0.0],
    "output_std": 1.0,
    "output_shape": [1, 3],
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("my net.yaml").write_text(NET, encoding="utf-8")
    return folder


def write(name: str = "v 1.json", **changes: object) -> str:
    Path(name).write_text(json.dumps({**FINE, **changes}), encoding="utf-8")
    return name


def verdict_of(path: str) -> str:
    (record,) = json.loads(
        run("verify", "my net.yaml", "--vector", path, "--format", "json", status=1).stdout
    )
    return record["verdict"]


def test_paths_may_have_spaces():
    output = archspec.to_graph("my net.yaml").outputs
    assert output
    assert verdict_of(write()) == "different"


@pytest.mark.parametrize(
    "changes",
    [
        {"output_std": float("inf")},
        {"output_std": float("nan")},
        {"output_std": 0},
        {"output": []},
        {"output": [float("nan"), 0, 0]},
        {"output": [[0, 0, 0]]},
        {"output": [0, 0, 0, 0]},
        {"output": [10**400, 0, 0]},
        {"output": None},
        {"output_shape": 3},
        {"output_shape": [1, 0]},
        {"input": [8, 8]},
        {"input": [8.5, 8, 3]},
        {"input": [float("inf"), 8, 3]},
        {"input": "888"},
        {"input": [16384, 16384, 3]},
        {"input": [8, 8, True]},
        {"params": "31"},
        {"params": None},
        {"tensors": {"a": [1]}},
        {"tensors": [["a"]]},
        {"tensors": [[1, [1]]]},
        {"tensors": [["a", 4]]},
        {"tensors": [["a", [-1]]]},
        {"tensors": [["a", [1]], ["a", [1]]]},
        {"tensors": ["ab"]},
        {"reference": "nobody:net"},
        {"reference": "timm:net\n\x1b[2J"},
        {"reference": None},
    ],
)
def test_what_is_no_vector_is_refused(changes):
    assert refusal("verify", "my net.yaml", "--vector", write(**changes)) == (
        "E510 'v 1.json' is no conformance vector\n   a JSON object with reference, input, params,"
        " tensors, output, output_std, output_shape\n"
    )


def test_no_more_is_read_than_a_vector_may_have(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(vector, "ROOM", 100)
        with pytest.raises(SpecError, match="E510"):
            read(write())
    assert read(write()).params == 31
    assert refusal("verify", "my net.yaml", "--vector", "/dev/zero").startswith("E510 ")


def test_nothing_is_drawn_for_a_vector_of_another_net(monkeypatch):
    monkeypatch.setattr(vector, "_drawn", lambda *_: pytest.fail("it was drawn"))
    huge = [["conv_stem.weight", [10**12, 3, 1, 1]], *TENSORS[1:]]
    assert verdict_of(write(tensors=huge)) == (
        "E506 timm:net holds 1 in another shape than net:"
        " conv_stem.weight is [1000000000000, 3, 1, 1] and not [4, 3, 1, 1]"
    )
    more = [*TENSORS, ["more", [10**6, 10**6]]]
    assert verdict_of(write(tensors=more)) == "E505 timm:net holds 1 that net does not have: more"
    assert verdict_of(write(params=30)) == "E513 timm:net has 30 parameters"


def test_two_vectors_of_one_implementation_are_both_compared():
    files = [write("a.json"), write("b.json", input=[4, 4, 3])]
    options = [word for name in files for word in ("--vector", name)]
    records = json.loads(
        run("verify", "my net.yaml", *options, "--format", "json", status=1).stdout
    )
    assert [record["reference"] for record in records] == ["timm:net", "timm:net"]


def test_a_library_that_nobody_knows_has_no_vector():
    Path("other.yaml").write_text(f"{NET}equals: {{nobody: net}}\n", encoding="utf-8")
    output = run("verify", "other.yaml", status=1).stdout
    assert "E512 there is no vector of 'nobody:net'" in output
    assert output.endswith("\n0 of 1 equal\n")


def end(*_: object) -> None:
    """End the process that runs this, as a system that is short of memory does."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_the_system_ends_is_an_error(monkeypatch):
    monkeypatch.setattr(verdicts, "_verified", end)
    with pytest.raises(SpecError) as caught:
        list(verdicts.verify_all(["mobilenet_v3_rw"]))
    assert str(caught.value).startswith("E514 a process was ended from outside\n   memory may ")


@pytest.mark.slow
def test_an_interrupt_ends_all_processes_quietly():
    done = subprocess.Popen(
        [sys.executable, "-m", "archspec", "verify", "--all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(archspec.__file__).parents[1])},
    )
    time.sleep(12)
    os.killpg(done.pid, signal.SIGINT)
    assert done.communicate(timeout=10) == ("", "")
    assert done.returncode == 130
