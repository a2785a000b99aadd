import os
import subprocess
import sys
import tempfile
from collections import Counter
from math import inf
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from archspec import api
from archspec.backends.onnx import Form
from archspec.deploy.export import direct
from archspec.deploy.quantize import Quantized, quantize, read_images, tune
from archspec.deploy.quantize.choose import chosen, in_float, narrowest
from archspec.deploy.quantize.compare import compare
from archspec.deploy.quantize.session import Images
from archspec.deploy.runtime import validate
from archspec.errors import SpecError
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    GlobalPool,
    Multiply,
    Rescale,
)
from archspec.spec import Normalization
from archspec.weights.random import draw
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from tests.deploy.nets import shapes
from tests.parity import arrays, chain

SHAPE = (16, 16, 3)


def mobile() -> Graph:
    """Rows as in MobileNetV3: hard-swish, squeeze-excite, hard-sigmoid, a sum."""
    build = GraphBuilder("mobile", SHAPE)
    value = build.add("scale", Rescale((0.5,), (0.25,)), [INPUT])
    value = build.add("stem.conv", Convolution((3, 3), 2, channels=8), [value])
    value = build.add("stem.norm", BatchNorm(), [value])
    value = build.add("stem.act", Activation("hard_swish"), [value])
    value = build.add("s1.1.expand.conv", Convolution((1, 1), channels=16), [value])
    value = build.add("s1.1.expand.act", Activation("hard_swish"), [value])
    value = build.add(
        "s1.1.depthwise.conv", Convolution((3, 3), 2, channels=16, groups=16), [value]
    )
    value = build.add("s1.1.depthwise.act", Activation("relu6"), [value])
    gate = build.add("s1.1.se.pool", GlobalPool(), [value])
    gate = build.add("s1.1.se.conv", Convolution((1, 1), channels=16, bias=True), [gate])
    gate = build.add("s1.1.se.act", Activation("hard_sigmoid"), [gate])
    value = build.add("s1.1.se.multiply", Multiply(), [value, gate])
    skip = build.add("s1.1.project.conv", Convolution((1, 1), channels=8), [value])
    value = build.add("s2.1.conv", Convolution((3, 3), channels=8), [skip])
    value = build.add("s2.1.act", Activation("swish"), [value])
    value = build.add("s2.1.add", Add(), [skip, value])
    value = build.add("pool", GlobalPool(), [value])
    value = build.add("flat", Flatten(), [value])
    value = build.add("logits", Dense(5), [value])
    return build.build({"logits": value})


def images_of(folder, shape=SHAPE, count=20, seed=0):
    """Smooth images with noise, so that logits differ from image to image."""
    random = np.random.default_rng(seed)
    array = random.normal(size=(count, 1, 1, shape[2])) + 0.7 * random.normal(size=(count, *shape))
    path = folder / "images.npy"
    np.save(path, array.astype(np.float32))
    return read_images(path, shape)


