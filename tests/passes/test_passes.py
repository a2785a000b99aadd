from dataclasses import replace

import numpy as np
import pytest
from archspec.backends.reference import emit
from archspec.deploy.deviation import deviations
from archspec.deploy.export import direct
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Dense,
    Dropout,
    DropPath,
    Flatten,
    GlobalPool,
    Rescale,
    Scale,
    Standardize,
)
from archspec.passes.absorb import absorb
from archspec.passes.collapse import collapse
from archspec.passes.fold import fold
from archspec.passes.merge import merge
from archspec.passes.pipeline import PASSES
from archspec.passes.prune import prune
from hypothesis import given
from hypothesis import strategies as st
from tests.parity import arrays, chain, images

CONVOLUTION = Convolution((3, 3), channels=4)


@st.composite
def graphs(draw):
    """Layers in a row and side by side, any of them an output."""
    build = GraphBuilder("drawn", (4, 3, 4))
    ops = st.sampled_from(
        (
            Convolution((3, 3), channels=4),
            Convolution((1, 1), channels=4, bias=True),
            Convolution((3, 3), channels=4, groups=4),
            Convolution((1, 1), channels=4, groups=2),
            BatchNorm(),
            BatchNorm(epsilon=0.1),
            Scale(),
            Scale(bias=True, groups=2),
            Concat(),
            Activation("tanh"),
            Dropout(0.5),
            DropPath(0.5),
            Rescale((0.5, 1.0, 2.0, 3.0), (0.1,)),
            Rescale((2.0,), (-1.0,)),
            Standardize(),
            Add(),
        )
    )
    values = [INPUT]
    for place, op in enumerate(draw(st.lists(ops, min_size=1, max_size=12))):
        last = st.sampled_from(values[-2:])
        read = [draw(last), draw(last)] if isinstance(op, Add | Concat) else [draw(last)]
        value = build.add(f"n{place}", op, read)
        if isinstance(op, Concat):
            value = build.add(
                f"n{place}.norm", draw(st.sampled_from((BatchNorm(), Scale()))), [value]
            )
            value = build.add(f"n{place}.conv", Convolution((1, 1), channels=4), [value])
        values.append(value)
    flat = build.add("flat", Flatten(), [values[-1]])
    if draw(st.booleans()):
        flat = build.add("before", BatchNorm(), [flat])
    dense = build.add("dense", Dense(5, bias=draw(st.booleans())), [flat])
    values.append(build.add("norm", BatchNorm(), [dense]))
    taps = draw(st.lists(st.sampled_from(values), max_size=2))
    return build.build({"scores": "norm", **{f"tap{i}": tap for i, tap in enumerate(taps)}})


@pytest.mark.parametrize("steps", [(fold,), (prune,), (merge,), (absorb,), (collapse,), PASSES])
@given(graph=graphs(), seed=st.integers(0, 9))
def test_no_pass_changes_what_a_graph_computes(steps, graph, seed):
    weights = arrays(graph, seed, "float64")
    expected = emit(graph, weights, "float64")(images(graph))
    after, arrays_after = graph, weights
    for step in steps:
        after, arrays_after = step(after, arrays_after)
    actual = emit(after, arrays_after, "float64")(images(graph))
    assert list(actual) == list(expected)
    assert arrays_after.keys() == after.weights.keys()
    for name, array in expected.items():
        assert np.abs(actual[name] - array).max() <= 1e-10 * array.std()


@given(graph=graphs())
def test_passes_find_nothing_to_do_a_second_time(graph):
    weights = arrays(graph)
    for step in PASSES:
        graph, weights = step(graph, weights)
    before, kept = str(graph), weights
    for step in PASSES:
        graph, weights = step(graph, weights)
    assert str(graph) == before
    assert all(weights[key] is kept[key] for key in kept)


@given(graph=graphs())
def test_nodes_that_stay_keep_their_names_and_their_order(graph):
    weights = arrays(graph)
    names = [node.name for node in graph.nodes]
    for step in PASSES:
        graph, weights = step(graph, weights)
    left = [node.name.removesuffix(".shift") for node in graph.nodes]
    assert left == [name for name in names if name in left]
    assert not any(isinstance(node.op, Dropout | DropPath) for node in graph.nodes)


def test_batch_norm_goes_into_a_convolution_which_gets_a_bias():
    graph = chain((4, 4, 3), CONVOLUTION, BatchNorm(), Activation("relu6"))
    folded, weights = fold(graph, arrays(graph))
    assert str(folded).splitlines()[2:] == [
        "  n0 = convolution kernel=[3, 3] channels=4 bias=true (input) : 4x4x4",
        "  n2 = activation function=relu6 (n0) : 4x4x4",
        "  output output = n2",
    ]
    assert list(weights) == ["n0/kernel", "n0/bias"]


