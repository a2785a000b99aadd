from dataclasses import replace

import numpy as np
import onnx
import pytest
from archspec.backends.onnx import Form, emit
from archspec.backends.reference import Reference
from archspec.deploy.check import Agreement, check
from archspec.deploy.export import direct
from archspec.deploy.runtime import Runtime
from archspec.errors import SpecError
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import (
    Activation,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Pool,
    Rescale,
    Slice,
    Standardize,
)
from onnx import numpy_helper
from tests.deploy.nets import chaos, net
from tests.parity import arrays, chain


def tamper(model: onnx.ModelProto, name: str, change) -> None:
    (tensor,) = [tensor for tensor in model.graph.initializer if tensor.name == name]
    array = change(numpy_helper.to_array(tensor).copy())
    tensor.CopyFrom(numpy_helper.from_array(array, name))


def refusal(*args, **kwargs) -> str:
    with pytest.raises(SpecError) as caught:
        check(*args, **kwargs)
    return str(caught.value)


def test_a_folded_model_agrees_with_the_graph_before_the_passes():
    graph = net()
    agreement = check(direct(graph, arrays(graph)), graph, arrays(graph))
    assert replace(agreement, difference=0.0) == Agreement(0.0, 1e-5, (1, 3), 2, sizes=((8, 9),))
    assert 0 < agreement.difference <= 2e-6


@pytest.mark.parametrize(
    ("weight", "change", "output", "gap", "node", "own_gap"),
    [
        (
            "scale.shift/offset",
            lambda array: array + 1275,
            "features",
            "1.2e+01",
            "stem.conv",
            "1.6e+01",
        ),
        ("stem.conv/bias", lambda array: array + 9, "logits", "1.7e+01", "stem.conv", "1.4e+01"),
        ("logits/kernel", lambda array: array * 2, "logits", "2.0e+00", "logits", "1.9e+00"),
    ],
)
def test_the_first_node_that_diverges_is_named(weight, change, output, gap, node, own_gap):
    graph = net()
    model = direct(graph, arrays(graph))
    tamper(model, weight, change)
    assert refusal(model, graph, arrays(graph)) == (
        f"E423 ONNX Runtime is {gap} standard deviations of output '{output}' away from the"
        f" reference, more than 1.0e-05; the first node that diverges is '{node}', by {own_gap}"
    )


def test_the_cell_of_the_node_that_diverges_is_shown():
    graph = net()
    model = direct(graph, arrays(graph))
    tamper(model, "s1.conv/kernel", np.negative)
    assert refusal(model, graph, arrays(graph)).splitlines()[1:] == [
        "    2 |   - {block: conv}",
        "      |     ^^^^^^^^^^^^^",
    ]


@pytest.mark.parametrize("batch", [None, 5])
def test_a_model_of_any_batch_is_searched(batch):
    graph = net()
    model = direct(graph, arrays(graph), Form(batch=batch))
    tamper(model, "s1.conv/kernel", np.negative)
    assert "; the first node that diverges is 's1.conv', by " in refusal(
        model, graph, arrays(graph)
    )


def test_a_difference_that_no_value_shows_by_itself_is_an_error_too():
    build = GraphBuilder("twice", (2, 2, 3))
    graph = build.build({"a": build.add("act", Activation("relu"), [INPUT]), "b": "act"})
    model = emit(graph, {})
    model.graph.node[1].op_type = "Neg"  # the Identity that gives output b, no node of the graph
    assert refusal(model, graph, {}) == (
        "E423 ONNX Runtime is 6.3e+00 standard deviations of output 'b' away from the reference,"
        " more than 1.0e-05"
    )


def test_keras_may_stand_in_the_references_stead():
    class Keras:
        def agree(self, model):
            return Agreement(0.0, 1.0, (len(model.graph.node),), 1)

    graph = net()
    model = direct(graph, arrays(graph))
    found = check(model, graph, arrays(graph), keras=Keras())
    assert found == Agreement(0.0, 1.0, (len(model.graph.node),), 1)


def test_a_net_that_loses_digits_is_allowed_four_times_what_the_reference_loses():
    """Sums of 64 numbers near 10^4 of which only the differences matter."""
    ops = (Activation("tanh"), Rescale((1.0,), (1e4,)), Convolution((1, 1)))
    graph = chain((4, 4, 64), *ops)
    weights = arrays(graph)
    agreement = check(emit(graph, weights), graph, weights)
    assert 1e-4 < agreement.difference <= agreement.bound < 1e-2


def test_sigmoids_may_be_off_by_a_last_place_of_one_however_small_they_are():
    """As the scores of a detector that has hardly learnt: 0.011 everywhere."""
    tanh, *rest = Activation("tanh"), Activation("sigmoid"), Slice(1, 4)
    graph = chain((40, 40, 4), tanh, Rescale((0.1,), (-4.5,)), *rest)
    agreement = check(emit(graph, {}), graph, {})
    assert 1e-5 < agreement.difference <= agreement.bound < 1e-3
    model = emit(chain((40, 40, 4), tanh, Rescale((0.1,), (-4.499,)), *rest), {})
    assert refusal(model, graph, {}).startswith("E423 ONNX Runtime is 1.8e-02 standard deviations")


def test_where_rounding_hides_everything_nodes_are_compared_one_by_one():
    graph = chaos()
    weights = arrays(graph)
    model = emit(graph, weights)
    agreement = check(model, graph, weights)
    assert replace(agreement, difference=0) == Agreement(
        0, 1e-3, (1, 3), 1, by_node=True, sizes=((4, 4),)
    )
    assert 0 < agreement.difference < 1e-6
    tamper(model, "conv/kernel", lambda kernel: kernel * np.float32(1.25))
    assert refusal(model, graph, weights) == (
        "E423 ONNX Runtime is 6.5e-01 standard deviations of 'conv' away from the reference,"
        " more than 1.0e-03"
    )


