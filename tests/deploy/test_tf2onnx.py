import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from archspec.backends.onnx import Form
from archspec.deploy.check import check
from archspec.deploy.export import export
from archspec.deploy.tf2onnx import convert, convert_model, load
from archspec.deploy.tf2onnx.tidy import tidy
from archspec.errors import SpecError
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import Activation
from onnx import TensorProto, helper
from tests.deploy.nets import chaos, names, net, shapes
from tests.parity import arrays

pytestmark = pytest.mark.keras
SIZE = (8, 9, 3)


@pytest.fixture
def k():
    """Keras, its layers drawing the same weights each time."""
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    return keras


def sequential(k, *layers, size=SIZE, **named):
    return k.Sequential([k.Input(size), *layers], **named)


def converted(model, **options) -> onnx.ModelProto:
    """The ONNX model, which is valid and agrees with Keras."""
    proto, truth = convert_model(model, **options)
    agreement = truth.agree(proto)
    assert agreement.difference <= agreement.bound == 1e-5
    assert not agreement.by_node
    return proto


def kinds(proto) -> list[str]:
    return [node.op_type for node in proto.graph.node]


def refusal(call, *args, **options) -> str:
    with pytest.raises(SpecError) as caught:
        call(*args, **options)
    return str(caught.value)


def test_names_and_shapes_are_those_of_the_direct_way_and_keras_agrees(tmp_path):
    graph = net()
    path = tmp_path / "net.onnx"
    exported = export(graph, arrays(graph), path, via="tf2onnx", metadata={"a": "1"})
    assert exported.agreement is not None
    assert exported.agreement.difference <= exported.agreement.bound == 1e-5
    assert exported.agreement.outputs == 2


@pytest.mark.parametrize(("opset", "batch"), [(13, None), (18, None), (17, 2)])
def test_input_outputs_and_batch_are_named(opset, batch):
    graph = net()
    model, keras = convert(graph, arrays(graph), opset, batch, {"b": "2", "a": "1"})
    first = batch or "batch"
    assert shapes(model.graph.input) == {"input": [first, 3, 8, 9]}
    assert shapes(model.graph.output) == {"logits": [first, 5], "features": [first, 4, 4, 5]}
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == opset
    assert [(pair.key, pair.value) for pair in model.metadata_props] == [("a", "1"), ("b", "2")]
    assert check(model, graph, arrays(graph), keras=keras).outputs == 2


def test_outputs_may_share_a_node_and_be_called_like_another():
    graph = names()
    model, keras = convert(graph, arrays(graph))
    assert [output.name for output in model.graph.output] == ["second", "output", "twice"]
    assert check(model, graph, arrays(graph), keras=keras).outputs == 3
    assert check(model, graph, arrays(graph)).outputs == 3


def test_an_opset_that_tf2onnx_does_not_emit_is_refused():
    with pytest.raises(SpecError) as caught:
        convert(net(), arrays(net()), 19)
    assert str(caught.value) == (
        "E430 tf2onnx emits opset 13 to 18, not 19\n   leave out '--via tf2onnx'"
    )


def test_a_batch_of_no_images_is_refused(tmp_path):
    with pytest.raises(SpecError) as caught:
        export(net(), arrays(net()), tmp_path / "net.onnx", Form(batch=0), via="tf2onnx")
    assert str(caught.value) == "E411 a batch of 0 images"


def test_the_image_itself_may_be_an_output():
    build = GraphBuilder("through", (2, 2, 3))
    build.add("act", Activation("relu"), [INPUT])
    graph = build.build({"image": INPUT, "act": "act"})
    model, keras = convert(graph, {})
    assert keras.agree(model).outputs == 2
    assert [output.name for output in model.graph.output] == ["image", "act"]


GELU = ["Div", "Erf", "Add", "Mul", "Mul"]


