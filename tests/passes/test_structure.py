"""What becomes of a graph without its arrays is what becomes of it with them."""

import re

import archspec
import pytest
from archspec import zoo
from archspec.passes.pipeline import deployed
from archspec.passes.structure import deployed as without_arrays
from archspec.weights.random import draw
from hypothesis import given
from hypothesis import strategies as st
from tests import choices
from tests.parity import arrays
from tests.passes.test_passes import graphs

COMPUTED = re.compile(r"\b(scale|offset)=\[([^\]]*)\]")


def masked(text: str) -> str:
    """The numbers of rescalings away: statistics decide what they are."""
    return COMPUTED.sub(lambda said: f"{said[1]}=[{said[2].count(',')}]", text)


def test_each_spec_of_the_zoo_has_a_smallest_variant():
    assert [name.partition(":")[0] for name in choices.SMALLEST] == zoo.names()


@pytest.mark.parametrize("reference", choices.SMALLEST)
def test_a_net_of_the_zoo_becomes_the_same_without_its_arrays(reference):
    graph = archspec.to_graph(reference)
    expected, weights = deployed(graph, draw(graph, 0))
    assert str(without_arrays(graph)) == str(expected)
    assert archspec.cost(reference).weights.fp32 == sum(array.nbytes for array in weights.values())


@pytest.mark.parametrize("reference", ["efficientnet", "efficientnet:imagenet"])
def test_what_statistics_decide_is_not_a_number(reference):
    graph = archspec.to_graph(reference)
    expected, found = (
        str(net) for net in (deployed(graph, draw(graph, 0))[0], without_arrays(graph))
    )
    assert masked(found) == masked(expected)
    assert "nan" in found
    assert "nan" not in expected


@pytest.mark.parametrize("any_size", [False, True])
@given(graph=graphs(), seed=st.integers(0, 9))
def test_any_graph_becomes_the_same_without_its_arrays(graph, seed, any_size):
    expected, _ = deployed(graph, arrays(graph, seed), any_size=any_size)
    assert masked(str(without_arrays(graph, any_size=any_size))) == masked(str(expected))