def test_where_a_softmax_gives_one_class_alone_nodes_are_compared_one_by_one():
    graph = chain((1, 1, 16), Flatten(), Dense(channels=10), Activation("softmax"))
    weights = arrays(graph)
    weights["n1/kernel"] *= 1000
    model = emit(graph, weights)
    assert check(model, graph, weights).by_node
    tamper(model, "n1/kernel", lambda kernel: kernel * np.float32(1.01))
    assert refusal(model, graph, weights).startswith(
        "E423 ONNX Runtime is 1.9e-02 standard deviations of 'n1' away from the reference, more than"
    )
    weights["n1/kernel"] /= 1000
    assert not check(emit(graph, weights), graph, weights).by_node


@pytest.mark.parametrize(("value", "gap"), [(0.0, "5.0e-01"), (0.25, "2.0e+00")])
def test_an_output_that_is_one_value_everywhere_is_compared_in_shares_of_it(value, gap):
    graph = chain((2, 2, 3), Activation("relu"), Rescale((0.0,), (value, value, value)))
    model = emit(graph, {})
    assert check(model, graph, {}) == Agreement(0.0, 1e-5, (1, 3), 1, sizes=((2, 2),))
    model = emit(chain((2, 2, 3), Activation("relu"), Rescale((0.0,), (value + 0.5,))), {})
    assert refusal(model, graph, {}) == (
        f"E423 ONNX Runtime is {gap} standard deviations of output 'output' away from the"
        f" reference, more than 1.0e-05; the first node that diverges is 'n1', by {gap}"
    )


def test_an_output_that_is_not_finite_is_traced_to_its_node():
    graph = net()
    weights = arrays(graph)
    weights["s1.norm/gamma"][2] = np.nan
    assert refusal(direct(graph, weights), graph, weights) == (
        "net.yaml:2:5: E422 output 'logits' is not finite for a random image; the first value"
        " that is not is of 's1.norm'\n"
        "    2 |   - {block: conv}\n"
        "      |     ^^^^^^^^^^^^^\n"
        "   look at the weights"
    )


def test_what_a_pass_took_out_behind_the_image_is_not_blamed():
    graph = chain((2, 2, 3), Dropout(0.5), Activation("relu"), Convolution((1, 1), channels=2))
    model = direct(graph, arrays(graph))
    tamper(model, "n2/kernel", np.negative)
    assert "; the first node that diverges is 'n2', by " in refusal(model, graph, arrays(graph))


def test_infinity_in_the_runtime_alone_is_a_difference():
    graph = net()
    model = direct(graph, arrays(graph))
    tamper(model, "logits/bias", lambda bias: bias * np.float32(np.inf))
    assert refusal(model, graph, arrays(graph)) == (
        "E423 ONNX Runtime is inf standard deviations of output 'logits' away from the reference,"
        " more than 1.0e-05; the first node that diverges is 'logits', by inf"
    )


def test_an_output_of_another_shape_is_a_difference():
    graph = chain((5, 7, 4), Pool((1, 1), 3, "ceil"), Pool((3, 1), 1, "ceil"))
    form = Form(any_size=True)  # but smaller than a window
    assert refusal(direct(graph, {}, form), graph, {}, form).startswith(
        "E423 ONNX Runtime is inf standard deviations of output 'output' away from the reference"
    )


def test_what_is_not_valid_onnx_is_refused():
    graph = net()
    model = direct(graph, arrays(graph))
    model.graph.node[0].op_type = "Multiply"
    assert refusal(model, graph, arrays(graph)).startswith(
        "E420 the model is not valid ONNX: No Op registered for Multiply"
    )


def test_shapes_that_are_not_what_onnx_infers_are_refused():
    graph = net()
    model = direct(graph, arrays(graph))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 7
    assert refusal(model, graph, arrays(graph)).startswith("E420 the model is not valid ONNX: ")


def test_what_onnx_runtime_cannot_load_is_refused():
    model = emit(chain((2, 2, 3), Activation("relu")), {})
    model.opset_import[0].version = 1000
    with pytest.raises(SpecError) as caught:
        Runtime(model)
    assert str(caught.value).startswith("E421 ONNX Runtime refuses the model: ")


def test_what_onnx_runtime_cannot_run_is_refused():
    runtime = Runtime(emit(chain((2, 2, 3), Activation("relu")), {}))
    with pytest.raises(SpecError) as caught:
        runtime(np.zeros((1, 2, 2, 4)))
    assert str(caught.value).startswith("E421 ONNX Runtime refuses the model: ")


@pytest.mark.parametrize(
    "front", [Rescale((0.0, 1.0, 2.0)), Rescale((1e-3,), (5.0,)), Standardize()], ids=str
)
def test_the_images_are_standard_normal_behind_a_rescaling(front, monkeypatch):
    graph = chain((16, 16, 3), front, Activation("tanh"))
    weights = arrays(graph)
    seen = []

    def spy(self, images):
        seen.append(images)
        return run(self, images)

    run = Runtime.__call__
    monkeypatch.setattr(Runtime, "__call__", spy)
    check(direct(graph, weights), graph, weights)
    scaled = Reference(graph, weights, "float64").values(seen[0])["n0"]
    used = scaled[..., 1:]
    assert abs(used.mean()) < 0.1
    assert abs(used.std() - 1) < 0.1
