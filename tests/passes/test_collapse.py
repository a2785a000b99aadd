"""Branches that train side by side become one convolution."""

from collections import Counter

import archspec
import numpy as np
import pytest
from archspec.backends.onnx import Form
from archspec.backends.reference import emit
from archspec.deploy.check import check
from archspec.deploy.deviation import deviations
from archspec.deploy.export import direct
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import Activation, Add, BatchNorm, Convolution, Dense, Op, Rescale
from archspec.passes.collapse import collapse
from archspec.passes.pipeline import PASSES
from hypothesis import given
from hypothesis import strategies as st
from tests.parity import arrays, images

THREE = Convolution((3, 3), padding="symmetric", channels=4)
ONE = Convolution((1, 1), channels=4)


def branches(*terms: tuple[Op, ...], image=(6, 5, 4), after: tuple[Op, ...] = ()) -> Graph:
    """The sum of chains of ops that all begin at the image; the ops after it."""
    build = GraphBuilder("branches", image)
    ends = list[str]()
    for letter, ops in zip("abcdefgh", terms, strict=False):
        value = INPUT
        for op in ops:
            value = build.add(f"{letter}.{type(op).__name__.lower()}", op, [value])
        ends.append(value)
    value = build.add("sum", Add(), ends)
    for place, op in enumerate(after):
        value = build.add(f"after{place}", op, [value])
    return build.build({"output": value})


def apart(graph: Graph) -> float:
    """How far the collapsed graph is, computed in float64, in standard deviations."""
    weights = arrays(graph, dtype="float64")
    small, fewer = collapse(graph, weights)
    assert fewer.keys() == small.weights.keys()
    assert all(fewer[key].shape == weight.shape for key, weight in small.weights.items())
    expected = emit(graph, weights, "float64")(images(graph))
    actual = emit(small, fewer, "float64")(images(graph))
    gaps = (np.abs(actual[name] - array).max() / array.std() for name, array in expected.items())
    return float(max(gaps))


def collapsed(graph: Graph) -> list[str]:
    return str(collapse(graph, arrays(graph))[0]).splitlines()[2:]


@st.composite
def sums(draw):
    """Convolutions of one image whose outputs have one shape, with norms, biases and identities."""
    padding = draw(st.sampled_from(["same", "symmetric"]))
    stride = draw(st.sampled_from([1, 1, 2, 3]))
    groups = draw(st.sampled_from([1, 2, 4]))
    channels = draw(st.sampled_from([4, 8]))
    sizes = (1, 3, 5) if padding == "symmetric" else (1, 2, 3, 4, 5)
    kernels = st.tuples(st.sampled_from(sizes), st.sampled_from(sizes))
    terms = list[tuple[Op, ...]]()
    for kernel in draw(st.lists(kernels, min_size=1, max_size=4)):
        bias, normed = draw(st.booleans()), draw(st.booleans())
        op = Convolution(kernel, stride, padding, channels=channels, groups=groups, bias=bias)
        terms.append((op, BatchNorm()) if normed else (op,))
    if stride == 1 and channels == 4:
        terms += draw(st.lists(st.sampled_from([(), (BatchNorm(epsilon=0.1),)]), max_size=2))
    image = draw(st.integers(5, 8)), draw(st.integers(5, 8)), 4
    after = draw(st.sampled_from([(), (BatchNorm(),)]))
    return branches(*draw(st.permutations(terms)), image=image, after=after)


@given(graph=sums())
def test_every_sum_of_convolutions_of_one_image_becomes_one(graph):
    assert apart(graph) <= 1e-12
    (node,) = collapse(graph, arrays(graph))[0].nodes
    assert node.name == "sum"
    assert isinstance(node.op, Convolution)


@given(graph=sums())
def test_the_check_of_an_export_compares_what_the_sum_became(graph):
    model = direct(graph, arrays(graph))
    (found,) = deviations(model, graph, arrays(graph), images(graph))
    assert found.node.name == "sum"
    assert found.difference < 1e-5


def test_a_sum_of_convolutions_and_norms_is_one_convolution():
    graph = branches((THREE, BatchNorm()), (ONE, BatchNorm()), (BatchNorm(),), after=(BatchNorm(),))
    assert collapsed(graph) == [
        "  sum = convolution kernel=[3, 3] padding=symmetric channels=4 bias=true (input) : 6x5x4",
        "  output output = sum",
    ]
    assert list(collapse(graph, arrays(graph))[1]) == ["sum/kernel", "sum/bias"]


