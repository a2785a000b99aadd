import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import onnx
import pytest
from archspec.backends.onnx import OPSETS, Form, emit
from archspec.deploy.check import check
from archspec.errors import SpecError
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    GlobalPool,
    LayerNorm,
    Multiply,
    Pool,
    Rescale,
    Resize,
)
from onnx import numpy_helper
from tests.deploy.nets import shapes
from tests.parity import GRAPHS, arrays, chain

MAKE = """
import hashlib
from archspec.backends.onnx import emit
from tests.deploy.nets import shapes
from tests.parity import GRAPHS, arrays
digest = hashlib.sha256()
for graph in GRAPHS.values():
    model = emit(graph, arrays(graph), metadata={"b": "2", "a": "1"})
    digest.update(model.SerializeToString(deterministic=True))
print(digest.hexdigest())
"""


def kinds(model) -> list[str]:
    return [node.op_type for node in model.graph.node]


def net():
    """A small net in which every name can be seen."""
    build = GraphBuilder("net", (7, 8, 3))
    value = build.add("stem.conv", Convolution((3, 3), 2, channels=4), [INPUT])
    value = build.add("stem.act", Activation("hard_swish"), [value])
    gate = build.add("s1.gate.pool", GlobalPool(), [value])
    gate = build.add("s1.gate.reduce", Convolution((1, 1), channels=2, bias=True), [gate])
    gate = build.add("s1.gate.expand", Convolution((1, 1), channels=4), [gate])
    gate = build.add("s1.gate.act", Activation("swish"), [gate])
    value = build.add("s1.scaled", Multiply(), [value, gate])
    value = build.add("s1.pool", Pool((2, 2), 2, type="average"), [value])
    value = build.add("flat", Flatten(), [value])
    value = build.add("logits", Dense(5), [value])
    return build.build({"scores": value, "features": "s1.pool"})


def test_names_and_shapes_of_a_model_are_those_of_the_graph():
    graph = net()
    model = emit(graph, arrays(graph))
    assert shapes(model.graph.input) == {"input": ["batch", 3, 7, 8]}
    assert shapes(model.graph.output) == {"scores": ["batch", 5], "features": ["batch", 4, 2, 2]}
    names = [node.name for node in model.graph.node if "/" not in node.name]
    assert names == [node.name for node in graph.nodes]
    held = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    assert held == {
        "stem.conv/kernel": [4, 3, 3, 3],
        "s1.gate.reduce/kernel": [2, 4, 1, 1],
        "s1.gate.reduce/bias": [2],
        "s1.gate.expand/kernel": [4, 2, 1, 1],
        "constant/[0, -1]": [2],
        "logits/kernel": [16, 5],
        "logits/bias": [5],
    }
    assert model.graph.name == "net"


@pytest.mark.parametrize("opset", [13, 17, OPSETS[-1]])
def test_every_value_has_the_shape_that_onnx_infers(opset):
    for graph in (net(), *GRAPHS.values()):
        model = emit(graph, arrays(graph), Form(opset=opset, batch=2))
        said = shapes([*model.graph.value_info, *model.graph.output])
        del model.graph.value_info[:]
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        assert shapes([*inferred.graph.value_info, *inferred.graph.output]) == said
        assert {end for node in model.graph.node for end in node.output} == said.keys()


def test_a_fixed_batch_stands_in_every_shape():
    graph = net()
    model = emit(graph, arrays(graph), Form(batch=4))
    infos = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    assert {shape[0] for shape in shapes(infos).values()} == {4}
    assert check(model, graph, arrays(graph)).batches == (4,)


def test_the_same_graph_gives_the_same_bytes_in_every_process():
    root = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", MAKE],
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_model_says_who_made_it_and_carries_metadata_in_order():
    graph = net()
    model = emit(graph, arrays(graph), metadata={"weights": "random:0", "spec": "name: net"})
    try:
        ours = version("archspec-compiler")
    except PackageNotFoundError:
        ours = "0"
    assert (model.producer_name, model.producer_version, model.model_version) == (
        "archspec",
        ours,
        1,
    )
    assert [(pair.key, pair.value) for pair in model.metadata_props] == [
        ("spec", "name: net"),
        ("weights", "random:0"),
    ]


