"""Columns and lanes of the parts of a block: what stands where, without a measure of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

ENTRY, EXIT = -1, -2
"""In the stead of numbers of parts: where wires come into a block and leave it."""


class Edge(NamedTuple):
    """A wire from one part to another."""

    source: int
    target: int


def columns(sources: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """The column of each: 0 for what reads nothing, else after the last of what is read."""
    found: dict[int, int] = {}
    rest = list(sources)
    while rest:
        ready = [node for node in rest if all(source in found for source in sources[node])]
        for node in ready:
            found[node] = max((found[source] + 1 for source in sources[node]), default=0)
        rest = [node for node in rest if node not in found]
    readers: dict[int, list[int]] = {}
    for node, some in sources.items():
        for source in some:
            readers.setdefault(source, []).append(node)
    for node, some in sources.items():
        if not some and node != ENTRY and node in readers:  # beside what reads it
            found[node] = min(found[reader] for reader in readers[node]) - 1
    least = min(found.values())
    return {node: column - least for node, column in found.items()}


def lanes(
    sources: Mapping[int, Sequence[int]], column: Mapping[int, int], edges: Sequence[Edge]
) -> tuple[dict[int, int], dict[Edge, int]]:
    """The lane of each, and which wires run above all lanes, how high."""
    behind = _behind_entry(sources, column)
    first = {
        node: max(
            some, key=lambda source: (column[source], source in behind, -source), default=None
        )
        for node, some in sources.items()
    }
    lane = _longest(first, column)
    taken: list[list[tuple[int, int]]] = []
    free_until: dict[int, int] = dict.fromkeys(lane, max(column.values()) + 1)
    for node in sorted(sources, key=lambda node: (column[node], node)):
        if node in lane:
            continue
        way = _way(node, first, column, lane)
        readers = [edge.target for edge in edges if edge.source == way[-1]]
        source = first[node]
        begin = column[node] if source is None else column[source] + 1
        end = max(column[way[-1]], max((column[reader] for reader in readers), default=0) - 1)
        number = _free(taken, (begin, end))
        lane.update(dict.fromkeys(way, number + 1))
        free_until.update({way[-1]: end + 1})
    straight = {edge for edge in edges if _is_straight(edge, first, lane, column, free_until)}
    return lane, _heights([edge for edge in edges if edge not in straight], column)


def _behind_entry(sources: Mapping[int, Sequence[int]], column: Mapping[int, int]) -> set[int]:
    """What the entry leads to; lane 0 is where its wire comes in."""
    behind = {ENTRY}
    for node in sorted(sources, key=lambda node: column[node]):
        if behind.intersection(sources[node]):
            behind.add(node)
    return behind


def _longest(first: Mapping[int, int | None], column: Mapping[int, int]) -> dict[int, int]:
    """Lane 0: the way back from the exit, or from what stands last."""
    node: int | None = EXIT if EXIT in column else max(column, key=lambda one: column[one])
    lane: dict[int, int] = {}
    while node is not None:
        lane[node] = 0
        node = first[node]
    return lane


def _way(
    node: int, first: Mapping[int, int | None], column: Mapping[int, int], lane: Mapping[int, int]
) -> list[int]:
    """A part and what follows it, each reading the one before last of all."""
    way = [node]
    while True:
        after = [
            other
            for other, source in first.items()
            if source == way[-1] and other not in lane and column[other] == column[way[-1]] + 1
        ]
        if not after:
            return way
        way.append(min(after))


def _free(taken: list[list[tuple[int, int]]], wanted: tuple[int, int]) -> int:
    """The first line with room for an interval, which takes it."""
    begin, end = wanted
    for number, intervals in enumerate(taken):
        if all(end < other[0] or other[1] < begin for other in intervals):
            intervals.append(wanted)
            return number
    taken.append([wanted])
    return len(taken) - 1


def _is_straight(
    edge: Edge,
    first: Mapping[int, int | None],
    lane: Mapping[int, int],
    column: Mapping[int, int],
    free_until: Mapping[int, int],
) -> bool:
    """Whether a wire has its own lane from one to the other."""
    source, target = edge
    if column[target] == column[source] + 1:
        return True
    if lane[source] and column[target] <= free_until.get(source, 0):
        return True
    return bool(lane[target]) and first[target] == source


def _heights(edges: Iterable[Edge], column: Mapping[int, int]) -> dict[Edge, int]:
    taken: list[list[tuple[int, int]]] = []
    spans = {edge: (column[edge.source] + 1, column[edge.target]) for edge in edges}
    ordered = sorted(spans, key=lambda edge: (spans[edge][1] - spans[edge][0], spans[edge], edge))
    return {edge: _free(taken, spans[edge]) for edge in ordered}
