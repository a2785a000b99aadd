"""`archspec train` from beginning to end: what it writes, and that it goes on where it ended."""

import csv
import json
import re
from pathlib import Path

import archspec
import numpy as np
import onnxruntime
import pytest
from tests import drawn
from tests.commands import refusal, run

training = pytest.importorskip("archspec.training")
engine = pytest.importorskip("archspec.training.engine", exc_type=ImportError)
from archspec.training import state as states  # noqa: E402

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
  rows: [[16, 2]]
head:
  - {block: global_pool}
  - {block: dropout, rate: 0.2}
  - {block: classifier}
train: {epochs: 3, batch: 8, learning_rate: 0.02, augment: {color: 0}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    drawn.folders(folder, 40, 24)
    return str(folder)


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
        done = training.train(loaded, data, output, training.How(watcher=watcher, **how))
    except StopError:
        return watcher, None
    return watcher, done


def events(folder):
    """What TensorBoard shows: epoch → name → value."""
    tf, found = engine.tf, {}
    for file in Path(folder).iterdir():
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.setdefault(event.step, {})[value.tag] = float(tf.make_ndarray(value.tensor))
    return found


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
    for record in watcher.epochs:
        wanted = {name: value for name, value in record.items() if name != "epoch"}
        assert events("out/log")[record["epoch"]] == pytest.approx(wanted)
    assert Path("out/labels.txt").read_text(encoding="utf-8") == "circle\nsquare\ntriangle\n"
    assert done.history == watcher.epochs
    assert not done.done_before
    assert watcher.epochs[-1]["loss"] < watcher.epochs[0]["loss"]


def test_an_export_says_what_was_done_to_pixels_and_what_classes_are(spec, data):
    settings = {"train.epochs": 1, "train.augment": "none"}
    trained(spec, data, "out", settings=settings, export=Path("net.onnx"))
    said = onnxruntime.InferenceSession("net.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(said["archspec.labels"]) == ["circle", "square", "triangle"]
    half = {"normalization.mean": 0.5, "normalization.std": 0.5}
    assert archspec.load("net.onnx").normalization == archspec.load(spec, set=half).normalization


# It goes on


def test_what_is_interrupted_goes_on_at_the_same_step_to_the_same_end(spec, data):
    whole, _ = trained(spec, data, "whole", save_every=1)
    first, ended = trained(spec, data, "parts", Watcher(7), save_every=1)
    assert ended is None
    assert not Path("parts/model.keras").exists()
    rest, done = trained(spec, data, "parts", save_every=1)
    # The step in which it ended was not saved yet, and is done again.
    assert rest.losses[0][:2] == first.losses[-1][:2]
    assert first.losses[:-1] + rest.losses == whole.losses
    assert not done.done_before
    for name in ("model.keras", "history.csv"):
        assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()


def test_what_ends_before_an_epoch_is_judged_goes_on_with_that(spec, data, monkeypatch):
    once = {"train.epochs": 1}
    trained(spec, data, "whole", settings=once)
    save = states.save

    def last(folder, state, arrays):
        save(folder, state, arrays)
        if state.step == 4:
            raise StopError

    with monkeypatch.context() as patched:
        patched.setattr(states, "save", last)
        _, ended = trained(spec, data, "parts", settings=once, save_every=4)
    assert ended is None
    assert not Path("parts/history.csv").exists()
    rest, _ = trained(spec, data, "parts", settings=once, save_every=4)
    assert rest.losses == []
    for name in ("model.keras", "history.csv"):
        assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()


def test_another_run_in_the_same_folder_is_refused_unless_it_begins_anew(spec, data, tmp_path):
    once = ("--set", "train.epochs=1")
    run("train", spec, "--data", data, "-o", "out", *once)
    hint = "   write to another folder, or give --restart to begin anew\n"
    assert refusal("train", spec, "--data", data, "-o", "out", *once, "--set", "train.seed=1") == (
        f"E720 'out' holds a run with another spec\n{hint}"
    )
    other = tmp_path / "other"
    drawn.folders(other, 30, 24)
    assert (
        refusal("train", spec, "--data", str(other), "-o", "out", *once, "--weights", "random:1")
        == f"E720 'out' holds a run with another data set and another first weights\n{hint}"
    )
    anew = ("--restart", "--set", "train.seed=1")
    assert "epoch 1:" in run("train", spec, "--data", data, "-o", "out", *once, *anew).stdout


def test_a_damaged_state_is_refused(spec, data):
    once = ("--set", "train.epochs=1")
    run("train", spec, "--data", data, "-o", "out", *once)
    file = Path("out/checkpoint/state.npz")
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole.replace(b"PK", b"KP"), b"\x80\x04N."):
        file.write_bytes(damaged)
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


def test_a_picture_that_is_gone_in_the_middle_of_a_run_is_named(spec, tmp_path):
    drawn.folders(tmp_path / "data", 40, 24)

    class Remover(Watcher):
        def epoch(self, record):
            super().epoch(record)
            for file in (tmp_path / "data" / "train").rglob("*.png"):
                file.unlink(missing_ok=True)

    with pytest.raises(archspec.SpecError) as caught:
        trained(spec, tmp_path / "data", "out", Remover())
    text = str(caught.value)
    assert text.startswith(f"E706 '{tmp_path}/data/train/")
    assert ".png' is not what it was at the start: it is not there\n" in text


# What it starts from


def test_a_net_starts_from_what_fits_of_another(spec, data):
    run("compile", spec, "--set", "classes=7", "--weights", "random:5", "-o", "seven.safetensors")
    once = ("--set", "train.epochs=1", "--set", "train.batch_norm=frozen")
    still = ("--set", "train.learning_rate=1e-9", "--set", "train.weight_decay=0")
    text = run(
        "train", spec, "--data", data, "-o", "out", *once, *still, "--weights", "seven.safetensors"
    ).stdout
    assert "weights: seven.safetensors, 2 of 3 rows; new: head.classifier\n" in text
    started = archspec.load_weights(archspec.load(spec, set={"classes": 7}), "seven.safetensors")
    ended = archspec.load_weights(archspec.load(spec), "out/model.keras")
    for key, value in ended.items():
        if not key.startswith("head."):
            np.testing.assert_allclose(value, started[key], atol=1e-6, err_msg=key)


def test_a_row_is_begun_anew_all_the_same(spec, data):
    run("compile", spec, "--weights", "random:5", "-o", "net.safetensors")
    once = ("--set", "train.epochs=1", "--weights", "net.safetensors", "--reset", "s1")
    text = run("train", spec, "--data", data, "-o", "out", *once).stdout
    assert "weights: net.safetensors, 2 of 3 rows; new: stages.s1\n" in text


def test_weights_of_which_nothing_fits_are_refused(spec, data):
    run("compile", "mobilenet_v2", "--set", "scaling.width=0.35", "-o", "other.safetensors")
    assert (
        refusal("train", spec, "--data", data, "-o", "out", "--weights", "other.safetensors")
        == "E722 'other.safetensors' has no weights of a whole row of net\n"
    )
    assert not Path("out").exists()


# Other nets, other numbers


@pytest.mark.parametrize(
    "precision", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
def test_a_net_that_is_trained_in_half_precision_is_saved_in_float32(spec, data, precision):
    settings = {"train.precision": precision, "train.epochs": 2}
    watcher, _ = trained(spec, data, "out", settings=settings)
    assert watcher.epochs[-1]["loss"] < 1.1 * watcher.epochs[0]["loss"]
    model = keras.models.load_model("out/model.keras")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


def test_masks_are_learned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn.masks(tmp_path / "data", 20, 24)
    Path("net.yaml").write_text(
        """\
archspec: 1
name: net
input: 24
classes: 4
defaults: {norm: batch, activation: relu}
stem: [{block: conv, channels: 8, kernel: 3, stride: 2}]
head:
  - {block: conv, name: last, channels: 4, kernel: 1, norm: none, activation: none, bias: true}
  - {block: resize}
train: {epochs: 3, batch: 4, learning_rate: 0.03, loss: {dice: 1}}
""",
        encoding="utf-8",
    )
    watcher, _ = trained("net.yaml", tmp_path / "data", "out", export=Path("net.onnx"))
    assert list(watcher.epochs[0]) == [
        "epoch",
        "learning_rate",
        "loss",
        "val_loss",
        "miou",
        "pixels",
    ]
    assert watcher.epochs[-1]["loss"] < watcher.epochs[0]["loss"]
    assert Path("net.onnx").exists()


def test_a_net_of_five_channels_takes_no_pictures(spec, data):
    assert refusal("train", spec, "--data", data, "-o", "out", "--set", "input=[24, 24, 5]") == (
        "--set input:1:1: E723 pictures have 1 or 3 channels, the net takes 5\n"
        "    1 | [24, 24, 5]\n      | ^^^^^^^^^^^\n"
    )


def test_early_stop_needs_scores(spec, data):
    drawn_ = ("--set", "train.validation=0", "--set", "train.early_stop=3")
    assert refusal("train", spec, "--data", f"{data}/train", "-o", "out", *drawn_) == (
        "--set train.early_stop:1:1: E728 train.early_stop needs scores, and no pictures are held"
        " back to give them\n    1 | 3\n      | ^\n"
    )


# What it says


def test_the_command_says_what_it_does(spec, data):
    text = run("train", spec, "--data", data, "-o", "out", "--export", "net.onnx").stdout
    lines = text.splitlines()
    assert lines[:4] == [
        "net: classification, 3 classes, 32 pictures to train with, 8 to validate",
        "weights: the initializers of the spec",
        "pixels: from -1 to 1, as the spec does not say `normalization`",
        "steps: 3 epochs of 4",
    ]
    score = r"\d\.\d{4}"
    for number, line in enumerate(lines[4:7], 1):
        assert re.fullmatch(
            rf"epoch {number}: loss {score}, val_loss {score}, top1 {score}, top3 {score}, [\d.]+ s",
            line,
        )
    assert re.fullmatch(rf"best epoch: [123], top1 {score}", lines[7])
    assert lines[8] == "net → out/model.keras: epoch 3 of 3"
    assert re.fullmatch(
        r"net → net\.onnx: ONNX Runtime is within \d\.\de-\d\d of the reference \(bound .*\)",
        lines[9],
    )
    before = Path("out/model.keras").read_bytes()
    Path("out/model.keras").unlink()
    again = run("train", spec, "--data", data, "-o", "out").stdout.splitlines()
    assert again[4:] == ["it was done before", *lines[7:9]]
    assert Path("out/model.keras").read_bytes() == before


def test_what_is_left_out_is_said(spec, tmp_path):
    drawn.folders(tmp_path / "data", 40, 24)
    for number in range(7):
        (tmp_path / "data/train/circle" / f"x{number}.png").write_bytes(b"none")
    once = ("--set", "train.epochs=1")
    text = run("train", spec, "--data", str(tmp_path / "data"), "-o", "out", *once).stdout
    assert "left out: 7 things\n  train/circle/x0.png: does not decode\n" in text
    assert "steps: 1 epoch of " in text
    assert "  train/circle/x4.png: does not decode\n  and 2 more\n" in text


def test_an_export_that_could_not_be_written_ends_the_run_before_it_begins(spec, data):
    assert refusal("train", spec, "--data", data, "-o", "out", "--export", "nowhere/a.onnx") == (
        "E110 cannot write 'nowhere/a.onnx': No such file or directory\n"
        "   make the folder 'nowhere' first\n"
    )


def test_a_file_is_no_folder_to_write_to(spec, data):
    Path("out").write_text("mine", encoding="utf-8")
    assert refusal("train", spec, "--data", data, "-o", "out") == (
        "E110 cannot write 'out/checkpoint': Not a directory\n"
    )


def test_a_net_with_other_outputs_is_trained_by_its_classes(spec, data):
    outputs = ("--set", "outputs={c2: s1, names: classifier}", "--set", "train.epochs=1")
    run("train", spec, "--data", data, "-o", "out", *outputs)
    model = keras.models.load_model("out/model.keras")
    assert set(model.output) == {"c2", "names"}


def test_a_net_of_another_vector_cannot_be_trained(spec, data):
    text = NET.replace("{block: classifier}", "{block: fully_connected, channels: 9}")
    Path(spec).write_text(text, encoding="utf-8")
    assert refusal("train", spec, "--data", data, "-o", "out") == (
        "E731 no output of net is a vector of 3 classes\n"
    )


def test_a_net_of_features_alone_cannot_be_trained(spec, data):
    outputs = ("--set", "outputs={c2: s1}", "--set", "classes=16")
    message = "no output of net is an image of 24x24x16"
    text = refusal("train", spec, "--data", data, "-o", "out", *outputs)
    assert f": E731 {message}\n" in text
    assert text.endswith("\n   a row `resize` at the end makes one\n")