def test_exact_gelu_and_convolutions_with_groups_are_converted(k):
    conv = k.layers.Conv2D(6, 3, groups=3, strides=2, padding="same", name="conv")
    proto = converted(sequential(k, conv, k.layers.Activation("gelu", name="gelu")))
    assert kinds(proto) == ["Conv", *GELU]
    assert [node.name for node in proto.graph.node][:2] == ["conv", "gelu/Div"]
    assert proto.graph.node[-1].name == "gelu"


def test_what_keras_meant_takes_one_node(k):
    model = sequential(
        k,
        k.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="conv"),
        k.layers.BatchNormalization(name="norm"),
        k.layers.Activation("hard_swish", name="swish"),
        k.layers.ZeroPadding2D(((0, 1), (1, 2)), name="pad"),
        k.layers.DepthwiseConv2D(3, use_bias=False, name="depthwise"),
        k.layers.BatchNormalization(name="norm2"),
        k.layers.GlobalAveragePooling2D(name="pool"),
        k.layers.Reshape((1, 1, 4), name="image"),
        k.layers.Conv2D(4, 1, name="last"),
        k.layers.Activation("hard_sigmoid", name="gate"),
        k.layers.Flatten(name="flat"),
        k.layers.Dense(2, bias_initializer="normal", name="logits"),
    )
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).uniform(0.5, 1.5, weight.shape))
    proto = converted(model)
    assert [(node.op_type, node.name) for node in proto.graph.node] == [
        ("Conv", "norm"), ("HardSwish", "swish"), ("Conv", "norm2"),
        ("GlobalAveragePool", "pool"), ("Conv", "last"), ("HardSigmoid", "gate"),
        ("Reshape", "flat"), ("Gemm", "logits"),
    ]  # fmt: skip
    assert kinds(converted(model, opset=13))[1:3] == ["HardSigmoid", "Mul"]
    assert {tensor.name for tensor in proto.graph.initializer} == {
        "norm/kernel", "norm/bias", "norm2/kernel", "norm2/bias", "last/kernel", "last/bias",
        "flat/shape", "logits/kernel", "logits/bias",
    }  # fmt: skip
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", 17)]


@pytest.mark.parametrize(("turned", "kind"), [(False, "HardSigmoid"), (True, "Div")])
def test_six_by_a_gate_is_no_hard_sigmoid(turned, kind):
    clipped = ["clipped", "six"]
    steps = [
        helper.make_node("Add", ["x", "three"], ["more"], "add"),
        helper.make_node("Clip", ["more", "zero", "six"], ["clipped"], "clip"),
        helper.make_node("Div", clipped[::-1] if turned else clipped, ["y"], "divide"),
    ]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [4])] for name in "xy"]
    numbers = [
        helper.make_tensor(name, TensorProto.FLOAT, [], [value])
        for name, value in (("zero", 0), ("three", 3), ("six", 6))
    ]
    graph = helper.make_graph(steps, "net", *ends, numbers)
    tidy(graph, {}, 17)
    assert graph.node[-1].op_type == kind


def test_what_others_read_stays(k):
    """A value in the middle of what could be one node, and a padding of ones."""
    image = k.Input(SIZE)
    conv = k.layers.Conv2D(4, 3, use_bias=False)(image)
    norm = k.layers.BatchNormalization()(conv)
    padded = k.ops.pad(norm, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0)
    gate = k.activations.hard_sigmoid(norm)
    outputs = {"conv": conv, "swish": gate * norm, "gate": gate}
    proto = converted(k.Model(image, outputs | {"padded": k.layers.Conv2D(2, 3)(padded)}))
    assert kinds(proto).count("Conv") == 2
    assert {"Pad", "HardSigmoid", "Mul"} <= set(kinds(proto))
    assert "HardSwish" not in kinds(proto)


def test_constants_of_a_normalization_are_no_inputs(k):
    layers = (k.layers.Normalization(mean=[1, 2, 3], variance=[4, 5, 6]), k.layers.Conv2D(2, 3))
    proto = converted(sequential(k, *layers))
    assert [value.name for value in proto.graph.input] == ["input"]


