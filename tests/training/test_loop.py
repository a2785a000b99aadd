"""`archspec train` from beginning to end: what it writes, and that it goes on where it ended."""

import csv
import json
from pathlib import Path

import archspec
import numpy as np
import onnxruntime
import pytest
from tests.commands import misuse, printed, refusal, run
from tests.training import drawn

training = pytest.importorskip("archspec.training")
engine = pytest.importorskip("archspec.training.engine", exc_type=ImportError)
from archspec.training import state as states

keras = engine.keras
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
  rows: [[16, 2], [16, 1]]
head:
  - {block: global_pool}
  - {block: dropout, rate: 0.2}
  - {block: classifier}
train: {epochs: 3, batch: 8, learning_rate: 0.02, augment: {color: 0}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return str(drawn.classes(tmp_path_factory.mktemp("data") / "shapes", 12, 24))


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, encoding="utf-8")
    return "net.yaml"


class StopError(Exception):
    """The process is gone."""


class Watcher:
    """Ends a run after so many steps, and notes what it is told."""

    def __init__(self, steps=None):
        self.left, self.losses, self.epochs = steps, [], []

    def step(self, epoch, step, loss):
        self.losses.append((epoch, step, loss))
        if len(self.losses) == self.left:
            raise StopError

    def epoch(self, record):
        self.epochs.append(record)


def trained(spec, data, output, watcher=None, settings=None, **how):
    """A run, or as much of it as the watcher lets it do."""
    watcher = watcher or Watcher()
    loaded = archspec.load(spec, set=settings or {})
    try:
        done = training.train(loaded, Path(data), Path(output), training.How(watcher=watcher, **how))
    except StopError:
        return watcher, None
    return watcher, done


def weights(output):
    model = keras.models.load_model(Path(output, "model.keras"))
    return {variable.path: variable.numpy() for variable in model.variables}


# What it writes