def test_the_ir_version_is_the_oldest_that_knows_the_opset():
    graph = net()
    versions = {opset: emit(graph, arrays(graph), Form(opset=opset)).ir_version for opset in OPSETS}
    assert [versions[opset] for opset in range(13, 26)] == [
        7,
        7,
        *[8] * 4,
        9,
        9,
        10,
        10,
        11,
        12,
        13,
    ]
    assert [opset.version for opset in emit(graph, arrays(graph), Form(opset=21)).opset_import] == [
        21
    ]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"opset": 12}, f"E410 opset 12 is not one of 13 to {OPSETS[-1]}"),
        ({"opset": 99}, f"E410 opset 99 is not one of 13 to {OPSETS[-1]}"),
        ({"batch": 0}, "E411 a batch of 0 images"),
    ],
)
def test_what_cannot_be_emitted_is_refused(said, message):
    graph = net()
    with pytest.raises(SpecError) as caught:
        emit(graph, arrays(graph), Form(**said))
    assert str(caught.value) == message


def test_more_weights_than_a_file_holds_are_refused_before_anything_is_done():
    graph = chain((1, 1, 30_000), Flatten(), Dense(30_000))
    with pytest.raises(SpecError) as caught:
        emit(graph, {})
    assert str(caught.value) == "E412 weights of 3.4 GiB: an ONNX file holds less than 2"


def test_an_output_cannot_have_the_name_of_the_input():
    build = GraphBuilder("clash", (1, 1, 2))
    graph = build.build({"input": build.add("act", Activation("relu"), [INPUT])})
    with pytest.raises(SpecError) as caught:
        emit(graph, {})
    assert str(caught.value) == "E413 an output cannot be called 'input', the input is"


def test_outputs_may_share_a_node_be_read_inside_be_the_input_and_have_the_name_of_another_node():
    build = GraphBuilder("names", (2, 2, 3))
    first = build.add("first", Activation("relu"), [INPUT])
    second = build.add("second", Activation("tanh"), [first])
    third = build.add("third", Add(), [first, second])
    outputs = {"second": first, "twice": first, "raw": INPUT, "sum": third, "other": second}
    graph = build.build(outputs)
    model = emit(graph, {})
    assert [output.name for output in model.graph.output] == list(outputs)
    assert check(model, graph, {}).outputs == 5
    assert [node.name for node in model.graph.node] == [
        "first", "second", "third", "twice/Identity", "raw/Identity",
    ]  # fmt: skip


def test_a_name_is_kept_free_for_the_output_that_bears_it():
    build = GraphBuilder("names", (2, 2, 3))
    first = build.add("first", Activation("relu"), [INPUT])
    second = build.add("second", Activation("tanh"), [first])
    graph = build.build({"first": second})
    model = emit(graph, {})
    assert [list(node.output) for node in model.graph.node] == [["first/value"], ["first"]]
    assert check(model, graph, {}).outputs == 1


def test_nothing_is_transposed_where_a_dense_layer_follows_flatten():
    graph = chain((2, 3, 4), Flatten(), Dense(5))
    weights = arrays(graph)
    model = emit(graph, weights)
    assert kinds(model) == ["Reshape", "Gemm"]
    rows = weights["n1/kernel"].reshape(2, 3, 4, 5)
    (kernel,) = [t for t in model.graph.initializer if t.name == "n1/kernel"]
    assert numpy_helper.to_array(kernel)[7].tolist() == rows[0, 1, 1].tolist()  # c, h, w = 1, 0, 1