def test_a_scalar_behind_a_convolution_does_not_stop_the_moving_of_transposes(k):
    """hard_sigmoid adds 3, and Rescaling besides: tf2onnx makes them one scalar."""
    conv = k.layers.Conv2D(4, 3, use_bias=False, activation="hard_sigmoid")
    proto = converted(sequential(k, k.layers.Rescaling(2.0, offset=3.0), conv))
    assert "Transpose" not in kinds(proto)


def test_sizes_that_are_open_have_names(k):
    layers = (k.layers.Conv2D(2, 3, strides=2, padding="same"), k.layers.UpSampling2D(2))
    proto = converted(sequential(k, *layers[:1], size=(None, None, 3)))
    assert shapes(proto.graph.input) == {"input": ["batch", 3, "height", "width"]}
    assert shapes(proto.graph.output) == {"output": ["batch", 2, "output_2", "output_3"]}
    whole = sequential(k, *layers, size=(None, None, 3))
    proto = converted(whole)
    assert shapes(proto.graph.output) == {"output": ["batch", 2, "height", "width"]}
    proto = converted(whole, size=(8, 10), batch=2)
    assert shapes(proto.graph.output) == {"output": [2, 2, 8, 10]}


def test_every_value_has_a_shape(k):
    model = sequential(k, k.layers.Conv2D(2, 3), k.layers.Activation("gelu"), k.layers.Flatten())
    proto = converted(model)
    known = shapes([*proto.graph.value_info, *proto.graph.output])
    assert known.keys() == {name for node in proto.graph.node for name in node.output}
    assert all(shape[0] == "batch" for shape in known.values())


def test_outputs_have_the_names_of_the_model(k):
    image = k.Input(SIZE)
    first = k.layers.Conv2D(2, 3, name="first")(image)
    second = k.layers.Flatten(name="second")(first)
    proto = converted(k.Model(image, [second, first]))
    assert list(shapes(proto.graph.output)) == ["second", "first"]
    proto = converted(k.Model(image, {"b": second, "a": first, "c": second}))
    assert sorted(shapes(proto.graph.output)) == ["a", "b", "c"]
    text = refusal(convert_model, k.Model(image, {"input": first}))
    assert text == "E413 an output cannot be called 'input', the input is"


def test_an_input_in_a_dict(k):
    image = k.Input(SIZE, name="pixels")
    converted(k.Model({"pixels": image}, k.layers.Conv2D(2, 3)(image)))


def own_model(k):
    class Own(k.Model):
        def __init__(self, **named):
            super().__init__(**named)
            self.stem = sequential(k, k.layers.Conv2D(4, 3, groups=1, name="conv"), name="stem")
            self.head = k.layers.Dense(2, name="head")

        def call(self, images):
            value = k.ops.mean(self.stem(images), axis=(1, 2))
            return {"logits": self.head(value), "flat": value}

    return Own(name="own")


def test_a_class_of_its_own(k):
    model = own_model(k)
    assert refusal(convert_model, model) == (
        "E434 model 'own' does not say what images it takes\n   give their size"
    )
    proto = converted(model, size=SIZE)
    assert shapes(proto.graph.output) == {"logits": ["batch", 2], "flat": ["batch", 4]}
    assert proto.graph.node[0].name == "stem/conv"
    model(np.zeros((1, *SIZE), np.float32))
    assert converted(model) == proto


def test_nested_and_shared_layers_have_paths(k):
    body = sequential(k, k.layers.Conv2D(3, 1, name="conv"), name="body")
    twice = k.layers.Activation("tanh", name="twice")
    model = sequential(k, body, twice)
    image = k.Input(SIZE)
    proto = converted(k.Model(image, twice(body(twice(image)))))
    assert [node.name for node in proto.graph.node] == ["twice", "body/conv", "twice#2"]
    assert [node.name for node in converted(model).graph.node] == ["body/conv", "twice"]


def test_float16(k):
    model = sequential(k, k.layers.Conv2D(4, 3, dtype="mixed_float16"))
    proto, truth = convert_model(model)
    assert truth.agree(proto).bound == 1e-2
    assert "Cast" in kinds(proto)


