from dataclasses import replace
from math import inf

import numpy as np
import pytest
from archspec.backends.onnx import Form
from archspec.backends.reference import emit
from archspec.deploy.check import check
from archspec.deploy.export import direct
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import Activation, BatchNorm, Convolution, Crop, GlobalPool, Pad, Pool
from archspec.passes.pads import pads
from hypothesis import given
from hypothesis import strategies as st
from tests.parity import arrays, chain, images

PAD = Pad((1, 2), (0, 1))
SIDES = st.tuples(st.integers(0, 3), st.integers(0, 3))
WINDOWS = st.one_of(
    st.builds(
        Convolution,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        st.integers(1, 3),
        st.sampled_from(("same", "symmetric", "even", "valid", ((1, 0), (2, 1)))),
        st.integers(1, 2),
        channels=st.just(3),
        groups=st.sampled_from((1, 3)),
    ),
    st.builds(
        Pool,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        st.integers(1, 3),
        st.sampled_from(("same", "valid")),
        type=st.sampled_from(("max", "average")),
        count_padding=st.booleans(),
    ),
)


def merged(*ops):
    """The ops that are left of a row of them on an image of 9x8x3."""
    return [node.op for node in pads(chain((9, 8, 3), *ops), {})[0].nodes]


@given(
    first=st.sampled_from([Activation("relu"), Activation("tanh"), Pool((2, 2), 1)]),
    pad=st.builds(Pad, SIDES, SIDES, st.sampled_from((0.0, -inf, 0.5))),
    window=WINDOWS,
    seed=st.integers(0, 9),
)
def test_merging_pads_changes_no_output(first, pad, window, seed):
    graph = chain((9, 8, 3), first, pad, window)
    weights = arrays(graph, seed, "float64")
    after, kept = pads(graph, weights)
    assert kept is weights
    batch = images(graph)
    expected = emit(graph, weights, "float64")(batch)["output"]
    actual = emit(after, weights, "float64")(batch)["output"]
    assert np.array_equal(np.isfinite(actual), np.isfinite(expected))
    finite = np.isfinite(expected)
    assert np.allclose(actual[finite], expected[finite], rtol=0, atol=1e-12)
    if isinstance(window, Convolution) and pad.value == 0:
        assert len(after.nodes) == 2


def test_zeros_go_into_the_convolution_that_reads_them():
    op = Convolution((3, 3), 2, "valid", channels=4)
    assert merged(PAD, op) == [replace(op, padding=((1, 2), (0, 1)))]
    assert merged(Pad((1, 1), (1, 1)), op) == [replace(op, padding="symmetric")]
    assert merged(Pad((1, 1), (0, 1)), op) == [replace(op, padding=((1, 1), (0, 1)))]
    assert merged(Pad((0, 1), (0, 1)), op) == [replace(op, padding="even")]
    own = Convolution((3, 3), 1, "symmetric", channels=4)
    assert merged(PAD, own) == [replace(own, padding=((2, 3), (1, 2)))]
    assert merged(replace(PAD, value=1.0), op) == [replace(PAD, value=1.0), op]


def test_zeros_go_into_a_mean_that_counts_them():
    op = Pool((3, 3), 2, "valid", type="average")
    assert merged(PAD, op) == [replace(op, padding=((1, 2), (0, 1)), count_padding=True)]
    same = Pool((3, 3), 2, "same", type="average")
    assert merged(PAD, same) == [PAD, same]  # which does not count what it pads itself
    counting = replace(same, count_padding=True)
    less = Pad((1, 0), (0, 1))
    assert merged(less, counting) == [replace(counting, padding=((1, 1), (1, 2)))]


def test_zeros_go_into_a_maximum_of_what_is_never_negative():
    op = Pool((3, 3), 2, "valid")
    relu = Activation("relu")
    assert merged(relu, PAD, op) == [relu, replace(op, padding=((1, 2), (0, 1)))]
    before = Pool((2, 2), 1)
    assert merged(relu, before, PAD, op)[2:] == [replace(op, padding=((1, 2), (0, 1)))]
    for other in (Activation("tanh"), Activation("leaky_relu"), before):
        assert merged(other, PAD, op) == [other, PAD, op]
    lowest = replace(PAD, value=-inf)
    assert merged(lowest, op) == [replace(op, padding=((1, 2), (0, 1)))]


@pytest.mark.parametrize("reader", [Activation("relu"), BatchNorm(), GlobalPool(), Crop((1, 1))])
def test_a_pad_before_another_op_stays(reader):
    assert merged(PAD, reader) == [PAD, reader]


def test_at_any_size_a_pad_stays_before_what_pads_by_the_size():
    op, steady = Convolution((3, 3), 2, "same", channels=4), Convolution((3, 3), channels=4)
    graph = chain((8, 8, 3), PAD, steady, PAD, op)
    small = pads(graph, {}, any_size=True)[0]
    assert [node.op for node in small.nodes][1:] == [PAD, op]
    form = Form(any_size=True)
    model = direct(graph, arrays(graph), form)
    assert check(model, graph, arrays(graph), form).sizes == ((8, 8), (9, 9), (41, 10))


def test_a_window_of_padding_alone_is_left_as_it_is():
    pad, op = Pad((2, 0)), Pool((2, 2), 1, "valid")
    assert merged(Activation("relu"), pad, op)[1:] == [pad, op]


@pytest.mark.parametrize("reader", ["a second reader", "an output"])
def test_a_pad_that_is_needed_stays(reader):
    build = GraphBuilder("needed", (9, 8, 3))
    value = build.add("pad", PAD, [INPUT])
    outputs = {"output": build.add("conv", Convolution((3, 3), channels=4), [value])}
    if reader == "an output":
        outputs["padded"] = value
    else:
        outputs["other"] = build.add("other", Convolution((1, 1), channels=4), [value])
    graph = build.build(outputs)
    assert pads(graph, {})[0] == graph


def test_what_is_merged_is_compared_with_what_was_there():
    graph = chain((9, 8, 3), Activation("relu"), PAD, Convolution((3, 3), 2, "valid", channels=4))
    weights = arrays(graph)
    model = direct(graph, weights)
    assert [node.op_type for node in model.graph.node] == ["Relu", "Conv"]
    agreement = check(model, graph, weights)
    assert agreement.difference <= agreement.bound
    weights["n2/kernel"][0, 0] *= 100
    with pytest.raises(Exception, match="the first node that diverges is 'n2'"):
        check(model, graph, weights)
