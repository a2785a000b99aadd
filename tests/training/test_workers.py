"""Training on several devices and in several processes comes to what one process comes to."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests import drawn
from tests.commands import run

engine = pytest.importorskip("archspec.training.engine", exc_type=ImportError)
pytestmark = pytest.mark.keras

NET = """\
archspec: 1
name: net
input: 24
classes: 3
defaults: {norm: {type: batch, momentum: 0.999}, activation: relu}
stem: [{block: conv, channels: 8, kernel: 3, stride: 2}]
stages:
  block: depthwise_separable
  columns: [channels, stride]
  rows: [[16, 2]]
head: [{block: global_pool}, {block: classifier}]
train: {epochs: 2, batch: 8, learning_rate: 2e-3, clip_norm: 1, early_stop: 9}
"""
TWO_DEVICES = """\
import sys
from archspec.training.engine import tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from archspec.cli import main
main()
"""
CLOSE = 1e-4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    drawn.folders(folder, 40, 24)
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, encoding="utf-8")


def command(data, output, *options, code=None):
    program = ["-c", code] if code else ["-m", "archspec"]
    return [sys.executable, *program, "train", "net.yaml", "--data", data, "-o", output, *options]


def ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def start(commands):
    """A process for each command, each of which knows of the others."""
    workers = [f"127.0.0.1:{port}" for port in ports(len(commands))]
    processes = []
    for index, one in enumerate(commands):
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                one,
                env={**os.environ, "TF_CONFIG": json.dumps(config)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def ended(processes, status=0):
    """What each of them printed, once all have ended."""
    try:
        texts = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [status] * len(processes), texts
    return texts


def history(output):
    with Path(output, "history.csv").open(encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def assert_same_run(output, other):
    for row, wanted in zip(history(output), history(other), strict=True):
        assert row == pytest.approx(wanted, rel=CLOSE)
    models = [engine.keras.models.load_model(Path(path, "model.keras")) for path in (output, other)]
    for one, two in zip(*(model.variables for model in models), strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), atol=1e-3, err_msg=one.path)


def test_two_processes_have_the_losses_of_one_and_the_first_writes(data):
    workers = [command(data, folder, "--strategy", "multi_worker") for folder in ("two", "aside")]
    texts = ended(start(workers))
    run("train", "net.yaml", "--data", str(data), "-o", "one")
    assert_same_run("two", "one")
    assert not Path("aside").exists()
    assert ["2 devices" in text for text, _ in texts] == [True, True]
    assert [errors for _, errors in texts] == ["", ""]


@pytest.mark.slow
@pytest.mark.parametrize("statistics", ["trained", "frozen"])
def test_two_devices_have_the_losses_of_one(data, statistics):
    how = ("--set", f"train.batch_norm={statistics}")
    options = (*how, "--strategy", "mirrored")
    ended([subprocess.Popen(command(data, "two", *options, code=TWO_DEVICES))])
    ended([subprocess.Popen(command(data, "one", *how))])
    assert_same_run("two", "one")


@pytest.mark.slow
def test_frozen_statistics_and_half_precision_work_in_two_processes(data):
    how = ("--set", "train.batch_norm=frozen", "--set", "train.precision=mixed_float16")
    workers = [command(data, "two", *how, "--strategy", "multi_worker") for _ in range(2)]
    ended(start(workers))
    ended([subprocess.Popen(command(data, "one", *how))])
    for row, wanted in zip(history("two"), history("one"), strict=True):
        assert row["loss"] == pytest.approx(wanted["loss"], rel=1e-2)


@pytest.mark.slow
def test_two_processes_that_are_killed_go_on_to_the_same_end(data):
    how = ("--strategy", "multi_worker", "--save-every", "1", "--set", "train.epochs=40")
    ended(start([command(data, "whole", *how) for _ in range(2)]))
    processes = start([command(data, "parts", *how) for _ in range(2)])
    wait_for(lambda: len(history("parts")) > 3, processes)
    for process in processes:
        process.kill()
        process.communicate()
    assert len(history("parts")) < 40
    ended(start([command(data, "parts", *how) for _ in range(2)]))
    assert Path("parts/history.csv").read_bytes() == Path("whole/history.csv").read_bytes()


@pytest.mark.slow
def test_a_process_whose_partner_is_gone_says_so(data):
    how = ("--strategy", "multi_worker", "--set", "train.epochs=1000")
    first, second = start([command(data, "out", *how) for _ in range(2)])
    wait_for(lambda: len(history("out")) > 1, (first, second))
    second.send_signal(signal.SIGKILL)
    second.communicate()
    ((_, errors),) = ended([first], status=1)
    assert errors.startswith("E730 a process is gone: ")
    assert "Traceback" not in errors


@pytest.mark.slow
def test_processes_with_other_data_refuse_to_work_together(data, tmp_path):
    other = tmp_path / "other"
    drawn.folders(other, 41, 24)
    how = ("--strategy", "multi_worker")
    texts = ended(start([command(data, "a", *how), command(other, "b", *how)]), status=1)
    for _, errors in texts:
        assert errors == (
            "E729 the processes have not the same spec, data, first weights and state\n"
            "   the folders of --data and -o must be the same for all of them\n"
        )


@pytest.mark.slow
def test_what_is_killed_again_and_again_goes_on_to_the_same_end(data):
    how = ("--save-every", "2", "--set", "train.epochs=30")
    ended([subprocess.Popen(command(data, "whole", *how))])
    lives = 0
    while not Path("parts/model.keras").exists():
        process = subprocess.Popen(command(data, "parts", *how))
        before = written("parts")
        lives += 1
        if lives < 5:
            wait_for(lambda: written("parts") != before, [process])  # noqa: B023  it is called here
            time.sleep(0.1 * lives)
            process.kill()
        process.wait()
    assert lives == 5
    for name in ("model.keras", "history.csv"):
        assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()


def written(output):
    file = Path(output, "checkpoint/state.npz")
    return file.stat().st_mtime_ns if file.exists() else None


def wait_for(condition, processes):
    """Wait until something is so, as long as the processes live."""
    while all(process.poll() is None for process in processes):
        try:
            if condition():
                return
        except FileNotFoundError:
            pass
        time.sleep(0.05)
    pytest.fail("a process ended before its time")


def test_devices_share_a_batch_equally_or_not_at_all(data):
    import archspec
    from archspec.training import run as runs
    from archspec.training.data import read
    from archspec.training.strategy import Place

    spec = archspec.load("net.yaml")
    found = read(data, "classification", 3)
    three = Place(SimpleNamespace(num_replicas_in_sync=3))
    with pytest.raises(archspec.SpecError) as caught:
        runs._pictures(runs._task(spec), found, three)  # noqa: SLF001
    assert str(caught.value) == (
        "net.yaml:12:27: E727 3 devices cannot share a batch of 8 pictures equally\n"
        "   12 | train: {epochs: 2, batch: 8, learning_rate: 2e-3, clip_norm: 1, early_stop: 9}\n"
        "      |                           ^"
    )


def test_the_mean_of_all_is_traced_once_and_not_in_each_epoch(caplog):
    from archspec.training.strategy import Place

    engine.tf.get_logger().addHandler(caplog.handler)
    place = Place(engine.tf.distribute.get_strategy(), processes=2)
    try:
        assert [place.mean([1.5, epoch]) for epoch in range(8)] == [[1.5, n] for n in range(8)]
    finally:
        engine.tf.get_logger().removeHandler(caplog.handler)
    assert caplog.text == ""


def test_processes_must_be_about_the_same():
    import archspec
    from archspec.training.loop import Run
    from archspec.training.state import State

    def run_of(other):
        """A process beside which another has other numbers."""
        place = SimpleNamespace(mean=lambda own: [(value + other) / 2 for value in own])
        state = State({"spec": "0" * 64}, epoch=0)
        return Run(None, None, None, place, None, state, None, None)

    run_of(0)._agree()  # noqa: SLF001
    with pytest.raises(archspec.SpecError) as caught:
        run_of(1)._agree()  # noqa: SLF001
    assert str(caught.value) == (
        "E729 the processes have not the same spec, data, first weights and state\n"
        "   the folders of --data and -o must be the same for all of them"
    )


def test_what_breaks_between_processes_is_said_in_a_line():
    import archspec
    from archspec.training.strategy import Place

    broken = engine.tf.errors.UnavailableError(None, None, "Connection reset by peer\nand more")
    with pytest.raises(archspec.SpecError) as caught, Place(None, 2).together():
        raise broken
    assert str(caught.value) == (
        "E730 a process is gone: Connection reset by peer\n"
        "   the same commands go on from the state that was written last"
    )
    with pytest.raises(engine.tf.errors.UnavailableError), Place(None, 1).together():
        raise broken


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "TF_CONFIG is not set"),
        ("{", "TF_CONFIG does not name the workers, and which of them this process is"),
        ("[1]", "TF_CONFIG does not name the workers, and which of them this process is"),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            "TF_CONFIG does not name the workers, and which of them this process is",
        ),
        (
            '{"cluster": {"ps": ["a:1"], "worker": ["a:2"]}, "task": {"type": "ps", "index": 0}}',
            "TF_CONFIG does not name the workers, and which of them this process is",
        ),
    ],
)
def test_processes_must_be_named(monkeypatch, config, message):
    import archspec
    from archspec.training.strategy import place_of

    if config is None:
        monkeypatch.delenv("TF_CONFIG", raising=False)
    else:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(archspec.SpecError) as caught:
        place_of("multi_worker")
    assert str(caught.value) == (
        f'E726 {message}\n   as in {{"cluster": {{"worker": ["host1:2222", "host2:2222"]}}, '
        '"task": {"type": "worker", "index": 0}}'
    )