SCRIPT = """
from hashlib import sha256
import keras
from archspec.deploy.tf2onnx import convert_model

def digest():
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="gelu"),
        layers.LayerNormalization(), layers.Dense(2, activation="softmax"),
    ])
    proto, _ = convert_model(model)
    return sha256(proto.SerializeToString(deterministic=True)).hexdigest()

print(digest(), digest())
"""


def test_the_same_bytes_in_every_process():
    pytest.importorskip("keras")
    runs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in "12"
    ]
    assert len({digest for run in runs for digest in run}) == 1


def odd(k, function, **named):
    class Odd(k.layers.Layer):
        def call(self, value):
            return function(value)

    return Odd(**named)


def test_operators_that_tf2onnx_leaves_are_named_with_their_layers(k, capfd):
    body = sequential(k, odd(k, k.ops.erfinv, name="odd"), name="body")
    model = sequential(k, k.layers.Activation("tanh"), body)
    assert refusal(convert_model, model) == (
        "E431 tf2onnx leaves operators of TensorFlow in the model: Erfinv in layer 'body/odd'\n"
        "   leave out '--via tf2onnx'"
    )
    assert "not supported" not in capfd.readouterr().err


def test_a_failure_inside_tf2onnx_is_told_in_one_line(k):
    def once(value):
        if not hasattr(value, "numpy"):
            raise ValueError("no tracing\nhere")
        return value

    image = k.Input(SIZE)
    layer = odd(k, once, name="once")
    layer.compute_output_spec = lambda value: k.KerasTensor(value.shape, value.dtype)
    text = refusal(convert_model, k.Model(image, layer(image)))
    assert text.splitlines()[0].startswith("E432 tf2onnx fails: ")
    assert len(text.splitlines()) == 2


def test_soft_suppression_is_refused(k):
    tf = pytest.importorskip("tensorflow")

    def suppress(sigma):
        def select(value):
            boxes, scores = value[0, :, 0], value[0, :, 1, 0]
            suppress = tf.image.non_max_suppression_with_scores
            return suppress(boxes, scores, 4, soft_nms_sigma=sigma)[1]

        return sequential(k, odd(k, select, name="boxes"), size=(6, 2, 4))

    assert refusal(convert_model, suppress(0.5), batch=1) == (
        "E436 layer 'boxes' suppresses boxes softly (sigma 0.5), which ONNX has no word for\n"
        "   suppress them hard, sigma 0"
    )
    converted(suppress(0.0), batch=1)


def test_bfloat16_is_refused(k):
    model = sequential(k, k.layers.Conv2D(4, 3, dtype="mixed_bfloat16", name="conv"))
    assert refusal(convert_model, model) == (
        "E435 layer 'conv' computes in bfloat16, which ONNX Runtime does not\n"
        "   load the model with the dtype policy float32"
    )


def test_what_takes_no_image_is_refused(k):
    two = [k.Input(SIZE), k.Input(SIZE)]
    model = k.Model(two, k.layers.Add()(two), name="two")
    assert refusal(convert_model, model) == "E434 model 'two' takes 2 inputs, not one image"
    model = sequential(k, k.layers.Dense(2), size=(5,), name="vector")
    text = "E434 model 'vector' takes (5), not an image (h, w, c)"
    assert refusal(convert_model, model) == text
    model = sequential(k, k.layers.Conv2D(2, 3), name="net")
    text = "E434 model 'net' takes images of (8, 9, 3), not (8, 8, 3)"
    assert refusal(convert_model, model, size=(8, 8)) == text
    first = k.layers.MaxPooling2D(data_format="channels_first", name="pool")
    model = k.Model(image := k.Input(SIZE), first(image))
    assert refusal(convert_model, model) == "E434 layer 'pool' puts the channels first"
    assert refusal(convert_model, model, batch=0) == "E411 a batch of 0 images"


