import subprocess
import sys
from math import inf

import archspec
import numpy as np
import pytest
from archspec import ops
from archspec.backends import reference
from archspec.errors import SpecError
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Convolution,
    Dense,
    DropPath,
    Flatten,
    GlobalPool,
    Initializer,
    Pool,
    Rescale,
    Slice,
    Standardize,
)
from tests.parity import GRAPHS, arrays, chain, images

backend = pytest.importorskip("archspec.backends.keras", exc_type=ImportError)
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.keras

# Keras rounds the constants of these to float32, whatever it computes in.
ROUNDED = (
    *("function=leaky_relu", "function=gelu", "function=gelu_tanh"),
    "mode=align_corners",
)
# TensorFlow interpolates in float32.
INTERPOLATED = "mode=bilinear"

RELOAD = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "archspec":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
import keras
import numpy as np

model = keras.models.load_model(sys.argv[1])
outputs = model(np.load(sys.argv[2]), training=False)
np.savez(sys.argv[3], **{name: np.array(value) for name, value in outputs.items()})
"""


def refusal(action, *given) -> str:
    with pytest.raises(SpecError) as caught:
        action(*given)
    return str(caught.value)


def layer_names(model) -> list[str]:
    return [operation.name for operation in model.operations]


def every_way() -> Graph:
    """A graph with an output for each kind of layer that a file could fail to bring back."""
    image = (9, 8, 6)
    steps = {
        "depthwise": Convolution((3, 3), 2, "symmetric", channels=12, groups=6, bias=True),
        "grouped": Convolution((3, 3), 1, "same", channels=4, groups=2),
        "even": Convolution((2, 1), 1, "valid", channels=4),
        "max": Pool((3, 3), 2, "symmetric"),
        "mean": Pool((3, 3), 2, "symmetric", type="average"),
        "counted": Pool((3, 3), 2, "symmetric", type="average", count_padding=True),
        "slice": Slice(1, 4),
        "scale": ops.Scale(bias=True),
        "gain": ops.Scale(0.2, bias=True, groups=1),
        "pixel_norm": ops.PixelNorm(about="mean"),
        "response_norm": ops.ResponseNorm(),
        "shuffle": ops.Shuffle(3),
        "group_gain": ops.Scale(groups=2),
        "unit_norm": ops.UnitNorm(),
        "positions": ops.FourierPositions(2),
        "linear_attention": ops.LinearAttention(2),
        "blur": ops.Blur(4),
        "standardize": Standardize(),
        "rescale": Rescale((1 / 127.5, 0.1, 0.2, 0.3, 0.4, 0.5), (-1.0,)),
        "drop_path": DropPath(0.5),
        "batch_norm": BatchNorm(1e-2, 0.9),
        "group_norm": ops.GroupNorm(3),
        "layer_norm": ops.LayerNorm(),
        "pool": GlobalPool("max"),
        **{function: Activation(function) for function in ops.FUNCTIONS},
    }
    build = GraphBuilder("every way", image)
    for name, op in steps.items():
        build.add(f"s1.{name}", op, [INPUT])
    build.add("s1.eca", ops.ChannelConvolution(3), ["s1.pool"])
    build.add("s1.attention", ops.Attention(2), [INPUT] * 3)
    build.add("s1.patched attention", ops.Attention(heads=2, patch=2), ["s1.even"] * 3)
    build.add("s1.channel_attention", ops.ChannelAttention(2), [INPUT] * 3)
    build.add("s1.score", Convolution((1, 1), channels=1), [INPUT])
    build.add("s1.separable", ops.SeparableAttention(), ["s1.score", INPUT, INPUT])
    build.add("s1.rows", ops.Rows(4), ["s1.even"])
    build.add("s1.more rows", ops.Rows(2), ["s1.even", "s1.max"])
    level = ops.Level(build.shapes["s1.even"][:2], ((0.3, 0.2),))
    build.add("s1.boxes", ops.DecodeBoxes((level,), limit=0.5), ["s1.rows"])
    for mode in ("nearest", "bilinear"):
        build.add(f"s1.{mode} up", ops.Resize(mode), ["s1.max", INPUT])
        build.add(f"s1.{mode} down", ops.Resize(mode), [INPUT, "s1.max"])
    return build.build({node.name.removeprefix("s1."): node.name for node in build.nodes})


def test_every_op_has_a_rule():
    assert {op.__name__ for op in ops.ALL if op not in backend.RULES} == set()
    assert len(backend.RULES) == len(ops.ALL)


@pytest.mark.parametrize("name", GRAPHS)
def test_keras_computes_what_the_reference_does(name):
    graph = GRAPHS[name]
    weights, batch = arrays(graph), images(graph)
    wanted = reference.emit(graph, weights, "float64")(batch)["output"]
    model = backend.emit(graph, weights, dtype="float64")
    found = np.array(model(batch, training=False))
    bound = 1e-7 if any(word in name for word in ROUNDED) else 1e-12
    bound = 1e-6 if INTERPOLATED in name else bound
    assert found.shape == wanted.shape
    assert model.output_shape == (None, *wanted.shape[1:])
    assert np.abs(found - wanted).max() <= bound * max(1, np.abs(wanted).max())


def test_what_suppresses_boxes_is_no_model():
    build = GraphBuilder("net", (4, 1, 6))
    boxes = build.add("boxes", ops.Rows(4), [build.add("four", Slice(0, 4), [INPUT])])
    scores = build.add("scores", ops.Rows(2), [build.add("two", Slice(4, 6), [INPUT])])
    picks = build.add("picks", ops.Suppress(), [boxes, scores])
    assert refusal(backend.emit, build.build({"output": picks})) == (
        "E401 picks: Keras has no layer that suppresses boxes\n"
        "   suppress them in an ONNX file, '--nms'"
    )


def test_layers_are_named_as_the_nodes():
    build = GraphBuilder("net", (8, 8, 3))
    value = build.add("stem.conv.conv", Convolution((3, 3), 2, "symmetric", channels=8), [INPUT])
    left = build.add("s1.1.depthwise.conv", Convolution((3, 3), channels=8, groups=8), [value])
    value = build.add("s1.1.add", Add(), [left, value])
    value = build.add("s1.2.slice", Slice(0, 4), [value])
    value = build.add("head.gelu", Activation("gelu_tanh"), [value])
    model = backend.emit(build.build({"output": value}))
    assert layer_names(model) == [
        "input",
        "stem.conv.conv.pad",
        "stem.conv.conv",
        "s1.1.depthwise.conv",
        "s1.1.add",
        "s1.2.slice",
        "head.gelu",
    ]
    assert [variable.path for variable in model.variables] == [
        "stem.conv.conv/kernel",
        "s1.1.depthwise.conv/kernel",
    ]


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [8, 9])
def test_what_follows_a_resize_only_trains_when_it_is_told_to(size, mode):
    build = GraphBuilder("net", (size, size, 2))
    value = build.add("small", Pool((2, 2), 2, "valid"), [INPUT])
    value = build.add("large", ops.Resize(mode), [value, INPUT])
    graph = build.build({"output": build.add("norm", BatchNorm(), [value])})
    model = backend.emit(graph, arrays(graph))
    batch = images(graph).astype("float32")
    assert (np.array(model(batch)) == np.array(model(batch, training=False))).all()


@pytest.mark.parametrize(
    ("size", "padding", "names"),
    [
        (9, "same", ["input", "n0"]),
        (9, "symmetric", ["input", "n0"]),  # (1, 1) either way
        (8, "symmetric", ["input", "n0.pad", "n0"]),  # (1, 1) and not (0, 1)
        (8, "even", ["input", "n0"]),
        (9, "even", ["input", "n0.pad", "n0"]),
        (8, "valid", ["input", "n0"]),
    ],
)
def test_only_padding_that_keras_has_no_word_for_costs_a_layer(size, padding, names):
    graph = chain((size, size, 2), Convolution((3, 3), 2, padding, channels=4))
    assert layer_names(backend.emit(graph)) == names


def test_one_output_named_output_is_a_tensor_and_others_are_a_dict():
    graph = chain((4, 4, 2), Activation("relu"), GlobalPool())
    batch = images(graph).astype("float32")
    assert backend.emit(graph)(batch).shape == (2, 1, 1, 2)
    tapped = Graph(graph.name, graph.input, graph.nodes, {"fine": "n0", "coarse": "n1"})
    outputs = backend.emit(tapped)(batch)
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "fine": (2, 4, 4, 2),
        "coarse": (2, 1, 1, 2),
    }


def test_the_name_of_a_variant_becomes_a_name_that_keras_takes():
    graph = GraphBuilder("net:1.4/é", (4, 4, 2))
    graph.add("relu", Activation("relu"), [INPUT])
    assert backend.emit(graph.build({"output": "relu"})).name == "net_1.4__"


def test_what_training_needs_comes_from_the_graph():
    he = Initializer("truncated_normal", 2.0, "out")
    graph = chain(
        (8, 8, 4),
        Convolution((3, 3), channels=4, groups=4, init=he, l2=1e-4),
        BatchNorm(0.01, 0.95),
        Convolution((1, 1), channels=6, init=Initializer("normal", 1.0, "in")),
        DropPath(0.25),
        Flatten(),
        Dense(3, l2=1e-5),
    )
    layers = {layer.name: layer for layer in backend.emit(graph).layers}
    start = layers["n0"].depthwise_initializer
    assert (start.distribution, start.scale, start.mode) == ("truncated_normal", 2.0, "fan_out")
    assert layers["n0"].depthwise_regularizer.l2 == pytest.approx(1e-4)
    assert (layers["n1"].epsilon, layers["n1"].momentum) == (0.01, 0.95)
    assert layers["n2"].kernel_initializer.distribution == "untruncated_normal"
    assert layers["n2"].kernel_regularizer is None
    assert layers["n3"].noise_shape == (None, 1, 1, 1)
    assert isinstance(layers["n5"].kernel_initializer, keras.initializers.GlorotUniform)
    assert layers["n5"].kernel_regularizer.l2 == pytest.approx(1e-5)


def test_drop_path_drops_whole_images():
    graph = chain((4, 4, 2), DropPath(0.5))
    batch = np.ones((64, 4, 4, 2), "float32")
    found = np.array(backend.emit(graph)(batch, training=True))
    assert {tuple(np.unique(image)) for image in found} == {(0.0,), (2.0,)}


def test_two_kernels_of_one_shape_start_differently():
    op = Convolution((1, 1), channels=4, init=Initializer("normal", 2.0, "in"))
    first, second = backend.read_weights(backend.emit(chain((2, 2, 4), op, op))).values()
    assert np.abs(first - second).max() > 0.1


def test_a_model_trains_and_gives_its_arrays():
    graph = chain((6, 6, 3), Convolution((3, 3), channels=4), BatchNorm(), Flatten(), Dense(2))
    model = backend.emit(graph, arrays(graph))
    before = backend.read_weights(model)
    model.compile("sgd", "mse")
    model.fit(images(graph, 4).astype("float32"), np.ones((4, 2)), verbose=0)
    after = backend.read_weights(model)
    assert {key: array.shape for key, array in after.items()} == {
        key: weight.shape for key, weight in graph.weights.items()
    }
    assert all(np.abs(after[key] - before[key]).max() > 0 for key in after)


def test_arrays_come_back_as_they_were_given():
    graph = every_way()
    weights = arrays(graph)
    weights["s1.standardize/count"] = np.float32(7)
    found = backend.read_weights(backend.emit(graph, weights))
    assert found.keys() == graph.weights.keys()
    assert {array.dtype for array in found.values()} == {np.dtype("float32")}
    assert all(np.array_equal(found[key], weights[key]) for key in found)


def test_a_dtype_policy_is_that_of_every_layer():
    model = backend.emit(chain((4, 4, 2), Convolution((1, 1), channels=2)), dtype="mixed_float16")
    assert model.input.dtype == "float32"
    assert model.output.dtype == "float16"
    assert model.variables[0].dtype == "float32"


def test_what_keras_cannot_do_is_refused_with_the_node():
    graph = chain((9, 9, 2), Convolution((3, 3), 2, dilation=2, channels=2))
    assert refusal(backend.emit, graph) == (
        "E401 n0: Keras has no convolution with both a stride and a dilation"
    )


def test_channels_first_is_refused():
    keras.config.set_image_data_format("channels_first")
    try:
        message = refusal(backend.emit, chain((4, 4, 2), Activation("relu")))
    finally:
        keras.config.set_image_data_format("channels_last")
    assert message == (
        "E402 Keras is set to put the channels first, but models are built with channels last\n"
        "   call keras.config.set_image_data_format('channels_last')"
    )


def test_a_saved_model_opens_where_there_is_no_archspec(tmp_path):
    graph = every_way()
    model = backend.emit(graph, arrays(graph))
    batch = images(graph).astype("float32")
    backend.save(model, tmp_path / "model.keras")
    np.save(tmp_path / "batch.npy", batch)
    paths = [tmp_path / name for name in ("model.keras", "batch.npy", "outputs.npz")]
    subprocess.run([sys.executable, "-I", "-c", RELOAD, *paths], cwd=tmp_path, check=True)
    with np.load(tmp_path / "outputs.npz") as found:
        wanted = model(batch, training=False)
        assert set(found) == set(graph.outputs)
        assert all(np.array_equal(found[name], np.array(wanted[name])) for name in found)


DETECTOR = """\
archspec: 1
name: detector
extends: "BACKBONE"
input: 64
classes: 3
scaling: {width: 0.25}
head:
  block: ssd_extra
  activation: relu6
  norm: batch
  columns: [name, channels]
  rows:
    - {block: conv, name: last, channels: 64, kernel: 1}
    - [extra, 32]
    - {block: ssd, inputs: [stride16.expand, last, extra]}
