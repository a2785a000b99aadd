"""Where the parts of a block stand: columns by what they read, lanes side by side, wires between.

Parts stand in the column after the last of what they read. The longest way through the block is
lane 0, of several one from the entry; a way beside it takes the first lane that is free as far as
it goes. What skips columns runs above all lanes. So wires cross wires, never boxes: they turn only
between columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archspec.backends.diagram.labels import Label, cut, width_of
from archspec.backends.diagram.lanes import ENTRY, EXIT, Edge, columns, lanes
from archspec.backends.diagram.parts import Block

NAME_SIZE, LINE_SIZE = 11.0, 9.5
"""Of letters, in pixels: of names, and of the lines below."""
HEIGHT = 46.0
"""Of a box."""
_PITCH = HEIGHT + 14
_ABOVE = 11.0
"""Between wires that run above the lanes."""
_GAP, _TRACK = 22.0, 8.0
"""Between columns, and more for each further wire that turns there."""
_PADDING = 8.0
_JOIN = 26.0
_LEAST = 40.0


class Box(NamedTuple):
    """A box at a place."""

    x: float
    y: float
    width: float
    label: Label


class Wire(NamedTuple):
    """A line with corners; `ahead` where it ends in a point."""

    points: tuple[tuple[float, float], ...]
    ahead: bool = True


@dataclass
class Drawing:
    """A block with everything at its place, lane 0 at height 0.

    Args:
        width: of all of it.
        above: pixels above the middle of lane 0.
        below: and under it.
    """

    width: float
    above: float
    below: float
    boxes: list[Box] = field(default_factory=list[Box])
    wires: list[Wire] = field(default_factory=list[Wire])


@dataclass
class _Grid:
    """Columns and lanes of the parts, the entry and the exit among them."""

    column: dict[int, int]
    lane: dict[int, int]
    edges: list[Edge]
    above: dict[Edge, int]
    labels: Mapping[int, Label]


def place(block: Block) -> Drawing:
    """A block drawn by itself."""
    grid = _grid(block)
    widths = _widths(grid)
    tracks = _tracks(grid)
    left = _lefts(widths, tracks)
    drawing = Drawing(
        width=left[-1],
        above=_height(grid),
        below=max(grid.lane.values()) * _PITCH + HEIGHT / 2,
    )
    spots = {node: _spot(grid, node, widths, left) for node in grid.column if node in grid.labels}
    drawing.boxes += spots.values()
    drawing.wires += [_wire(grid, edge, spots, (widths, left), tracks) for edge in grid.edges]
    return drawing


def box_width(label: Label) -> float:
    """Of a box with its text."""
    texts = [width_of(label.name, NAME_SIZE), *(width_of(line, LINE_SIZE) for line in label.lines)]
    return max(_JOIN if label.look == "join" else _LEAST, max(texts) + 2 * _PADDING)


def _grid(block: Block) -> _Grid:
    labels = {number: part.label for number, part in enumerate(block.parts)}
    sources: dict[int, list[int]] = {number: [] for number in labels}
    taps: dict[str, int] = {}
    for number, part in enumerate(block.parts):
        for value in part.reads:
            sources[number].append(_source(value, block, taps, len(labels)))
    for name, number in taps.items():
        sources[number] = []
        labels[number] = Label("tap", "from", (cut(name),), name)
    if block.enters:
        sources = {ENTRY: [], **sources}
    if block.leaves:
        sources[EXIT] = [at for at, part in enumerate(block.parts) if block.last in part.nodes]
    column = columns(sources)
    if block.leaves:
        column[EXIT] = max(column.values()) + (column[EXIT] < max(column.values()))
    edges = [Edge(source, node) for node, some in sources.items() for source in some]
    lane, above = lanes(sources, column, edges)
    return _Grid(column, lane, edges, above, labels)


def _source(value: int | str, block: Block, taps: dict[str, int], free: int) -> int:
    if isinstance(value, int):
        return value
    if value == block.enters:
        return ENTRY
    return taps.setdefault(value, free + len(taps))


def _height(grid: _Grid) -> float:
    """Pixels above the middle of lane 0."""
    highest = max(grid.above.values(), default=-1) + 1
    return HEIGHT / 2 + highest * _ABOVE


def _widths(grid: _Grid) -> list[float]:
    """Of the columns."""
    found = [0.0] * (max(grid.column.values()) + 1)
    for node, label in grid.labels.items():
        found[grid.column[node]] = max(found[grid.column[node]], box_width(label))
    return found


def _y(grid: _Grid, node: int) -> float:
    return grid.lane[node] * _PITCH


def _level(grid: _Grid, edge: Edge) -> float:
    """The height at which a wire runs from column to column."""
    if edge in grid.above:
        return -HEIGHT / 2 - (grid.above[edge] + 0.7) * _ABOVE
    source, target = edge
    if grid.column[target] == grid.column[source] + 1:
        return _y(grid, target)
    return _y(grid, source) if grid.lane[source] else _y(grid, target)


def _drops(grid: _Grid, edge: Edge) -> bool:
    """Whether a wire ends on the top of a box of lane 0."""
    return edge in grid.above and not grid.lane[edge.target] and edge.target != EXIT


_Track = tuple[int, str, int]
"""After which column, and whether it is of what comes from a part or of what goes to one."""


def _tracks(grid: _Grid) -> dict[tuple[Edge, bool], tuple[int, int]]:
    """Where wires turn: for the first corner of each, and for the second, a gap and a track."""
    tracks: dict[int, dict[tuple[str, int], int]] = {}
    found: dict[tuple[Edge, bool], tuple[int, int]] = {}
    for edge in grid.edges:
        source, target = edge
        level = _level(grid, edge)
        after, before = grid.column[source], grid.column[target] - 1
        if level != _y(grid, source):
            word = ("to", target) if _is_only(grid, edge) else ("from", source)
            gap = tracks.setdefault(after, {})
            found[edge, False] = (after, gap.setdefault(word, len(gap)))
        if level != _y(grid, target) and not _drops(grid, edge):
            gap = tracks.setdefault(before, {})
            found[edge, True] = (before, gap.setdefault(("to", target), len(gap)))
    return found


def _is_only(grid: _Grid, edge: Edge) -> bool:
    """Whether nothing else leaves what a wire comes from, and it goes to the next column."""
    same = sum(other.source == edge.source for other in grid.edges)
    return same == 1 and edge not in grid.above


def _lefts(
    widths: Sequence[float], tracks: Mapping[tuple[Edge, bool], tuple[int, int]]
) -> list[float]:
    """The left side of each column, and the right side of the last."""
    most = [0] * len(widths)
    for gap, track in tracks.values():
        most[gap] = max(most[gap], track)
    found = [0.0]
    for column, width in enumerate(widths):
        gap = _GAP + most[column] * _TRACK if column + 1 < len(widths) else 0.0
        found.append(found[-1] + width + gap)
    return found


def _spot(grid: _Grid, node: int, widths: Sequence[float], left: Sequence[float]) -> Box:
    label, column = grid.labels[node], grid.column[node]
    width = box_width(label)
    x = left[column] + (widths[column] - width) / 2
    return Box(x, _y(grid, node) - HEIGHT / 2, width, label)


def _wire(
    grid: _Grid,
    edge: Edge,
    spots: Mapping[int, Box],
    columns: tuple[Sequence[float], Sequence[float]],
    tracks: Mapping[tuple[Edge, bool], tuple[int, int]],
) -> Wire:
    widths, left = columns
    source, target = edge
    level = _level(grid, edge)
    begin = spots[source].x + spots[source].width if source in spots else left[0]
    end = spots[target].x if target in spots else left[-1]
    points = [(begin, _y(grid, source))]

    def turn(second: bool) -> float:  # noqa: FBT001  the first corner or the second
        gap, track = tracks[edge, second]
        return left[gap] + widths[gap] + 8 + track * _TRACK

    if (edge, False) in tracks:
        points += [(turn(False), points[-1][1]), (turn(False), level)]  # noqa: FBT003
    if _drops(grid, edge):
        middle = spots[target].x + spots[target].width / 2
        return Wire((*points, (middle, level), (middle, spots[target].y)))
    if (edge, True) in tracks:
        points += [(turn(True), level), (turn(True), _y(grid, target))]  # noqa: FBT003
    return Wire((*points, (end, _y(grid, target))), target != EXIT)