def test_the_arrays_of_a_fold_are_computed_in_float64_and_rounded_once():
    graph = chain((1, 1, 1), Convolution((1, 1), channels=2, bias=True), BatchNorm(epsilon=1e-3))
    weights = {
        "n0/kernel": np.array([[[[0.1, 0.2]]]], np.float32),
        "n0/bias": np.array([1, -1], np.float32),
        "n1/gamma": np.array([0.3, 2.5], np.float32),
        "n1/beta": np.array([0.7, 0.1], np.float32),
        "n1/moving_mean": np.array([0.9, -2], np.float32),
        "n1/moving_variance": np.array([1.7, 0.01], np.float32),
    }
    _, folded = fold(graph, weights)
    wide = {key: array.astype(np.float64) for key, array in weights.items()}
    scale = wide["n1/gamma"] / np.sqrt(wide["n1/moving_variance"] + 1e-3)
    bias = wide["n1/beta"] + (wide["n0/bias"] - wide["n1/moving_mean"]) * scale
    assert folded["n0/kernel"].dtype == folded["n0/bias"].dtype == np.float32
    assert folded["n0/kernel"].tolist() == (wide["n0/kernel"] * scale).astype(np.float32).tolist()
    assert folded["n0/bias"].tolist() == bias.astype(np.float32).tolist()
    assert weights["n0/bias"].tolist() == [1, -1]


@pytest.mark.parametrize(
    ("op", "image"),
    [
        (Convolution((3, 3), channels=12, groups=4), (5, 5, 4)),  # depthwise, multiplier 3
        (Convolution((3, 3), channels=4, groups=4), (5, 5, 4)),
        (Convolution((3, 3), channels=6, groups=2), (5, 5, 4)),
        (Convolution((3, 3), channels=4, groups=1), (5, 5, 1)),
    ],
)
def test_batch_norm_goes_into_every_kind_of_convolution(op, image):
    graph = chain(image, op, BatchNorm())
    weights = arrays(graph, dtype="float64")
    folded, arrays_after = fold(graph, weights)
    assert len(folded.nodes) == 1
    expected = emit(graph, weights, "float64")(images(graph))["output"]
    actual = emit(folded, arrays_after, "float64")(images(graph))["output"]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "scale", [Scale(), Scale(bias=True), Scale(groups=2), Scale(bias=True, groups=1)], ids=str
)
@pytest.mark.parametrize("between", [(), (BatchNorm(),)], ids=["", "norm"])
def test_a_scale_goes_into_a_convolution_and_the_batch_norm_that_went_there(scale, between):
    graph = chain((5, 5, 3), CONVOLUTION, *between, scale, Activation("relu"))
    weights = arrays(graph, dtype="float64")
    folded, arrays_after = fold(graph, weights)
    assert [node.op for node in folded.nodes] == [
        replace(CONVOLUTION, bias=True), Activation("relu"),
    ]  # fmt: skip
    assert list(arrays_after) == ["n0/kernel", "n0/bias"]
    expected = emit(graph, weights, "float64")(images(graph))["output"]
    actual = emit(folded, arrays_after, "float64")(images(graph))["output"]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-13)


def test_a_scale_of_a_vector_goes_into_a_dense_layer():
    graph = chain((1, 1, 3), Flatten(), Dense(4), Scale())
    weights = arrays(graph, dtype="float64")
    folded, arrays_after = fold(graph, weights)
    assert [node.name for node in folded.nodes] == ["n0", "n1"]
    expected = emit(graph, weights, "float64")(images(graph))["output"]
    actual = emit(folded, arrays_after, "float64")(images(graph))["output"]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("before", [Activation("relu"), GlobalPool()], ids=str)
def test_a_scale_behind_another_op_stays(before):
    graph = chain((4, 4, 3), CONVOLUTION, before, Scale(), Flatten(), Dense(2))
    assert fold(graph, arrays(graph))[0] == graph


def joined(*outputs: str, first=CONVOLUTION):
    """Two convolutions and what is between them and a batch norm of both."""
    build = GraphBuilder("joined", (4, 4, 3))
    left = build.add("left", first, [INPUT])
    right = build.add("right", Convolution((3, 3), channels=3, groups=3), [INPUT])
    both = build.add("both", Concat(), [left, build.add("norm", BatchNorm(), [right])])
    twice = build.add("twice", Concat(), [both, build.add("third", CONVOLUTION, [INPUT])])
    last = build.add("last", BatchNorm(), [twice])
    return build.build({"output": build.add("act", Activation("relu"), [last])} | {
        name: name for name in outputs
    })  # fmt: skip


