import pytest
from archspec.backends.onnx import Form
from archspec.deploy.check import check
from archspec.deploy.export import export
from archspec.deploy.tf2onnx import convert
from archspec.errors import SpecError
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import Activation, Convolution, Dense, Flatten, GlobalPool
from tests.deploy.nets import net, shapes
from tests.parity import arrays, chain

pytestmark = pytest.mark.keras


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
    build = GraphBuilder("names", (4, 4, 3))
    first = build.add("first", Convolution((3, 3), channels=4), [INPUT])
    second = build.add("second", Activation("tanh"), [first])
    pooled = build.add("pooled", GlobalPool(), [second])
    flat = build.add("flat", Flatten(), [pooled])
    build.add("output", Dense(2), [flat])
    graph = build.build({"second": "first", "output": "output", "twice": "output"})
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


def test_operators_that_tf2onnx_leaves_are_named(capfd):
    graph = chain((8, 8, 4), Activation("gelu"), Convolution((3, 3), channels=4, groups=2))
    with pytest.raises(SpecError) as caught:
        convert(graph, arrays(graph))
    assert str(caught.value) == (
        "E431 tf2onnx leaves operators of TensorFlow in the model: Erfc, StatefulPartitionedCall\n"
        "   leave out '--via tf2onnx'"
    )
    assert "not supported" not in capfd.readouterr().err


def test_a_failure_inside_tf2onnx_is_told_in_one_line():
    build = GraphBuilder("through", (2, 2, 3))
    build.add("act", Activation("relu"), [INPUT])
    graph = build.build({"image": INPUT, "act": "act"})
    with pytest.raises(SpecError) as caught:
        convert(graph, {})
    assert str(caught.value) == (
        "E432 tf2onnx fails: list index out of range\n   leave out '--via tf2onnx'"
    )