def test_a_run_leaves_a_plain_model_a_table_and_events(spec, data):
    watcher, done = trained(spec, data, "out", export=Path("net.onnx"))
    model = keras.models.load_model("out/model.keras")
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}
    assert model.get_layer("stem.conv.norm").momentum == 0.999
    assert not model.get_layer("stem.conv.norm").synchronized
    images = np.random.default_rng(0).normal(size=(5, 24, 24, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession("net.onnx")
    (found,) = session.run(None, {"input": images.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(found, model(images).numpy(), atol=1e-4)
    with Path("out/history.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["epoch"] for row in table] == ["1", "2", "3"]
    for row, record in zip(table, watcher.epochs, strict=True):
        assert list(row) == list(record)
        assert [float(value) for value in row.values()] == pytest.approx(list(record.values()))
    assert list(Path("out/log").glob("events.*"))
    assert Path("out/labels.txt").read_text(encoding="utf-8") == "circle\nsquare\ntriangle\n"
    assert done.history == watcher.epochs
    assert not done.done_before


def test_an_export_says_what_was_done_to_pixels_and_what_classes_are(spec, data):
    trained(spec, data, "out", settings={"train.epochs": 1}, export=Path("net.onnx"))
    said = onnxruntime.InferenceSession("net.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(said["archspec.input"])["normalization"]["mean"] == [0.5]
    assert json.loads(said["archspec.labels"]) == ["circle", "square", "triangle"]
    assert archspec.load("net.onnx").normalization == archspec.load(
        spec, set={"normalization.mean": 0.5, "normalization.std": 0.5}
    ).normalization


def test_a_net_learns_what_shapes_are(spec, data):
    watcher, _ = trained(spec, data, "out", settings={"train.epochs": 8})
    assert watcher.epochs[-1]["loss"] < 0.5 * watcher.epochs[0]["loss"]
    assert watcher.epochs[-1]["top1"] >= 0.8


# It goes on


@pytest.mark.parametrize("steps", [3, 7])
def test_what_is_interrupted_goes_on_at_the_same_step_to_the_same_end(spec, data, steps):
    whole, _ = trained(spec, data, "whole", save_every=1)
    first, ended = trained(spec, data, "parts", Watcher(steps), save_every=1)
    assert ended is None
    assert not Path("parts/model.keras").exists()
    rest, done = trained(spec, data, "parts", save_every=1)
    # The step in which it ended was not saved yet, and is done again.
    assert rest.losses[0][:2] == first.losses[-1][:2]
    assert first.losses[:-1] + rest.losses == whole.losses
    assert not done.done_before
    for name in ("model.keras", "history.csv"):
        assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()


def test_what_is_done_is_not_done_again(spec, data):
    trained(spec, data, "out", settings={"train.epochs": 1})
    before = Path("out/model.keras").read_bytes()
    Path("out/model.keras").unlink()
    watcher, done = trained(spec, data, "out", settings={"train.epochs": 1})
    assert done.done_before
    assert watcher.losses == []
    assert Path("out/model.keras").read_bytes() == before


def test_another_run_in_the_same_folder_is_refused_unless_it_begins_anew(spec, data, tmp_path):
    once = ("--set", "train.epochs=1")
    run("train", spec, "--data", data, "-o", "out", *once)
    hint = "   write to another folder, or give --restart to begin anew\n"
    assert refusal("train", spec, "--data", data, "-o", "out", *once, "--set", "train.seed=1") == (
        f"E720 'out' holds a run with another spec\n{hint}"
    )
    other = drawn.classes(tmp_path / "other", 10, 24)
    assert refusal(
        "train", spec, "--data", str(other), "-o", "out", *once, "--weights", "random:1"
    ) == f"E720 'out' holds a run with another data set and another first weights\n{hint}"
    anew = ("--restart", "--set", "train.seed=1")
    assert "epoch 1:" in run("train", spec, "--data", data, "-o", "out", *once, *anew).stdout


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda _: b"", lambda data: data.replace(b"PK", b"KP")],
    ids=["cut", "empty", "changed"],
)
def test_a_damaged_state_is_refused(spec, data, damage):
    once = ("--set", "train.epochs=1")
    run("train", spec, "--data", data, "-o", "out", *once)
    file = Path("out/checkpoint/state.npz")
    file.write_bytes(damage(file.read_bytes()))
    assert refusal("train", spec, "--data", data, "-o", "out", *once) == (
        "E721 'out/checkpoint/state.npz' is no state of a run, or damaged\n"
        "   --restart begins anew\n"
    )


def test_a_state_of_other_arrays_is_refused(tmp_path):
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    arrays = states.arrays_of(model)
    states.restore(model, arrays, tmp_path)
    wrong = {**arrays, "model.0": np.zeros((3, 1))}
    with pytest.raises(archspec.SpecError, match="E721"):
        states.restore(model, wrong, tmp_path)


# How it ends


def test_a_run_without_a_better_score_ends_early_with_its_best_weights(spec, data):
    settings = {"train.epochs": 30, "train.early_stop": 2, "train.learning_rate": 0.05}
    _, done = trained(spec, data, "out", settings=settings)
    scores = [record["top1"] for record in done.history]
    best = scores.index(max(scores))
    assert done.kept == best + 1
    assert done.best == (best + 1, max(scores))
    assert len(scores) == best + 3 < 30
    settings["train.epochs"] = best + 1
    model = keras.models.load_model("out/model.keras")
    kept = states.read_arrays(Path("out/checkpoint/best.npz"))
    np.testing.assert_array_equal(
        model.get_layer("stem.conv.conv").kernel.numpy(), kept["stem.conv.conv/kernel"]
    )


def test_a_loss_that_is_no_number_ends_the_run(spec, data):
    bad = ("--set", "train.learning_rate=100", "--set", "train.clip_norm=none")
    sgd = ("--set", "train.optimizer=sgd", "--set", "train.epochs=50")
    text = run("train", spec, "--data", data, "-o", "out", *bad, *sgd, status=1).stderr
    assert text.startswith("E724 the loss is no finite number any more in step ")
    assert text.endswith("\n   a lower train.learning_rate, or a train.clip_norm, may help\n")
    assert not Path("out/model.keras").exists()