def model_of(graph: Graph, opset: int = 17, batch: int | None = None) -> onnx.ModelProto:
    return direct(
        graph, arrays(graph), Form(opset=opset, batch=batch), {"archspec.title": "mobile"}
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return images_of(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def mobile_int8(images) -> Quantized:
    return quantize(model_of(mobile()), images)


def refusal(*args, **kwargs) -> str:
    with pytest.raises(SpecError) as caught:
        quantize(*args, **kwargs)
    return str(caught.value)


def optimized(model: onnx.ModelProto, folder: Path) -> Counter[str]:
    """What ONNX Runtime runs in the end."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    nodes = onnx.load(options.optimized_model_filepath).graph.node
    return Counter(node.op_type for node in nodes)


def named(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    return {node.name: node for node in model.graph.node}


def constant(model: onnx.ModelProto, name: str) -> np.ndarray:
    (tensor,) = (one for one in model.graph.initializer if one.name == name)
    return onnx.numpy_helper.to_array(tensor)


def test_a_model_stays_close_and_says_what_it_is(mobile_int8, images):
    figures = mobile_int8.figures
    assert (figures.calibrated, figures.held_back, figures.unreadable) == (16, 4, ())
    assert figures.float_until == "stem.act"
    assert figures.worst.output == "logits"
    assert figures.worst.deviation < 0.05
    assert figures.worst.sqnr > 25
    assert figures.agreement == 1
    model = mobile_int8.model
    assert {pair.key: pair.value for pair in model.metadata_props} == {
        "archspec.title": "mobile",
        "archspec.precision": "int8",
        "archspec.calibration": f"16 images, sha256 {images.digest}",
        "archspec.float_until": "stem.act",
    }
    assert model.producer_name == "archspec"
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]


def test_nodes_keep_their_names_and_every_value_has_a_shape(mobile_int8):
    model, true = mobile_int8.model, model_of(mobile())
    absorbed = {"s1.1.depthwise.act"}  # the range of the convolution says it
    assert set(named(true)) - set(named(model)) == absorbed
    assert shapes(model.graph.input) == shapes(true.graph.input)
    assert shapes(model.graph.output) == shapes(true.graph.output)
    held = {info.name for info in model.graph.value_info} | {"logits"}
    assert held == {value for node in model.graph.node for value in node.output}
    used = {value for node in model.graph.node for value in node.input}
    assert {tensor.name for tensor in model.graph.initializer} <= used
    of_source = [node.name for node in model.graph.node if node.name in named(true)]
    assert of_source == [node.name for node in true.graph.node if node.name not in absorbed]


def test_weights_are_int8_by_channel_and_values_uint8(mobile_int8):
    model = mobile_int8.model
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    kernel = held["s1.1.expand.conv/kernel_quantized"]
    assert (kernel.data_type, list(kernel.dims)) == (TensorProto.INT8, [16, 8, 1, 1])
    assert list(held["s1.1.expand.conv/kernel_scale"].dims) == [16]
    assert not constant(model, "s1.1.expand.conv/kernel_zero_point").any()
    assert held["s2.1.add_zero_point"].data_type == TensorProto.UINT8
    assert held["stem.conv/kernel"].data_type == TensorProto.FLOAT
    # A ReLU6 is absorbed: zero is the least that its convolution can give.
    assert constant(model, "s1.1.depthwise.act_zero_point") == 0


def test_nothing_but_the_beginning_is_float_when_it_runs(mobile_int8, tmp_path):
    ops = optimized(mobile_int8.model, tmp_path)
    layout = {"Transpose", "Reshape", "ReorderInput", "ReorderOutput"}
    assert {name: count for name, count in ops.items() if name not in layout} == {
        "Add": 1, "Conv": 1,  # pixels and stem, whose hard-swish is in the convolution
        "QLinearConv": 5, "QLinearMul": 3, "QLinearAdd": 1, "QLinearSigmoid": 1,
        "QLinearGlobalAveragePool": 2, "QGemm": 1,
        "QuantizeLinear": 2, "DequantizeLinear": 2,  # into int8 and out; one hard-swish
    }  # fmt: skip


def test_a_hard_sigmoid_is_saturation_exactly(tmp_path):
    graph = chain((1, 1, 1), Convolution((1, 1), channels=1), Activation("hard_sigmoid"))
    levels = np.arange(256)
    grid = ((levels - 128) / 16).astype(np.float32)  # -8 to 7.9375, and 0 and 3 among them
    np.save(tmp_path / "x.npy", np.tile(grid[:, None, None, None], (2, 1, 1, 1)))
    images = read_images(tmp_path / "x.npy", (1, 1, 1))
    # The interpreter of ONNX knows quantised operators from 19 on.
    model = direct(graph, {"n0/kernel": np.ones((1, 1, 1, 1), np.float32)}, Form(opset=21))
    made = quantize(model, images, float_until=INPUT).model
    assert (constant(made, "input_scale"), constant(made, "input_zero_point")) == (1 / 16, 128)
    (gate,) = ReferenceEvaluator(made).run(None, {"input": grid.reshape(-1, 1, 1, 1)})
    uint8 = np.clip(np.rint(grid / np.float32(6 / 256)) + 128, 0, 255)
    assert np.array_equal(gate.ravel(), (uint8 / 256).astype(np.float32))
    true = np.clip(grid.astype(np.float64) / 6 + 0.5, 0, 1)
    assert np.abs(gate.ravel() - true).max() <= 1 / 256
    (run,) = Images(made)(grid.reshape(-1, 1, 1, 1)).values()
    assert np.abs(run - gate).max() <= 1 / 256  # halves may be rounded the other way
    assert [node.op_type for node in made.graph.node if node.name == "n1"] == ["QuantizeLinear"]
    assert optimized(made, tmp_path)["QuantizeLinear"] == 1  # the convolution gives the gate


def test_other_slopes_saturate_and_other_offsets_stay(images):
    model = model_of(mobile())
    (gate,) = (node for node in model.graph.node if node.name == "s1.1.se.act")
    del gate.attribute[:]
    gate.attribute.extend([helper.make_attribute("alpha", 0.2), helper.make_attribute("beta", 0.5)])
    made = quantize(model, images)
    assert constant(made.model, "s1.1.se.act/scale") == np.float32(5 / 256)
    assert made.figures.worst.sqnr > 25
    gate.attribute[1].f = 0.4
    made = quantize(model, images)
    assert named(made.model)["s1.1.se.act"].op_type == "HardSigmoid"
    assert made.figures.worst.sqnr > 25


def test_a_convolution_is_within_what_its_scales_allow(tmp_path):
    graph = chain((6, 6, 4), Convolution((3, 3), channels=8, bias=True))
    images = images_of(tmp_path, (6, 6, 4))
    model = direct(graph, arrays(graph))
    made = quantize(model, images, float_until=INPUT).model
    batch = np.stack([images.load(place) for place in images.calibrating])
    gap = np.abs(Images(made)(batch)["output"] - Images(model)(batch)["output"])
    kernel = constant(model, "n0/kernel")
    x = constant(made, "input_scale") / 2
    y = constant(made, "output_scale") / 2
    w = constant(made, "n0/kernel_scale") / 2
    of_input = x * np.abs(kernel).sum((1, 2, 3))
    of_weights = w * (np.abs(batch).max() + x) * kernel[0].size
    bias = x * w * 2
    bound = (of_input + of_weights + bias + y) * 1.001
    assert (gap.max((0, 2, 3)) <= bound).all()
    assert gap.max() > y / 2  # it is int8


@pytest.mark.parametrize("opset", [13, 18, 21, 27])
def test_every_opset_can_be_quantised(opset, images, tmp_path):
    made = quantize(model_of(mobile(), opset), images)
    assert made.model.opset_import[0].version == opset
    assert made.figures.worst.sqnr > 25
    assert optimized(made.model, tmp_path)["QLinearConv"] == 5


def test_a_fixed_batch_is_filled(images):
    made = quantize(model_of(mobile(), batch=3), images)
    assert (made.figures.calibrated, made.figures.held_back) == (16, 4)
    assert shapes(made.model.graph.output) == {"logits": [3, 5]}
    free = quantize(model_of(mobile()), images)
    assert constant(made.model, "s2.1.add_scale") == constant(free.model, "s2.1.add_scale")
    assert made.figures.worst.deviation == pytest.approx(free.figures.worst.deviation)


def test_any_batch_runs(mobile_int8):
    session = Images(mobile_int8.model)
    batch = np.random.default_rng(0).normal(size=(5, *SHAPE))
    whole = session(batch)["logits"]
    single = np.concatenate([session(batch[place : place + 1])["logits"] for place in range(5)])
    assert np.array_equal(whole, single)


def test_pixels_with_channels_last_and_any_size_can_be_read(tmp_path):
    model = model_of(mobile())
    pixels = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["batch", "h", "w", 3])
    turn = helper.make_node("Transpose", [INPUT], ["turned"], "turn", perm=(0, 3, 1, 2))
    cast = helper.make_node("Cast", ["turned"], ["cast"], "cast", to=TensorProto.FLOAT)
    nodes = [turn, cast, *model.graph.node]
    nodes[2].input[0] = "cast"
    for field in ("input", "node", "value_info"):
        model.graph.ClearField(field)
    model.graph.input.append(pixels)
    model.graph.node.extend(nodes)
    random = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", random.integers(0, 4, (10, *SHAPE), np.uint8))
    made = quantize(model, read_images(tmp_path / "x.npy", SHAPE))
    assert made.figures.float_until == "stem.act"
    assert made.figures.worst.sqnr > 20
    assert made.model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    assert Images(made.model)(np.zeros((1, 20, 24, 3)))["logits"].shape == (1, 5)


def test_values_that_are_outputs_too_keep_their_meaning(images):
    graph = mobile()
    outputs = ("logits", "s1.1.expand.conv", "s1.1.se.act", "s1.1.depthwise.conv", "stem.act")
    graph = Graph(graph.name, graph.input, graph.nodes, {name: name for name in outputs})
    made = quantize(model_of(graph), images)
    assert [one.output for one in made.figures.differences] == list(outputs)
    assert all(one.sqnr > 25 for one in made.figures.differences)
    assert made.figures.differences[1].agreement is None
    assert named(made.model)["s1.1.depthwise.act"].op_type == "Clip"


def test_what_only_a_hard_sigmoid_reads_may_be_an_output(images):
    graph = mobile()
    outputs = {name: name for name in ("logits", "s1.1.se.conv")}
    graph = Graph(graph.name, graph.input, graph.nodes, outputs)
    made = quantize(model_of(graph), images)
    assert all(one.sqnr > 35 for one in made.figures.differences)
    assert named(made.model)["s1.1.se.act"].op_type == "QuantizeLinear"


def test_what_turns_an_output_at_the_end_is_not_where_the_float_part_ends(images):
    graph = mobile()
    outputs = {name: name for name in ("logits", "stem.conv")}
    graph = Graph(graph.name, graph.input, graph.nodes, outputs)
    model = direct(graph, arrays(graph), Form(layout="nhwc"))
    assert model.graph.node[-1].name == "stem.conv/Transpose"
    assert in_float(model, "stem.conv") == {"input/Transpose", "scale.shift", "stem.conv"}
    assert quantize(model, images, float_until="stem.conv").figures.worst.sqnr > 25


def test_the_same_arguments_give_the_same_bytes_in_every_process(tmp_path):
    script = f"""
from hashlib import sha256
from pathlib import Path
from archspec.deploy.quantize import quantize, read_images
from tests.deploy.test_quantize import *
model = quantize(model_of(mobile()), read_images({str(tmp_path / "images.npy")!r}, SHAPE)).model
print(sha256(model.SerializeToString(deterministic=True)).hexdigest())
"""
    images_of(tmp_path)
    root = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


def test_nothing_is_left_behind_and_progress_is_told(images, tmp_path, monkeypatch, capfd, caplog):
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    for folder in (here, temporary):
        folder.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    model = model_of(mobile(), batch=6)
    before = model.SerializeToString(deterministic=True)
    told: list[tuple[int, int]] = []
    quantize(model, images, progress=lambda done, total: told.append((done, total)))
    assert told == [(6, 20), (12, 20), (16, 20), (20, 20)]
    assert [*here.iterdir(), *temporary.iterdir()] == []
    assert model.SerializeToString(deterministic=True) == before
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.parametrize(
    ("spec", "until"),
    [
        ("mobilenet_v2", "s1.1.depthwise.activation"),
        ("mobilenet_v3:large", "s1.1.add"),
        ("efficientnet:b0", "s1.1.se.multiply"),
        ("resnet:50", "stem.pool"),
        ("convnext:atto", "stem.patch.norm"),
    ],
)
def test_the_float_part_ends_at_the_narrowest_passage(spec, until):
    graph = api.to_graph(spec)
    assert narrowest(direct(graph, draw(graph, 0)), graph.input) == until


def test_the_float_part_is_the_first_layer_or_a_share_of_the_work():
    # Multiply-accumulates: 16 %, 5 % and 1 % of all, then the rest; n2 is the narrowest of these.
    layers = [Convolution((3, 3), channels=8), Convolution((1, 1), channels=8)]
    narrow = [Convolution((1, 1), 2, channels=8), *[Convolution((3, 3), channels=9)] * 6]
    graph = chain(SHAPE, *layers, *narrow)
    for share, until in ((0.05, "n0"), (0.2, "n0"), (0.21, "n1"), (0.22, "n2")):
        assert narrowest(model_of(graph), SHAPE, share) == until
    build = GraphBuilder("around", (4, 4, 3))
    build.add("conv", Convolution((3, 3), channels=3), [INPUT])
    build.add("act", Activation("relu"), ["conv"])
    build.add("sum", Add(), [INPUT, "act"])
    build.add("dense", Convolution((3, 3), channels=3), [INPUT])
    build.add("last", Multiply(), ["sum", "dense"])
    assert narrowest(model_of(build.build({"last": "last"})), (4, 4, 3)) == INPUT
    assert narrowest(model_of(chain(SHAPE, layers[0])), SHAPE) == INPUT


def test_the_float_part_can_be_named(images):
    model = model_of(mobile())
    assert in_float(model, INPUT) == {"scale.shift"}
    assert in_float(model, "stem") == {*in_float(model, INPUT), "stem.conv", "stem.act"}
    assert in_float(model, "scale") == in_float(model, INPUT)
    whole = {name for name in named(model) if not name.startswith(("s2", "pool", "flat", "logits"))}
    assert in_float(model, "s1") == in_float(model, "s1.1.project.conv") == whole
    assert chosen(model, "s1") == [
        "s2.1.conv", "s2.1.act/Sigmoid", "s2.1.act", "s2.1.add", "pool", "flat", "logits",
    ]  # fmt: skip
    made = quantize(model, images, float_until="s1")
    assert made.figures.float_until == "s1"
    assert named(made.model)["s1.1.expand.act"].op_type == "HardSwish"


def test_an_island_of_float_is_not_torn_to_pieces():
    graph = chain(
        SHAPE, Convolution((3, 3), channels=4), Activation("gelu"), Convolution((1, 1), channels=4)
    )
    names = chosen(model_of(graph), INPUT)
    assert names == ["n0", "n2"]


def test_places_are_measured_in_turns(images):
    told: list[tuple[int, int]] = []
    model = model_of(mobile())
    trials = tune(model, images, rounds=5, progress=lambda *done: told.append(done))
    assert {trial.float_until for trial in trials} == {INPUT, "stem.act"}
    assert [trial.ratio for trial in trials] == sorted(trial.ratio for trial in trials)
    assert all(0 < trial.low <= trial.ratio <= trial.high for trial in trials)
    assert told == [(16, 16)]
    (trial,) = tune(model, images, candidates=["s1"], rounds=2)
    assert trial.float_until == "s1"


def test_images_that_cannot_be_read_are_counted_and_may_not_be_all(tmp_path):
    model = model_of(mobile())
    from PIL import Image

    for place in range(6):
        pixels = np.random.default_rng(place).integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{place}.png")
    (tmp_path / "2.png").write_bytes(b"")
    folder = read_images(tmp_path, SHAPE, Normalization((0.5,), (0.25,)))
    figures = quantize(model, folder).figures
    assert (figures.calibrated, figures.held_back, figures.unreadable) == (4, 1, ("2.png",))
    hint = "; wanted: 2 at least, of which one is held back\n   a hundred or more make good ranges"
    (tmp_path / "4.png").write_bytes(b"")
    assert refusal(model, folder) == f"E452 4 images to calibrate with{hint}"
    for place in (0, 1, 3, 5):
        (tmp_path / f"{place}.png").write_bytes(b"")
    assert refusal(model, folder) == f"E452 0 images to calibrate with{hint}"


def test_an_image_that_is_not_finite_is_an_error(tmp_path):
    array = np.zeros((4, *SHAPE), np.float32)
    array[1, 0, 0, 0] = np.nan
    np.save(tmp_path / "x.npy", array)
    assert refusal(model_of(mobile()), read_images(tmp_path / "x.npy", SHAPE)) == (
        f"E455 image 1 of '{tmp_path / 'x.npy'}' is not finite: it has NaN or infinity"
    )


def test_a_model_without_weights_cannot_be_quantised(images):
    model = model_of(chain(SHAPE, Activation("relu"), GlobalPool()))
    assert refusal(model, images) == (
        "E457 there is nothing to quantise: no convolution, no dense layer"
    )
    assert refusal(model_of(mobile()), images, float_until="logits") == (
        "E457 there is nothing to quantise after 'logits': no convolution, no dense layer"
    )


def test_what_the_quantiser_cannot_do_is_told_in_one_line(images, monkeypatch):
    from onnxruntime import quantization

    def fail(*_args, **_kwargs):
        raise RuntimeError("no\nway")

    monkeypatch.setattr(quantization, "quantize_static", fail)
    assert refusal(model_of(mobile()), images) == "E457 ONNX Runtime cannot quantise the model: no"


def test_a_place_that_is_not_there_is_refused(images):
    assert refusal(model_of(mobile()), images, float_until="s1.2") == (
        "E458 there is no row or node 's1.2' to stay in float up to\n   did you mean 's1.1'?"
    )


def test_a_model_that_does_not_run_is_refused():
    with pytest.raises(SpecError) as caught:
        Images(onnx.ModelProto(ir_version=8))
    assert str(caught.value).startswith("E421 ONNX Runtime refuses the model: ")


def test_differences_are_in_standard_deviations_and_decibels(images):
    true = model_of(mobile())
    other = onnx.ModelProto()
    other.CopyFrom(true)
    (bias,) = (one for one in other.graph.initializer if one.name == "logits/bias")
    bias.CopyFrom(
        onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(0.5), bias.name)
    )
    count, (found,) = compare(true, other, images, [], lambda _: None)
    batch = np.stack([images.load(place) for place in images.held_back])
    logits = Images(true)(batch)["logits"].astype(np.float64)
    assert count == 4
    assert found.deviation == pytest.approx(0.5 / logits.std(), rel=1e-5)
    assert found.sqnr == pytest.approx(10 * np.log10((logits**2).mean() / 0.25), rel=1e-5)
    assert found.agreement == 1
    _, (same,) = compare(true, true, images, [], lambda _: None)
    assert (same.deviation, same.sqnr) == (0, inf)


def test_a_valid_model_is_fully_checked(mobile_int8):
    validate(mobile_int8.model)
    onnx.checker.check_model(mobile_int8.model, full_check=True)