def test_one_pixel_lies_in_the_middle_of_a_larger_window():
    graph = branches((THREE,), (ONE,), ())
    weights = arrays(graph)
    kernel = collapse(graph, weights)[1]["sum/kernel"]
    expected = weights["a.convolution/kernel"].copy()
    expected[1, 1] += weights["b.convolution/kernel"][0, 0] + np.eye(4, dtype="float32")
    np.testing.assert_allclose(kernel, expected, rtol=1e-6)
    assert kernel.dtype == np.float32


def test_where_padding_is_after_the_image_one_pixel_is_the_first_of_the_window():
    strided = [(Convolution((size, size), 2, "same", channels=4),) for size in (3, 1)]
    graph = branches(*strided, image=(6, 6, 4))
    weights = arrays(graph)
    kernel = collapse(graph, weights)[1]["sum/kernel"]
    difference = kernel - weights["a.convolution/kernel"]
    assert np.argwhere(np.abs(difference).sum((2, 3)) > 1e-6).tolist() == [[0, 0]]


def test_at_any_size_windows_stay_apart_that_move_against_each_other():
    strided = [(Convolution((size, size), 2, "same", channels=4),) for size in (3, 1)]
    graph = branches(*strided, image=(6, 6, 4))
    assert collapse(graph, arrays(graph), any_size=True)[0] == graph
    form = Form(any_size=True)
    model = direct(graph, arrays(graph), form)
    assert check(model, graph, arrays(graph), form).sizes == ((6, 6), (7, 7), (39, 8))
    for alike in ([strided[0], strided[0]], [(THREE,), (ONE,), ()]):
        graph = branches(*alike, image=(6, 6, 4))
        model = direct(graph, arrays(graph), form)
        assert [node.name for node in model.graph.node] == ["sum"]
        check(model, graph, arrays(graph), form)


def test_a_row_and_a_column_make_a_square():
    lines = [(Convolution(size, padding="same", channels=4),) for size in ((1, 3), (5, 1))]
    graph = branches(*lines)
    assert apart(graph) <= 1e-12
    assert "kernel=[5, 3]" in collapsed(graph)[0]


@pytest.mark.parametrize("dilation", [2, 3])
def test_dilated_windows_collapse_where_their_pixels_meet(dilation):
    wide = Convolution((3, 3), 1, "same", dilation, channels=4)
    graph = branches((wide,), (ONE,))
    assert apart(graph) <= 1e-12
    assert f"dilation={dilation}" in collapsed(graph)[0]
    # Taps at -1 and 1: the pixel between is not among them.
    graph = branches((Convolution((2, 2), 1, "same", 2, channels=4),), (ONE,))
    assert apart(graph) <= 1e-12
    assert len(collapsed(graph)) == 4


def test_a_sum_within_a_sum_goes_as_well():
    build = GraphBuilder("nested", (6, 5, 4))
    inner = build.add("inner", Add(), [build.add("a", THREE, [INPUT]), INPUT])
    normed = build.add("norm", BatchNorm(), [inner])
    outer = build.add("outer", Add(), [normed, build.add("b", ONE, [INPUT]), INPUT])
    graph = build.build({"output": outer})
    assert apart(graph) <= 1e-12
    assert [line.split()[0] for line in collapsed(graph)] == ["outer", "output"]


def test_a_term_may_stand_twice():
    build = GraphBuilder("twice", (6, 5, 4))
    term = build.add("a", THREE, [INPUT])
    graph = build.build({"output": build.add("sum", Add(), [term, term])})
    assert apart(graph) <= 1e-12
    assert len(collapsed(graph)) == 2


@pytest.mark.parametrize(
    ("terms", "image"),
    [
        pytest.param([(THREE,), (ONE, Activation("relu"))], (6, 5, 4), id="not linear"),
        pytest.param([(Activation("relu"), THREE), (ONE,)], (6, 5, 4), id="of something else"),
        pytest.param([(THREE,), (ONE, Rescale((2.0,)))], (6, 5, 4), id="another op"),
        pytest.param([(), (BatchNorm(),)], (6, 5, 4), id="no convolution"),
        pytest.param(
            [(THREE,), (Convolution((1, 1), channels=4, groups=2),)], (6, 5, 4), id="groups"
        ),
        pytest.param([(THREE,), (Convolution((3, 3), 2, channels=4),)], (1, 1, 4), id="stride"),
        pytest.param([(), (Convolution((3, 3), 2, channels=4),)], (1, 1, 4), id="identity, stride"),
        pytest.param(
            [(Convolution((3, 3), 1, "same", d, channels=4),) for d in (1, 2)],
            (6, 5, 4),
            id="dilation",
        ),
    ],
)
def test_other_sums_stay(terms, image):
    graph = branches(*terms, image=image)
    assert collapse(graph, arrays(graph))[0] == graph


