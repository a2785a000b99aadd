import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.ops import BatchNorm, Convolution
from archspec.weights.fit import fit
from archspec.weights.random import draw
from tests.parity import chain

GRAPH = chain((4, 4, 3), Convolution((1, 1), channels=3, bias=True), BatchNorm())
WEIGHTS = draw(GRAPH, 0)


def refusal(arrays, graph=GRAPH) -> str:
    with pytest.raises(SpecError) as caught:
        fit(arrays, graph)
    return str(caught.value)


def test_arrays_that_fit_come_in_the_order_of_the_graph():
    shuffled = {key: WEIGHTS[key] for key in sorted(WEIGHTS)}
    found = fit(shuffled, GRAPH)
    assert list(found) == list(GRAPH.weights)
    assert all(found[key] is WEIGHTS[key] for key in found)


@pytest.mark.parametrize(
    ("given", "taken"),
    [("float16", "float32"), ("float64", "float64"), ("int64", "float32"), ("bool", "float32")],
)
def test_numbers_of_any_type_are_taken(given, taken):
    found = fit({key: array.astype(given) for key, array in WEIGHTS.items()}, GRAPH)
    assert {array.dtype for array in found.values()} == {np.dtype(taken)}


def test_all_that_does_not_fit_is_said_at_once():
    arrays = {key: WEIGHTS[key] for key in ("n0/kernel", "n1/gamma", "n1/beta")}
    assert refusal(arrays | {"n1/gamma": np.zeros(4), "n2/kernel": np.zeros(1)}) == (
        "E504 the mapping lacks 3 of the 6 arrays of chain:"
        " n0/bias, n1/moving_mean, n1/moving_variance\n"
        "E505 the mapping holds 1 that chain does not have: n2/kernel\n"
        "E506 the mapping holds 1 in another shape than chain: n1/gamma is [4] and not [3]"
    )


def test_a_long_list_is_counted():
    graph = chain((4, 4, 3), *[Convolution((1, 1), channels=3, bias=True)] * 6)
    assert refusal({}, graph) == (
        "E504 the mapping lacks 12 of the 12 arrays of chain:"
        " n0/kernel, n0/bias, n1/kernel, n1/bias, n2/kernel, n2/bias, n3/kernel, n3/bias,"
        " n4/kernel, n4/bias and 2 more"
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, "x", None])
def test_what_is_no_finite_number_is_refused(bad):
    assert refusal(WEIGHTS | {"n1/beta": np.array([0, bad, 0])}) == (
        "E507 the mapping holds what is no finite number in 1 of its 6 arrays: n1/beta"
    )
