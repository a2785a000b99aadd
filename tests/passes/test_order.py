"""Branches come in the order of the lowest peak: against all orders, tried one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, permutations, product
from math import factorial, prod

import archspec
import pytest
from archspec.graph import INPUT, Graph, GraphBuilder, needed, verify
from archspec.ops import Activation, Concat, Convolution
from archspec.passes.liveness import alive
from archspec.passes.order import ordered
from archspec.passes.structure import deployed
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import choices
from tests.passes.test_passes import graphs


def peak(graph: Graph) -> int:
    """The most numbers alive, of the deployed graph, counted from the definition."""
    net = deployed(graph)
    most, living = 0, {INPUT}
    for place, node in enumerate(net.nodes):
        later = {name for other in net.nodes[place + 1 :] for name in other.inputs}
        later |= {*net.outputs.values()}
        reused = isinstance(node.op, Activation) and node.inputs[0] not in later
        there = living | {node.name}
        there -= {node.inputs[0]} if reused else set()
        most = max(most, sum(prod(net.shapes[name]) for name in there))
        living = (living | {node.name}) & later
    return most


# A net as it is drawn: steps one after the other, where a fork has several such, joined at its end.
# A step is a number of channels (a convolution), None (an activation), or a fork.


@dataclass(frozen=True)
class Fork:
    branches: tuple[tuple["int | Fork | None", ...], ...]
    shared: bool = False
    """Whether the join reads what the branches read as well."""


def steps(depth: int) -> st.SearchStrategy:
    plain = st.one_of(st.integers(1, 9), st.integers(1, 9), st.none())
    if not depth:
        return st.lists(plain, min_size=1, max_size=3).map(tuple)
    fork = st.builds(
        Fork,
        st.lists(steps(depth - 1), min_size=2, max_size=3).map(tuple),
        st.booleans(),
    )
    return st.lists(st.one_of(plain, fork), min_size=1, max_size=3).map(tuple)


def forks(net: tuple, path: str = "n") -> Iterator[tuple[str, Fork]]:
    for place, step in enumerate(net):
        if isinstance(step, Fork):
            yield f"{path}{place}", step
            for number, branch in enumerate(step.branches):
                yield from forks(branch, f"{path}{place}.{number}.")


def written(net: tuple, orders: Mapping[str, Sequence[int]] = {}) -> Graph:
    """The graph of a net, the branches of some forks in another order; names stay the same."""
    build = GraphBuilder("drawn", (2, 2, 3))

    def line(path: str, value: str, steps: tuple) -> str:
        for place, step in enumerate(steps):
            name = f"{path}{place}"
            if isinstance(step, Fork):
                value = fork(name, value, step)
            elif step is None:
                value = build.add(name, Activation("relu"), [value])
            else:
                value = build.add(name, Convolution((1, 1), channels=step), [value])
        return value

    def fork(name: str, value: str, step: Fork) -> str:
        ends = {
            number: line(f"{name}.{number}.", value, step.branches[number])
            for number in orders.get(name, range(len(step.branches)))
        }
        read = [ends[number] for number in sorted(ends)] + [value] * step.shared
        return build.add(f"{name}.join", Concat(), read)

    return build.build({"output": line("n", INPUT, net)})


def every_order(net: tuple) -> Iterator[Mapping[str, Sequence[int]]]:
    found = dict(forks(net))
    each = [permutations(range(len(fork.branches))) for fork in found.values()]
    return (dict(zip(found, orders, strict=True)) for orders in product(*each))


def few(net: tuple) -> bool:
    return prod(factorial(len(fork.branches)) for _, fork in forks(net)) <= 72


@settings(max_examples=300)
@given(net=steps(2).filter(few))
def test_no_order_of_all_has_a_lower_peak(net):
    graph = written(net)
    found = ordered(graph)
    verify(found)
    assert peak(found) == min(peak(written(net, orders)) for orders in every_order(net))
    assert {node.name: node for node in found.nodes} == {node.name: node for node in graph.nodes}


@given(net=steps(2))
def test_what_is_in_order_stays_so(net):
    found = ordered(written(net))
    assert ordered(found) is found


@given(net=steps(2))
def test_branches_come_one_after_the_other_and_then_their_join(net):
    names = [node.name for node in ordered(written(net)).nodes]
    for path, fork in forks(net):
        branch = [name[len(path) + 1] for name in names if name.startswith(f"{path}.")]
        assert branch.pop() == "j"
        assert len([*groupby(branch)]) == len(fork.branches)
        first = names.index(next(name for name in names if name.startswith(f"{path}.")))
        assert all(name.startswith(f"{path}.") for name in names[first : first + len(branch)])


@given(graph=graphs())
def test_the_peak_of_any_graph_is_not_higher_than_as_it_was_written(graph):
    graph = needed(graph)
    found = ordered(graph)
    verify(found)
    assert sorted(node.name for node in found.nodes) == sorted(node.name for node in graph.nodes)
    before, after = (max(alive(deployed(net)).values()) for net in (graph, found))
    assert after <= before


@given(net=steps(2))
def test_what_is_alive_is_what_the_definition_says(net):
    graph = written(net)
    assert max(alive(deployed(graph)).values()) == peak(graph)


def branches(count: int, *widths: int) -> Graph:
    """Branches that widen an image and narrow it again, each to another number of channels."""
    wide = widths or tuple(range(40, 40 + count))
    return written((4, Fork(tuple((width, number + 1) for number, width in enumerate(wide)))))


def order(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def test_up_to_six_branches_are_tried_in_every_order():
    graph = branches(6)
    narrow_last = branches(6, *range(45, 39, -1))
    assert peak(ordered(graph)) < peak(graph)
    assert peak(ordered(graph)) == min(
        peak(written((4, next(fork for _, fork in forks(net))), {"n1": orders}))
        for net in [(4, Fork(tuple((40 + n, n + 1) for n in range(6))))]
        for orders in permutations(range(6))
    )
    assert order(ordered(narrow_last)) == order(narrow_last)


def test_more_than_six_branches_stay_as_they_are_written():
    graph = branches(7)
    assert ordered(graph) is graph


def test_branches_of_which_no_order_is_better_stay_as_they_are_written():
    graph = branches(3, 5, 5, 5)
    assert ordered(graph) is graph


def test_a_branch_that_something_else_reads_stays_where_it_is():
    build = GraphBuilder("tapped", (4, 4, 2))
    left = build.add("left", Convolution((1, 1), channels=2), [INPUT])
    wide = build.add("wide", Convolution((1, 1), channels=9), [INPUT])
    right = build.add("right", Convolution((1, 1), channels=1), [wide])
    build.add("join", Concat(), [left, right])
    free = build.build({"output": "join"})
    assert order(ordered(free)) == ["wide", "right", "left", "join"]
    tapped = build.build({"output": "join", "tap": "left"})
    assert ordered(tapped) is tapped


def test_the_shortcut_of_a_ghost_block_comes_first_which_needs_less_memory():
    names = order(archspec.to_graph("ghostnet"))
    row = [name for name in names if name.startswith("s2.1.")]
    assert row[0] == "s2.1.shortcut_depthwise.conv"
    assert row[-1] == "s2.1.add"


@pytest.mark.parametrize("reference", choices.SMALLEST)
def test_a_net_of_the_zoo_is_in_order(reference):
    graph = archspec.to_graph(reference)
    verify(graph)
    assert ordered(graph) is graph