@pytest.mark.parametrize("reader", ["activation", "output"])
def test_one_transpose_keeps_the_order_of_a_flattened_image_that_somebody_sees(reader):
    build = GraphBuilder("flat", (2, 3, 4))
    value = build.add("flat", Flatten(), [INPUT])
    dense = build.add("dense", Dense(2), [value])
    seen = build.add("act", Activation("relu"), [value]) if reader == "activation" else value
    graph = build.build({"dense": dense, "seen": seen})
    model = emit(graph, arrays(graph))
    assert kinds(model).count("Transpose") == 1
    assert check(model, graph, arrays(graph)).outputs == 2


@pytest.mark.parametrize("image", [(1, 1, 4), (2, 3, 1)])
def test_flatten_needs_no_transpose_where_order_does_not_matter(image):
    assert kinds(emit(chain(image, Flatten(), Activation("relu")), {})) == ["Reshape", "Relu"]


@pytest.mark.parametrize(
    ("op", "opset", "expected"),
    [
        (Activation("hard_swish"), 13, ["HardSigmoid", "Mul"]),
        (Activation("hard_swish"), 14, ["HardSwish"]),
        (Activation("swish"), OPSETS[-1], ["Sigmoid", "Mul"]),
        (Activation("gelu"), 19, ["Div", "Erf", "Add", "Mul", "Mul"]),
        (Activation("gelu"), 20, ["Gelu"]),
        (Activation("gelu_tanh"), 20, ["Gelu"]),
        (LayerNorm(), 17, ["Transpose", "LayerNormalization", "Transpose"]),
        (BatchNorm(), 17, ["BatchNormalization"]),
        (Rescale((0.5,)), 17, ["Mul"]),
        (Rescale(offset=(0.5,)), 17, ["Add"]),
        (Rescale(), 17, ["Identity"]),
    ],
)  # fmt: skip
def test_operators_are_those_of_the_opset(op, opset, expected):
    graph = chain((2, 2, 3), op)
    assert kinds(emit(graph, arrays(graph), Form(opset=opset))) == expected


def test_constants_are_shared():
    graph = chain((2, 2, 3), *[Activation("relu6")] * 3)
    assert [tensor.name for tensor in emit(graph, {}).graph.initializer] == [
        "constant/0.0",
        "constant/6.0",
    ]


def test_weights_of_any_float_type_become_float32():
    graph = net()
    wide = emit(graph, arrays(graph, dtype="float64"))
    assert {tensor.data_type for tensor in wide.graph.initializer} == {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.INT64,
    }
    narrow = {
        key: array.astype(np.float32) for key, array in arrays(graph, dtype="float64").items()
    }
    assert emit(graph, narrow) == wide


@pytest.mark.parametrize(
    ("mode", "wanted", "kinds_of_it"),
    [
        ("nearest", 12, ["Resize"]),  # whole factors
        ("nearest", 9, ["Gather", "Gather"]),  # 6 · i / 9 is a matter of rounding
        ("bilinear", 9, ["Resize"]),
        ("bilinear", 7, ["Resize"]),
    ],
)
def test_a_resize_keeps_any_number_of_images(mode, wanted, kinds_of_it):
    build = GraphBuilder("net", (12, 12, 2))
    first = build.add("first", Convolution((7, 7), 1, "valid", channels=2), [INPUT])
    like = build.add("like", Convolution((13 - wanted,) * 2, 1, "valid", channels=1), [INPUT])
    last = build.add("resize", Resize(mode), [first, like])
    graph = build.build({"output": last})
    weights = arrays(graph)
    model = emit(graph, weights, Form(opset=13))
    assert kinds(model)[2:] == kinds_of_it
    assert check(model, graph, weights).batches == (1, 3)


@pytest.mark.parametrize("any_size", [False, True])
@pytest.mark.parametrize(("size", "wanted"), [(56, 32), (129, 16), (112, 113), (113, 256)])
def test_where_pixels_lie_is_a_matter_of_rounding_in_the_check_too(size, wanted, any_size):
    graph = chain((size, size, 1), Resize("bilinear", (wanted, wanted)))
    form = Form(any_size=any_size)
    agreement = check(emit(graph, {}, form), graph, {}, form)
    assert agreement.difference < 3e-4
