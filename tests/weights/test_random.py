from math import sqrt

import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.graph import Graph
from archspec.ops import Activation, BatchNorm, Convolution, Dense, Flatten, Standardize
from archspec.weights import load
from archspec.weights.random import draw
from hypothesis import given
from hypothesis import strategies as st
from tests.parity import chain

GRAPH = chain(
    (8, 8, 16),
    Standardize(),
    Convolution((3, 3), channels=64, bias=True),
    Convolution((5, 5), channels=64, groups=64),
    Convolution((1, 1), channels=512, groups=4),
    BatchNorm(),
    Flatten(),
    Dense(16),
)


def test_a_seed_draws_these_numbers():
    # Who compares with a file of another machine, or of last year, counts on them.
    found = draw(chain((2, 2, 3), Convolution((1, 1), channels=2, bias=True), BatchNorm()), 7)
    assert {key: array.ravel()[:2].tolist() for key, array in found.items()} == {
        "n0/kernel": pytest.approx([0.68138969, 0.7349332]),
        "n0/bias": pytest.approx([0.00341526535, 0.19714801]),
        "n1/gamma": pytest.approx([1.11531448, 0.8936798]),
        "n1/beta": pytest.approx([0.00393809471, -0.12609747]),
        "n1/moving_mean": pytest.approx([0.09788688, 0.12686336]),
        "n1/moving_variance": pytest.approx([1.42558205, 0.97596824]),
    }


def test_arrays_have_the_shapes_of_the_graph_in_float32():
    found = draw(GRAPH, 0)
    assert {key: array.shape for key, array in found.items()} == {
        key: weight.shape for key, weight in GRAPH.weights.items()
    }
    assert {array.dtype for array in found.values()} == {np.dtype("float32")}


@given(st.integers(0, 10**18 - 1))
def test_a_seed_draws_the_same_whatever_the_order_of_the_nodes(seed):
    backwards = Graph(GRAPH.name, GRAPH.input, GRAPH.nodes[:2], {"output": "n1"})
    found, part = draw(GRAPH, seed), draw(backwards, seed)
    assert all(np.array_equal(found[key], part[key]) for key in part)


def test_other_seeds_and_other_keys_draw_other_numbers():
    found, other = draw(GRAPH, 0), draw(GRAPH, 1)
    assert all(
        np.abs(found[key] - other[key]).max() > 0 for key in found if not key.endswith("count")
    )
    assert np.abs(found["n4/beta"] - found["n4/moving_mean"]).max() > 0


@pytest.mark.parametrize(
    ("key", "fan_in"), [("n1", 9 * 16), ("n2", 25), ("n3", 16), ("n6", 8 * 8 * 512)]
)
def test_kernels_have_the_variance_that_keeps_the_scale(key, fan_in):
    kernel = draw(GRAPH, 3)[f"{key}/kernel"]
    assert kernel.std() == pytest.approx(sqrt(2 / fan_in), rel=0.06)
    assert abs(kernel.mean()) <= 0.1 * kernel.std()


def test_statistics_are_those_of_a_trained_net():
    found = draw(GRAPH, 0)
    for name in ("n4/gamma", "n4/moving_variance", "n0/variance"):
        assert 0.5 <= found[name].min() < found[name].max() <= 1.5
    for name in ("n4/beta", "n4/moving_mean", "n1/bias"):
        assert found[name].std() == pytest.approx(0.1, rel=0.4)
    assert found["n0/count"] == 0


def test_a_source_is_a_seed_or_a_file(tmp_path):
    graph = chain((2, 2, 3), Convolution((1, 1), channels=2))
    assert np.array_equal(load("random:42", graph)["n0/kernel"], draw(graph, 42)["n0/kernel"])
    with pytest.raises(SpecError) as caught:
        load(str(tmp_path / "net.keras"), graph)
    assert caught.value.diagnostics[0].code == "E501"


@pytest.mark.parametrize("seed", ["", "-1", "1.5", "x", " 1", "0x10", "²", "1" * 19, "0:1"])
def test_a_seed_that_is_no_whole_number_is_refused(seed):
    with pytest.raises(SpecError) as caught:
        load(f"random:{seed}", chain((2, 2, 3), Activation("relu")))
    assert str(caught.value) == (
        f"E508 the seed of 'random:{seed}' is no whole number\n   as in random:0"
    )