"""


@pytest.mark.parametrize(
    ("backbone", "outputs", "names"),
    [
        ("mobilenet_v4:conv_small", "", {"box_deltas", "class_logits"}),
        ("resnet:18", "outputs: {boxes: ssd.boxes, scores: ssd.scores}", {"boxes", "scores"}),
    ],
)
def test_a_detector_opens_where_there_is_no_archspec_with_its_outputs_by_name(
    backbone, outputs, names, tmp_path
):
    spec, target = tmp_path / "detector.yaml", tmp_path / "model.keras"
    spec.write_text(DETECTOR.replace("BACKBONE", backbone) + outputs, encoding="utf-8")
    model = archspec.compile(spec, weights="random:1")
    backend.save(model, target)
    batch = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    np.save(tmp_path / "batch.npy", batch)
    paths = [target, tmp_path / "batch.npy", tmp_path / "outputs.npz"]
    subprocess.run([sys.executable, "-I", "-c", RELOAD, *paths], cwd=tmp_path, check=True)
    with np.load(tmp_path / "outputs.npz") as found:
        wanted = model(batch, training=False)
        assert set(found) == set(wanted) == names
        assert all(np.array_equal(found[name], np.array(wanted[name])) for name in found)
        assert {found[name].shape[:2] for name in found} == {(2, (16 + 4 + 1) * 6)}


def test_the_same_model_is_saved_as_the_same_bytes(tmp_path):
    graph = chain((4, 4, 3), Convolution((3, 3), channels=4), DropPath(0.5), BatchNorm())
    # Each has a policy of its own, which its layers share.
    models = {name: backend.emit(graph, arrays(graph), dtype="mixed_float16") for name in "ab"}
    for suffix in (".keras", ".safetensors"):
        for name, model in models.items():
            backend.save(model, tmp_path / f"{name}{suffix}")
        first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("a", "b"))
        assert first == second


def test_a_saved_model_folder_computes_the_same_and_is_replaced(tmp_path):
    graph = chain((6, 6, 3), Convolution((3, 3), 2, channels=4), BatchNorm())
    batch = images(graph).astype("float32")
    target = tmp_path / "net"
    for seed in (0, 1):
        model = backend.emit(graph, arrays(graph, seed))
        backend.save(model, target)
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    layer = keras.layers.TFSMLayer(target, call_endpoint="serve")
    assert np.abs(np.array(layer(batch)) - np.array(model(batch))).max() <= 1e-6


def test_a_name_that_is_no_model_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = backend.emit(chain((4, 4, 2), Activation("relu")))
    for name in ("net.h5", "net.weights.h5", "net.onnx"):
        assert refusal(backend.save, model, name) == (
            f"E403 cannot save a model as '{name}'\n"
            "   a name ends in .keras or .safetensors, or has no suffix for a SavedModel folder"
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["net.keras", "net"])
def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    model = backend.emit(chain((4, 4, 2), Activation("relu")))
    assert refusal(backend.save, model, f"missing/{name}") == (
        f"E110 cannot write 'missing/{name}': No such file or directory\n"
        "   make the folder 'missing' first"
    )

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(model), "save" if name.endswith(".keras") else "export", fail)
    assert refusal(backend.save, model, name) == (
        f"E110 cannot write '{name}': No space left on device"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_saved_model_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "mine.txt").write_text("mine")
    model = backend.emit(chain((4, 4, 2), Activation("relu")))
    assert refusal(backend.save, model, "net") == "E110 cannot write 'net': Directory not empty"
    assert [path.name for path in tmp_path.rglob("*")] == ["net", "mine.txt"]


def test_loading_the_back_end_prints_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "import archspec.backends.keras"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_a_padded_maximum_is_of_the_image_alone():
    graph = chain((4, 4, 1), Pool((3, 3), 2, "symmetric"))
    batch = np.full((1, 4, 4, 1), -5.0, "float32")
    found = np.array(backend.emit(graph)(batch))
    assert found.max() == found.min() == -5.0
    assert -inf not in found


def test_a_closed_terminal_is_no_obstacle():
    script = "import os; os.close(2); import archspec.backends.keras as k; print(len(k.RULES))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"{len(backend.RULES)}\n")