def test_the_first_layer_that_diverges_is_named(k):
    layers = [k.layers.Conv2D(4, 3, name=f"conv{place}") for place in range(3)]
    model = sequential(k, *layers)
    proto, truth = convert_model(model)
    tensor = next(one for one in proto.graph.initializer if one.name == "conv1/kernel")
    array = onnx.numpy_helper.to_array(tensor) * np.float32(1.5)
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    text = refusal(truth.agree, proto)
    assert text.startswith("E423 ONNX Runtime is ")
    assert " standard deviations of output 'output' away from Keras, more than 1.0e-05; " in text
    assert "; the first layer that diverges is 'conv1', by " in text


def test_where_rounding_has_grown_layers_are_compared_one_by_one():
    graph = chaos()
    proto, truth = convert(graph, arrays(graph))
    agreement = truth.agree(proto)
    assert agreement.by_node
    assert 0 < agreement.difference < 1e-5
    assert agreement.bound == 3e-4


def test_an_output_that_is_not_finite_is_traced_to_its_layer(k):
    layers = [k.layers.Conv2D(4, 3, name=f"conv{place}") for place in range(2)]
    model = sequential(k, *layers)
    layers[0].bias.assign([0, np.nan, 0, 0])
    proto, truth = convert_model(model)
    assert refusal(truth.agree, proto) == (
        "E422 output 'output' is not finite for a random image; the first value that is not is of"
        " 'conv0'\n   look at the weights"
    )


def test_the_images_are_standard_normal_behind_a_rescaling(k):
    for front in (
        k.layers.Rescaling(1 / 127.5, offset=-1.0),
        k.layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3]),
        k.layers.Normalization(mean=[0.0, 0.5, 0.6], variance=[0.0, 0.2, 0.3]),
    ):
        _, truth = convert_model(sequential(k, front, k.layers.Conv2D(2, 3), size=(40, 40, 3)))
        scaled = np.asarray(front(truth.trials[0][0]))
        assert abs(scaled.mean()) < 0.1
        assert abs(scaled.std() - 1) < 0.1


def test_a_file_is_loaded_by_keras(k, tmp_path):
    for name in ("net.keras", "net.h5"):
        model = sequential(k, k.layers.Conv2D(2, 3, name="conv"))
        model.save(tmp_path / name)
        assert [node.name for node in converted(load(tmp_path / name)).graph.node] == ["conv"]


def test_a_file_that_keras_cannot_load_is_refused(k, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sequential(k, odd(k, k.ops.abs, name="odd")).save("odd.keras")
    sequential(k, odd(k, k.ops.abs, name="odd")).save("odd.h5")
    sequential(k, k.layers.Lambda(lambda value: value)).save("code.keras")
    sequential(k, k.layers.Conv2D(2, 3)).save_weights("net.weights.h5")
    (tmp_path / "junk.keras").write_text("junk")
    (tmp_path / "junk.h5").write_text("junk")
    assert {name: refusal(load, name) for name in REFUSED} == REFUSED


CURE = "\n   only layers of Keras itself can be loaded from a file; give the model from Python"
REFUSED = {
    "odd.keras": f"E433 cannot load 'odd.keras': it has a class that Keras does not know, 'Odd'{CURE}",
    "odd.h5": f"E433 cannot load 'odd.h5': it has a layer that Keras does not know, 'Odd'{CURE}",
    "code.keras": "E433 cannot load 'code.keras': it has a Lambda layer, which is code of its author\n"
    "   write it as a layer of Keras, or give the model from Python",
    "net.weights.h5": "E433 cannot load 'net.weights.h5': No model config found in the file at net.weights.h5.",
    "junk.keras": "E433 cannot load 'junk.keras': it is damaged, or no Keras model",
    "junk.h5": "E433 cannot load 'junk.h5': it is damaged, or no Keras model",
    "lost.keras": "E433 cannot load 'lost.keras': No such file or directory",
    "net.onnx": "E433 'net.onnx' is no Keras model file\n   it ends with .keras or .h5",
}
