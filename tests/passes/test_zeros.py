"""Maxima of what is never negative pad with zeros."""

from dataclasses import replace

import numpy as np
import pytest
from archspec.backends.reference import emit
from archspec.ops import Activation, Pool
from archspec.passes.zeros import zeros
from tests.parity import chain, images

RELU = Activation("relu")
SYMMETRIC = Pool((3, 3), 2, "symmetric")


@pytest.mark.parametrize("op", [SYMMETRIC, Pool((3, 2), 1, ((2, 1), (0, 1)))])
@pytest.mark.parametrize("first", [(RELU,), (Activation("relu6"), Pool((2, 2), 1))])
def test_zeros_change_no_maximum_of_what_is_never_negative(op, first):
    graph = chain((8, 7, 3), *first, op)
    weights = {}
    after, kept = zeros(graph, weights)
    assert kept is weights
    assert after.nodes[-1].op == replace(op, count_padding=True)
    batch = images(graph)
    assert np.array_equal(emit(after, {})(batch)["output"], emit(graph, {})(batch)["output"])


@pytest.mark.parametrize(
    ("first", "op"),
    [
        (Activation("tanh"), SYMMETRIC),
        (RELU, replace(SYMMETRIC, type="average")),
        (RELU, replace(SYMMETRIC, padding="same")),
        (RELU, replace(SYMMETRIC, padding="valid")),
        (RELU, Pool((2, 2), 1, ((2, 0), (0, 0)))),
    ],
)
def test_other_pools_stay(first, op):
    graph = chain((8, 8, 3), first, op)
    assert zeros(graph, {})[0] == graph