def test_batch_norm_of_channels_that_are_put_together_goes_into_all_that_make_them():
    graph = joined()
    weights = arrays(graph, dtype="float64")
    folded, arrays_after = fold(graph, weights)
    assert [node.name for node in folded.nodes] == [
        "left",
        "right",
        "both",
        "third",
        "twice",
        "act",
    ]
    assert arrays_after.keys() == folded.weights.keys()
    expected = emit(graph, weights, "float64")(images(graph))["output"]
    actual = emit(folded, arrays_after, "float64")(images(graph))["output"]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "graph", [joined("left"), joined("both"), joined(first=Activation("relu"))]
)
def test_batch_norm_stays_where_a_part_of_its_channels_is_needed_or_comes_from_another_op(graph):
    folded, _ = fold(graph, arrays(graph))
    assert [node.name for node in folded.nodes if isinstance(node.op, BatchNorm)] == ["last"]


@pytest.mark.parametrize(
    ("graph", "compared"),
    [
        (joined(), ["twice", "act"]),
        (joined("left"), ["left", "right", "both", "third", "twice", "last", "act"]),
    ],
)
def test_the_check_of_an_export_compares_what_channels_that_are_put_together_became(
    graph, compared
):
    model = direct(graph, arrays(graph))
    found = deviations(model, graph, arrays(graph), images(graph))
    assert [one.node.name for one in found] == compared
    assert max(one.difference for one in found) < 1e-5


@given(graph=graphs())
def test_the_check_of_an_export_blames_no_pass(graph):
    model = direct(graph, arrays(graph))
    found = deviations(model, graph, arrays(graph), images(graph))
    assert found
    assert not [one for one in found if one.is_over]


def test_batch_norm_of_channels_that_stand_there_twice_stays():
    build = GraphBuilder("twice", (4, 4, 3))
    value = build.add("conv", CONVOLUTION, [INPUT])
    value = build.add("norm", BatchNorm(), [build.add("both", Concat(), [value, value])])
    graph = build.build({"output": value})
    assert fold(graph, arrays(graph))[0] == graph


def test_one_batch_norm_after_another_is_folded_as_well():
    graph = chain((4, 4, 3), CONVOLUTION, BatchNorm(), BatchNorm())
    folded, _ = fold(graph, arrays(graph))
    assert [node.name for node in folded.nodes] == ["n0"]
    assert folded.outputs == {"output": "n0"}


@pytest.mark.parametrize(
    "before", [Activation("relu"), Rescale((2.0,)), GlobalPool(), Dropout(0.5)], ids=str
)
def test_batch_norm_behind_another_op_stays(before):
    graph = chain((4, 4, 3), CONVOLUTION, before, BatchNorm())
    weights = arrays(graph)
    folded, arrays_after = fold(graph, weights)
    assert folded == graph
    assert arrays_after == weights


def test_batch_norm_of_the_image_stays():
    graph = chain((4, 4, 3), BatchNorm())
    assert fold(graph, arrays(graph))[0] == graph


@pytest.mark.parametrize("reader", ["a second reader", "an output"])
def test_a_convolution_whose_own_value_is_needed_is_not_folded_into(reader):
    build = GraphBuilder("needed", (4, 4, 3))
    value = build.add("conv", CONVOLUTION, [INPUT])
    norm = build.add("norm", BatchNorm(), [value])
    outputs = {"output": norm}
    if reader == "an output":
        outputs["raw"] = value
    else:
        outputs["output"] = build.add("both", Concat(), [value, norm])
    graph = build.build(outputs)
    assert fold(graph, arrays(graph))[0] == graph


def test_an_output_that_was_pruned_is_what_it_read():
    graph = chain((2, 2, 3), Dropout(0.5), DropPath(0.5))
    pruned, weights = prune(graph, {})
    assert pruned == replace(graph, nodes=(), outputs={"output": INPUT})
    assert weights == {}


def test_rescalings_in_a_row_become_one_with_the_name_of_the_first():
    graph = chain((2, 2, 2), Rescale((0.5,), (1.0,)), Standardize(), Rescale((1.0, 2.0), (3.0,)))
    weights = {
        "n1/mean": np.array([1, 2], np.float32),
        "n1/variance": np.array([4, 0.25], np.float32),
        "n1/count": np.array(1, np.float32),
    }
    merged, arrays_after = merge(graph, weights)
    assert str(merged).splitlines()[2:] == [
        "  n0 = rescale scale=[0.25, 2] offset=[3, -1] (input) : 2x2x2",
        "  output output = n0",
    ]
    assert arrays_after == {}


def test_a_single_standardization_stays_one():
    graph = chain((2, 2, 2), Standardize(), Activation("relu"))
    weights = arrays(graph)
    assert merge(graph, weights) == (graph, weights)


def test_what_no_output_needs_goes_with_its_weights():
    build = GraphBuilder("net", (4, 4, 3))
    first = build.add("first", CONVOLUTION, [INPUT])
    build.add("dead", Convolution((1, 1), channels=2), [build.add("drop", Dropout(0.5), [first])])
    graph = build.build({"output": first})
    pruned, left = prune(graph, arrays(graph))
    assert [node.name for node in pruned.nodes] == ["first"]
    assert list(left) == ["first/kernel"]
