"""Where rows and blocks stand on the page: one after the other, line by line, as words do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archspec.backends.diagram.labels import NAME, cut, shaped, width_of
from archspec.backends.diagram.parts import Band, Block, bands
from archspec.backends.diagram.places import LINE_SIZE, NAME_SIZE, Box, Drawing, Wire, place
from archspec.graph import Graph

MARGIN = 16.0
WIDE = 1180.0
"""Pixels that a line takes, if no block is wider."""
TITLE_SIZE = 16.0
"""Of the letters of the name of the net."""
HEAD = 26.0
"""The name of the net, above all else."""
STACK = 4.0
"""How far the frame behind a frame looks out, where a block stands for several."""
INSET = 10.0
"""Between the ground of a row and its blocks, and between a frame and what is in it."""
PILL = 40.0
"""Height of the input and of the outputs."""
_LEAST = 420.0
"""Pixels of a page."""
_TITLE = 17.0
"""Of a row or a block, above what is in it."""
_BETWEEN = 24.0
"""Between blocks, and between rows on a line."""
_GUTTER = 26.0
"""Between lines, for the wire from the end of one to the beginning of the next."""
_TURN = 13.0
"""Beside the lines, for the same wire."""


class Frame(NamedTuple):
    """Around the parts of a block."""

    x: float
    y: float
    width: float
    height: float
    title: str
    is_several: bool


class Strip(NamedTuple):
    """The ground of a row of the spec."""

    x: float
    y: float
    width: float
    height: float
    band: Band


class Pill(NamedTuple):
    """The input or an output."""

    x: float
    y: float
    width: float
    name: str
    text: str


@dataclass
class Page:
    """Everything at its place.

    Args:
        title: above it.
        width: of all of it.
        height: of all of it.
    """

    title: str
    width: float
    height: float = 0.0
    strips: list[Strip] = field(default_factory=list[Strip])
    frames: list[Frame] = field(default_factory=list[Frame])
    boxes: list[Box] = field(default_factory=list[Box])
    wires: list[Wire] = field(default_factory=list[Wire])
    pills: list[Pill] = field(default_factory=list[Pill])


class _Item(NamedTuple):
    """A block with its drawing, in a frame unless it is all of a row."""

    block: Block
    drawing: Drawing
    framed: bool

    @property
    def title(self) -> str:
        several = self.block.count > 1
        name = f"block{'s' * several} {self.block.name}" * bool(self.block.name)
        return "  ".join(filter(None, (name, f"× {self.block.count}" * several)))

    @property
    def inset(self) -> float:
        return INSET if self.framed else 0.0

    @property
    def width(self) -> float:
        title = width_of(self.title, LINE_SIZE) if self.framed else 0.0
        return max(self.drawing.width, title) + 2 * self.inset

    @property
    def above(self) -> float:
        return self.drawing.above + (_TITLE + 2 if self.framed else 0.0)

    @property
    def below(self) -> float:
        return self.drawing.below + (INSET if self.framed else 0.0)


class _Line(NamedTuple):
    """Blocks of a row side by side."""

    items: tuple[_Item, ...]

    @property
    def width(self) -> float:
        return sum(item.width + _BETWEEN for item in self.items) - _BETWEEN

    @property
    def above(self) -> float:
        return max(item.above for item in self.items)

    @property
    def below(self) -> float:
        return max(item.below + STACK * (item.block.count > 1) for item in self.items)


class _Row(NamedTuple):
    """A row of the spec, on one line or on several."""

    band: Band
    lines: tuple[_Line, ...]

    @property
    def title(self) -> float:
        """Width of its title."""
        name = width_of(self.band.name, NAME_SIZE + 1, bold=True)
        return name + 10 + width_of(self.band.shape, LINE_SIZE)

    @property
    def width(self) -> float:
        return max(self.title, *(line.width for line in self.lines)) + 2 * INSET


class _Port(NamedTuple):
    """Where the wire is that leads on, and what it has to keep clear of."""

    x: float
    y: float
    line: int
    right: float


def arrange(graph: Graph) -> Page:
    """A graph on a page."""
    shelves = _shelves([_Row(band, _lines(band)) for band in bands(graph)])
    wide = max((_shelf_width(shelf) for shelf in shelves), default=0.0)
    title = cut(graph.name, NAME)
    wide = max(wide, _LEAST, width_of(title, TITLE_SIZE, bold=True))
    page = Page(title, wide + 2 * (MARGIN + _TURN))
    left, y = MARGIN + _TURN, MARGIN + HEAD
    shape = shaped(graph.input)
    pill = Pill(left, y, _pill_width("input", shape), "input", shape)
    page.pills.append(pill)
    port = _Port(pill.x + pill.width, y + PILL / 2, 0, pill.x + pill.width)
    y += PILL
    number = 1
    for shelf in shelves:
        y += _GUTTER
        port, y, number = _put_shelf(page, shelf, y, port, number)
    _put_outputs(page, graph, y + _GUTTER, port)
    return page


def _lines(band: Band) -> tuple[_Line, ...]:
    """The blocks of a row, as many on a line as find room."""
    several = len(band.blocks) > 1
    lines: list[_Line] = []
    for block in band.blocks:
        is_box = len(block.parts) == 1 and not block.name
        item = _Item(block, place(block), block.count > 1 or (several and not is_box))
        longer = _Line((*lines[-1].items, item)) if lines else None
        if longer and longer.width + 2 * INSET <= WIDE:
            lines[-1] = longer
        else:
            lines.append(_Line((item,)))
    return tuple(lines)


def _shelves(rows: Sequence[_Row]) -> list[list[_Row]]:
    """Rows of one line each side by side, as many as find room."""
    shelves: list[list[_Row]] = []
    for row in rows:
        fits = shelves and all(len(one.lines) == 1 for one in (*shelves[-1], row))
        if fits and _shelf_width([*shelves[-1], row]) <= WIDE:
            shelves[-1].append(row)
        else:
            shelves.append([row])
    return shelves


def _shelf_width(shelf: Sequence[_Row]) -> float:
    return sum(row.width + _BETWEEN for row in shelf) - _BETWEEN


def _put_shelf(
    page: Page, shelf: Sequence[_Row], y: float, port: _Port, number: int
) -> tuple[_Port, float, int]:
    """Put rows at their places; gives where the wire goes on, the height below, the next line."""
    top, x = y, MARGIN + _TURN
    y += _TITLE + 8
    if len(shelf) == 1:
        above = top
        for line in shelf[0].lines:
            port = _put(page, line, (x + INSET, above, y + line.above), port, number)
            above = y + line.above + line.below + _GUTTER
            y, number = above, number + 1
        y -= _GUTTER
        page.strips.append(Strip(x, top, shelf[0].width, y + INSET - top, shelf[0].band))
        return port._replace(right=x + shelf[0].width), y + INSET, number
    above = max(row.lines[0].above for row in shelf)
    bottom = y + above + max(row.lines[0].below for row in shelf) + INSET
    for row in shelf:
        port = _put(page, row.lines[0], (x + INSET, top, y + above), port, number)
        page.strips.append(Strip(x, top, row.width, bottom - top, row.band))
        x += row.width + _BETWEEN
    return port._replace(right=x - _BETWEEN), bottom, number + 1


def _put(
    page: Page, line: _Line, at: tuple[float, float, float], port: _Port, number: int
) -> _Port:
    """Put the blocks of a line at their places; gives where the wire goes on."""
    x, top, middle = at
    for item in line.items:
        inner = x + item.inset
        if item.framed:
            size = (item.width, item.above + item.below)
            page.frames.append(
                Frame(x, middle - item.above, *size, item.title, item.block.count > 1)
            )
        page.boxes += [
            box._replace(x=box.x + inner, y=box.y + middle) for box in item.drawing.boxes
        ]
        page.wires += [_moved(wire, inner, middle) for wire in item.drawing.wires]
        if item.block.enters:
            page.wires.append(_link(port, (inner, middle), top, number))
        if item.block.leaves:
            port = _Port(inner + item.drawing.width, middle, number, x + item.width)
        x += item.width + _BETWEEN
    return port


def _moved(wire: Wire, x: float, y: float) -> Wire:
    return wire._replace(points=tuple((x + right, y + down) for right, down in wire.points))


def _link(port: _Port, end: tuple[float, float], top: float, number: int) -> Wire:
    """From block to block, around the end of the line if need be."""
    begin = (port.x, port.y)
    if port.line == number:
        return Wire((begin, end), ahead=False)
    right, left, gutter = port.right + _TURN, MARGIN, top - _GUTTER / 2
    corners = ((right, port.y), (right, gutter), (left, gutter), (left, end[1]))
    return Wire((begin, *corners, end), ahead=False)


def _pill_width(name: str, text: str) -> float:
    return max(width_of(name, NAME_SIZE), width_of(text, LINE_SIZE)) + 24


def _put_outputs(page: Page, graph: Graph, y: float, port: _Port) -> None:
    """The outputs in a line at the end, those without a wire with what they are."""
    top, left, last = y, MARGIN + _TURN, [*graph.shapes][-1]
    x = left
    for name, node in sorted(graph.outputs.items(), key=lambda item: item[1] != last):
        ahead = node == last and x == left
        text = shaped(graph.shapes[node]) + ("" if ahead else f" = {cut(node)}")
        width = _pill_width(cut(name, NAME), text)
        if x > left and x + width > page.width - MARGIN:
            x, y = left, y + PILL + INSET
        page.pills.append(Pill(x, y, width, cut(name, NAME), text))
        page.width = max(page.width, x + width + MARGIN)
        if ahead:
            page.wires.append(_link(port, (x, y + PILL / 2), top, -1)._replace(ahead=True))
        x += width + _BETWEEN
    page.height = y + PILL + MARGIN