@pytest.mark.parametrize("reader", ["a second reader", "an output"])
def test_a_sum_of_a_value_that_is_needed_stays(reader):
    build = GraphBuilder("needed", (6, 5, 4))
    term = build.add("a", THREE, [INPUT])
    total = build.add("sum", Add(), [term, build.add("b", ONE, [INPUT])])
    outputs = {"output": total}
    if reader == "an output":
        outputs["term"] = term
    else:
        outputs["term"] = build.add("relu", Activation("relu"), [term])
    graph = build.build(outputs)
    assert collapse(graph, arrays(graph))[0] == graph


def test_a_norm_before_a_dense_layer_goes_into_it_and_the_layers_become_one():
    graph = branches((BatchNorm(), Dense(3)), (BatchNorm(), Dense(3, bias=False)), image=(5,))
    assert apart(graph) <= 1e-12
    assert collapsed(graph) == ["  sum = dense channels=3 (input) : 3", "  output output = sum"]


def test_two_norms_before_a_dense_layer_go_into_it():
    build = GraphBuilder("chain", (5,))
    value = build.add("first", BatchNorm(), [INPUT])
    value = build.add("second", BatchNorm(epsilon=0.1), [value])
    graph = build.build({"output": build.add("scores", Dense(3, bias=False), [value])})
    assert apart(graph) <= 1e-12
    assert [node.name for node in collapse(graph, arrays(graph))[0].nodes] == ["scores"]


def test_a_norm_that_is_read_twice_stays_before_its_dense_layers():
    build = GraphBuilder("read", (5,))
    value = build.add("norm", BatchNorm(), [INPUT])
    outputs = {name: build.add(name, Dense(3), [value]) for name in ("a", "b")}
    graph = build.build(outputs)
    assert collapse(graph, arrays(graph))[0] == graph


@pytest.mark.parametrize(
    ("spec", "params", "macs"),
    [
        # Parameters and multiply-accumulates at the default size of what timm 1.0.31's
        # reparameterize_model makes of the same nets.
        ("repvgg:a0", 8_309_384, 1_361_451_008),
        ("repvgg:b1g4", 36_125_416, 7_306_870_784),
        ("mobileone:s0", 2_078_504, 275_110_400),
        ("mobileone:s4", 14_838_352, 2_979_269_760),
        ("repvit:m0.9", 5_067_056, 815_617_344),
        ("repvit:m1", 5_067_056, 815_617_344),
        # timm leaves the batch norms that stand behind one convolution alone: 2,306,528.
        ("repghostnet:0.5", 2_302_956, 43_314_720),
    ],
)
def test_a_family_that_trains_in_branches_is_the_same_net_when_they_are_collapsed(
    spec, params, macs
):
    whole = archspec.to_graph(archspec.load(spec))
    small, _ = collapse(whole, arrays(whole))
    assert sum(weight.size for weight in small.weights.values()) == params
    assert sum(map(small.macs_of, small.nodes)) == macs
    assert apart(archspec.to_graph(archspec.load(spec, input=64))) <= 1e-12


def test_mobileone_is_one_convolution_a_block_in_onnx():
    graph = archspec.to_graph(archspec.load("mobileone:s0", input=64))
    nodes = direct(graph, arrays(graph)).graph.node
    blocks = [
        f"s{row}.{number}"
        for row, count in enumerate((2, 8, 5, 5, 1), 1)
        for number in range(1, count + 1)
    ]
    halves = [f"{block}.{half}" for block in blocks for half in ("depthwise", "pointwise")]
    assert [(node.op_type, node.name) for node in nodes] == [
        *(
            pair
            for name in ("stem.conv", *halves)
            for pair in (("Conv", f"{name}.add"), ("Relu", f"{name}.activation"))
        ),
        ("GlobalAveragePool", "head.global_pool"),
        ("Reshape", "head.classifier.flatten"),
        ("Gemm", "head.classifier.dense"),
    ]


@pytest.mark.parametrize("spec", ["repvgg:a0", "repvit:m0.9", "repghostnet:0.5"])
def test_every_node_of_a_collapsed_model_is_within_rounding_of_the_graph_that_trains(spec):
    graph = archspec.to_graph(archspec.load(spec, input=64))
    weights = arrays(graph)
    model = direct(graph, weights)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert not kinds["BatchNormalization"]
    found = deviations(model, graph, weights, images(graph).astype(np.float32))
    assert len(found) >= kinds["Conv"]
    assert max(one.difference for one in found) < 1e-4


def test_nothing_is_left_for_a_second_run():
    graph = archspec.to_graph(archspec.load("repvit:m0.9", input=32))
    weights = arrays(graph)
    for step in PASSES:
        graph, weights = step(graph, weights)
    assert collapse(graph, weights) == (graph, weights)
