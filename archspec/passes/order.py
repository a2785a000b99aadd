"""Emit the branches of each join in the order that needs the least memory. Pure Python."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, permutations
from math import prod
from typing import NamedTuple, TypeAlias

from archspec.graph import INPUT, Graph, Node
from archspec.passes.liveness import alive

MOST = 6
"""Branches whose every order is tried, 720 of them; more stay as they are written."""

Places: TypeAlias = Mapping[str, Sequence[int]]
"""Join → the places of its branches in what it reads, in the order in which they are emitted."""


@dataclass(frozen=True, slots=True, eq=False)
class _Branch:
    """What leads to one input of a join and nowhere else.

    Args:
        place: of the input in what the join reads.
        value: the input.
        items: nodes, and regions within, in order.
        reads: values from elsewhere.
    """

    place: int
    value: str
    items: Sequence["Node | _Region"]
    reads: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """A join with its branches, two or more, and the values from elsewhere that these read."""

    join: Node
    branches: Sequence[_Branch]
    reads: frozenset[str]


class _Found(NamedTuple):
    """The lowest peak, above what was alive before; the orders for it that are not as written."""

    peak: int
    places: Places


def ordered(graph: Graph) -> Graph:
    """The graph with the branches of each join in the order of the lowest peak of memory.

    A branch of a join is what leads to one of its inputs and nowhere else. Two to `MOST` branches
    are emitted one after the other before the join, in that order of all in which the most numbers
    alive at one of their nodes are the fewest. Inner joins are treated likewise, with what is alive
    there in each order of the outer ones. What is alive is said in `liveness`, of the deployed
    graph.

    Requires: every node is needed by an output.
    Ensures: the same nodes; the peak of the deployed graph is not higher. What no order makes
        better is as it was.
    """
    if not _forks(graph):
        return graph
    from archspec.passes.structure import deployed  # noqa: PLC0415  most nets have no branches

    small = deployed(graph)
    if not _forks(small):
        return graph
    outputs = frozenset(small.outputs.values())
    sizes = {name: prod(shape) for name, shape in small.shapes.items()}
    found = _Search(sizes).run(_items(small, _forks(small)), {INPUT} - outputs, outputs)
    if not found.places or _peak(_emitted(small, found.places)) > _peak(small):
        return graph
    return _emitted(graph, found.places)


def _peak(graph: Graph) -> int:
    return max(alive(graph).values())


def _forks(graph: Graph) -> Mapping[str, Sequence[int]]:
    """Join → the places of inputs that only it reads, where there are two or more."""
    read = Counter(chain.from_iterable(node.inputs for node in graph.nodes))
    read.update(graph.outputs.values())
    read[INPUT] = 2  # has no node
    forks: dict[str, Sequence[int]] = {}
    for node in graph.nodes:
        if len(node.inputs) > 1:
            places = [place for place, value in enumerate(node.inputs) if read[value] == 1]
            if len(places) > 1:
                forks[node.name] = places
    return forks


def _items(graph: Graph, forks: Mapping[str, Sequence[int]]) -> Sequence[Node | _Region]:
    """The nodes in order; a join of `forks` with its branches, where that stands, is a region."""
    number = {node.name: place for place, node in enumerate(graph.nodes)}
    regions: dict[str, _Region] = {}
    within: set[str] = set()

    def items(nodes: Iterable[Node]) -> Sequence[Node | _Region]:
        return [regions.get(node.name, node) for node in nodes if node.name not in within]

    for name in sorted(forks, key=number.__getitem__):  # inner joins stand before outer ones
        join, places = graph.named[name], forks[name]
        branches: list[_Branch] = []
        members = {place: _members(graph, join.inputs[place], number) for place in places}
        for place in sorted(places, key=lambda place: number[join.inputs[place]]):
            inside = members[place]
            nodes = [graph.nodes[at] for at in sorted(map(number.__getitem__, inside))]
            reads = frozenset(chain.from_iterable(node.inputs for node in nodes)) - inside
            branches.append(_Branch(place, join.inputs[place], items(nodes), reads))
        within.update(*members.values())
        values = frozenset(join.inputs) - {branch.value for branch in branches}
        reads = values.union(*(branch.reads for branch in branches))
        regions[name] = _Region(join, branches, reads)
    return items(graph.nodes)


def _members(graph: Graph, value: str, number: Mapping[str, int]) -> set[str]:
    """The nodes that lead to a value and nowhere else, that of the value among them."""
    inside, outputs = {value}, {*graph.outputs.values()}
    asked = {number[name] for name in graph.named[value].inputs if name != INPUT}
    while asked:  # the last first, after all that may read it
        node = graph.nodes[max(asked)]
        asked.remove(number[node.name])
        if node.name not in outputs and all(
            reader.name in inside for reader in graph.readers[node.name]
        ):
            inside.add(node.name)
            asked.update(number[name] for name in node.inputs if name != INPUT)
    return inside


class _Search:
    """Finds the orders of the lowest peaks.

    Args:
        sizes: numbers of each value.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes

    def run(
        self, items: Sequence[Node | _Region], mortal: Collection[str], kept: Collection[str]
    ) -> _Found:
        """Of items one after the other.

        Args:
            items: to emit.
            mortal: values from elsewhere that nobody reads later.
            kept: values of theirs that are read later.
        """
        reads = [{*item.inputs} if isinstance(item, Node) else item.reads for item in items]
        last = {value: place for place, values in enumerate(reads) for value in values}
        made: set[str] = set()
        now = peak = 0
        places: dict[str, Sequence[int]] = {}
        for place, (item, values) in enumerate(zip(items, reads, strict=True)):
            dead = frozenset(
                value
                for value in values
                if last[value] == place
                and (value in mortal or (value in made and value not in kept))
            )
            name, found = self._item(item, dead)
            peak = max(peak, now + found.peak)
            places |= found.places
            made.add(name)
            now += self._sizes[name] - self._total(dead)
        return _Found(peak, places)

    def _item(self, item: Node | _Region, dead: frozenset[str]) -> tuple[str, _Found]:
        if isinstance(item, _Region):
            return item.join.name, self._region(item, dead)
        taken = item.op.in_place and bool(dead)
        return item.name, _Found(0 if taken else self._sizes[item.name], {})

    def _region(self, region: _Region, mortal: frozenset[str]) -> _Found:
        """Of a join, by trying all orders of its branches."""
        join, branches = region.join, region.branches
        mortal -= {*join.inputs}  # these live until the join

        @cache
        def freed(number: int, later: frozenset[int]) -> frozenset[str]:
            """What nobody reads after a branch, these coming later."""
            others = (branches[other].reads for other in later)
            return (branches[number].reads & mortal).difference(*others)

        @cache
        def run(number: int, dead: frozenset[str]) -> tuple[int, _Found]:
            """What is alive more after a branch than before, and what it needs."""
            branch = branches[number]
            more = self._sizes[branch.value] - self._total(dead)
            return more, self.run(branch.items, dead, {branch.value})

        everyone = tuple(range(len(branches)))
        best: tuple[int, tuple[int, ...]] | None = None
        for order in permutations(everyone) if len(branches) <= MOST else [everyone]:
            now = peak = 0
            for place, number in enumerate(order):
                more, found = run(number, freed(number, frozenset(order[place + 1 :])))
                peak, now = max(peak, now + found.peak), now + more
            peak = max(peak, now + self._sizes[join.name])
            if best is None or peak < best[0]:
                best = peak, order
        assert best  # noqa: S101
        peak, order = best
        places: dict[str, Sequence[int]] = {}
        if order != everyone:
            places[join.name] = [branches[number].place for number in order]
        for place, number in enumerate(order):
            places |= run(number, freed(number, frozenset(order[place + 1 :])))[1].places
        return _Found(peak, places)

    def _total(self, values: Iterable[str]) -> int:
        return sum(self._sizes[value] for value in values)


def _emitted(graph: Graph, places: Places) -> Graph:
    """The graph with the branches of these joins in order before them; others stay first."""
    nodes = chain.from_iterable(_flat(item, places) for item in _items(graph, places))
    return replace(graph, nodes=tuple(nodes))


def _flat(item: Node | _Region, places: Places) -> Iterator[Node]:
    if isinstance(item, Node):
        yield item
        return
    order = places[item.join.name]
    for branch in sorted(item.branches, key=lambda branch: order.index(branch.place)):
        for inner in branch.items:
            yield from _flat(inner, places)
    yield item.join
