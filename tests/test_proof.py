from dataclasses import replace

import pytest
from archspec import api, verdicts
from archspec.errors import SpecError
from archspec.graph import Graph, GraphBuilder

proof = pytest.importorskip("archspec.proof.applications", exc_type=ImportError)
pytestmark = pytest.mark.keras

SMALL = [(64, 64), (65, 65), (64, 97)]
"""Even, odd, not square."""


NAMED = [(spec, other) for spec, other in verdicts.named() if other.startswith(verdicts.KERAS)]


def changed(graph: Graph, name: str, **fields) -> Graph:
    """The graph with fields of one op replaced."""
    build = GraphBuilder(graph.name, graph.input)
    for node in graph.nodes:
        op = replace(node.op, **fields) if node.name == name else node.op
        build.add(node.name, op, node.inputs, node.row)
    return build.build(graph.outputs)


@pytest.fixture(scope="module")
def mobilenet() -> Graph:
    return api.to_graph("mobilenet_v1:0.25")


def refusal(*given) -> str:
    with pytest.raises(SpecError) as caught:
        proof.prove(*given)
    return str(caught.value)


@pytest.mark.parametrize(
    "reference",
    [
        "mobilenet_v1:0.25:128",
        "mobilenet_v2:0.35:96",
        "mobilenet_v3:small:0.5",
        "mobilenet_v3:large:minimalistic:0.75",
        "efficientnet:b0",
    ],
)
def test_a_variant_of_each_family_computes_what_keras_applications_does(reference):
    spec = api.load(reference)
    found = proof.prove(api.to_graph(spec), spec.equals["keras"], SMALL)
    assert list(found.differences) == SMALL
    assert found.holds
    assert found.difference <= 1e-10


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("s2.1.depthwise.conv", {"padding": "same"}),  # differs at odd sizes
        ("s2.1.depthwise.conv", {"padding": "symmetric"}),
        ("s8.1.depthwise.norm", {"epsilon": 1.1e-3}),
        ("stem.conv.activation", {"function": "relu"}),  # differs beyond 6
        ("s5.1.depthwise.activation", {"function": "relu"}),
        ("s9.1.pointwise.activation", {"function": "relu"}),
    ],
)
def test_the_smallest_change_is_no_proof(mobilenet, name, fields):
    found = proof.prove(changed(mobilenet, name, **fields), "MobileNet(alpha=0.25)", SMALL)
    assert not found.holds
    assert found.difference > 1e-6


def test_keras_computes_in_its_own_precision_afterwards(mobilenet):
    keras = proof.keras
    before = keras.config.floatx(), keras.config.dtype_policy().name
    proof.prove(mobilenet, "MobileNet(alpha=0.25)", [(32, 32)])
    refusal(mobilenet, "MobileNet(alpha=0.5)", [(32, 32)])
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == before


def test_a_layer_that_only_the_published_weights_have_is_compared_as_well(monkeypatch):
    # No network: the weights that Keras would load are replaced anyway.
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: "")
    monkeypatch.setattr(proof.keras.Model, "load_weights", lambda *_: None)
    graph = api.to_graph("efficientnet:b0:imagenet")
    found = proof.prove(graph, "EfficientNetB0(weights=imagenet)", SMALL)
    assert list(found.differences) == [(224, 224)]
    assert found.holds


def test_a_net_of_another_width_is_refused_with_the_arrays(mobilenet):
    message = refusal(mobilenet, "MobileNet(alpha=0.5)", [(32, 32)])
    assert message.startswith(
        "E506 MobileNet holds 136 in another shape than mobilenet_v1:"
        " conv1/kernel is [3, 3, 3, 16] and not [3, 3, 3, 8], "
    )
    assert message.endswith(" and 126 more")


def test_a_net_with_other_layers_is_refused_with_both_sides(mobilenet):
    renamed = {"s9.1.pointwise.norm": "s9.1.pointwise.standard"}
    build = GraphBuilder("mine", mobilenet.input)
    for node in mobilenet.nodes:
        inputs = [renamed.get(name, name) for name in node.inputs]
        build.add(renamed.get(node.name, node.name), node.op, inputs, node.row)
    graph = build.build(mobilenet.outputs)
    assert refusal(graph, "MobileNet(alpha=0.25)", [(32, 32)]) == (
        "E504 MobileNet lacks 4 of the 137 arrays of mine: s9.1.pointwise.standard/gamma,"
        " s9.1.pointwise.standard/beta, s9.1.pointwise.standard/moving_mean,"
        " s9.1.pointwise.standard/moving_variance\n"
        "E505 MobileNet holds 4 that mine does not have: conv_pw_13_bn/gamma, conv_pw_13_bn/beta,"
        " conv_pw_13_bn/moving_mean, conv_pw_13_bn/moving_variance"
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("MobileNetV4(alpha=1.0)", "'MobileNetV4(alpha=1.0)'\n   did you mean 'MobileNetV2'?"),
        ("MobileNet(0.25)", "'MobileNet(0.25)': bad '0.25'"),
        ("MobileNet(alpha=1e9)", "'MobileNet(alpha=1e9)': bad 'alpha=1e9'"),
        ("MobileNet(alpha=nan)", "'MobileNet(alpha=nan)': bad 'alpha=nan'"),
        ("MobileNet(alfa=1)", "'MobileNet(alfa=1)': bad 'alfa=1'\n   did you mean 'alpha'?"),
        ("MobileNet(weights=/x.h5)", "'MobileNet(weights=/x.h5)': bad 'weights=/x.h5'"),
    ],
)
def test_what_is_no_known_call_is_refused_unevaluated(mobilenet, function, message):
    assert refusal(mobilenet, function, SMALL) == f"E440 cannot compare with {message}"


def test_a_name_like_no_other_is_answered_with_those_that_are_known(mobilenet):
    assert refusal(mobilenet, "__import__('os')", SMALL) == (
        "E440 cannot compare with \"__import__('os')\"\n"
        f"   known are {', '.join(proof.functions())}"
    )


def test_what_keras_refuses_is_refused_in_its_words(mobilenet):
    assert refusal(mobilenet, "MobileNet(minimalistic=True)", [(32, 32)]) == (
        "E441 keras.applications refuses MobileNet(minimalistic=True) at (32, 32):"
        " MobileNet() got an unexpected keyword argument 'minimalistic'"
    )


def test_a_size_that_leaves_no_pixel_is_refused(mobilenet):
    assert (
        refusal(mobilenet, "MobileNet(alpha=0.25)", [(32, 32), (16, 16)])
        .splitlines()[0]
        .endswith(
            "E301 s8.1.depthwise.conv at 16x16:"
            " a window of 3 pixels (dilation 1) does not fit 1 pixels with padding 0 and 1"
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("reference", [spec for spec, _ in NAMED])
def test_whatever_names_a_function_of_keras_applications_computes_what_it_does(reference):
    spec = api.load(reference)
    size = spec.input[0]
    sizes = [(size, size), (size // 2 | 1, size // 2 | 1), (96, 131)]
    found = proof.prove(api.to_graph(spec), spec.equals["keras"], sizes)
    assert found.holds, found


def test_the_zoo_names_the_functions_of_keras_applications():
    """All that have a table of names, but those of weights that only the network has."""
    assert {other.removeprefix("keras:").partition("(")[0] for _, other in NAMED} == {
        *proof.functions()
    }
