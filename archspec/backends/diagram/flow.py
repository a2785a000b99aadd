"""Where blocks stand on the page: rows below one another, blocks from left to right as words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archspec.backends.diagram.labels import shaped, width_of
from archspec.backends.diagram.parts import Band, Block, bands
from archspec.backends.diagram.places import LINE_SIZE, NAME_SIZE, Box, Drawing, Wire, place
from archspec.graph import Graph

MARGIN = 16.0
WIDE = 1100.0
"""Pixels that a line of blocks takes, if no block is wider."""
HEAD = 26.0
"""The name of the net, above all else."""
STACK = 4.0
"""How far the frame behind a frame looks out, where a block stands for several."""
_FRAME = 10.0
"""Between the frame of a block and what is in it."""
_TITLE = 17.0
"""Of a block, above what is in it."""
_BETWEEN = 24.0
"""Between blocks."""
_GUTTER = 28.0
"""Between lines, for the wire from the end of one to the beginning of the next."""
_INSET = 8.0
_TURN = 14.0
_PILL = 40.0
"""Height of the input and of the outputs."""


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

    y: float
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
        width: of all of it.
        height: of all of it.
        left: where the lines of blocks begin.
    """

    width: float
    height: float
    left: float
    strips: list[Strip] = field(default_factory=list[Strip])
    frames: list[Frame] = field(default_factory=list[Frame])
    boxes: list[Box] = field(default_factory=list[Box])
    wires: list[Wire] = field(default_factory=list[Wire])
    pills: list[Pill] = field(default_factory=list[Pill])


class _Item(NamedTuple):
    """A block with its drawing, in a frame if it is more than one box."""

    block: Block
    drawing: Drawing
    title: str
    framed: bool

    @property
    def inset(self) -> float:
        return _FRAME if self.framed else 0.0

    @property
    def width(self) -> float:
        return max(self.drawing.width, width_of(self.title, LINE_SIZE)) + 2 * self.inset

    @property
    def above(self) -> float:
        return self.drawing.above + (_TITLE if self.framed else 0.0)

    @property
    def below(self) -> float:
        return self.drawing.below + (_FRAME if self.framed else 0.0)


class _Port(NamedTuple):
    """Where the wire is that leads on."""

    x: float
    y: float
    line: int


def arrange(graph: Graph) -> Page:
    """A graph on a page."""
    found = [(band, _lines(band)) for band in bands(graph)]
    left = MARGIN + max(_name_width(band) for band, _ in found) + 2 * _INSET
    widest = max(_line_width(line) for _, lines in found for line in lines)
    page = Page(left + max(widest, 360.0) + 2 * _TURN + MARGIN, 0.0, left + _TURN)
    y = MARGIN + HEAD
    shape = shaped(graph.input)
    page.pills.append(Pill(MARGIN, y, _pill_width("input", shape), "input", shape))
    port = _Port(MARGIN + page.pills[0].width, y + _PILL / 2, -1)
    y += _PILL + _GUTTER - _INSET
    number = 0
    for band, lines in found:
        top = y
        for line in lines:
            y += _INSET
            port = _put(page, line, y, port, number)
            y += max(item.above for item in line) + max(item.below for item in line)
            y += STACK + (_GUTTER - _INSET) * (line is not lines[-1])
            number += 1
        y += _INSET
        page.strips.append(Strip(top, y - top, band))
        y += _GUTTER - _INSET
    _put_outputs(page, graph, y, port)
    return page


def _name_width(band: Band) -> float:
    return max(width_of(band.name, NAME_SIZE + 1), width_of(band.shape, LINE_SIZE))


def _lines(band: Band) -> list[list[_Item]]:
    """The blocks of a row, as many on a line as find room."""
    lines: list[list[_Item]] = []
    for block in band.blocks:
        framed = len(block.parts) > 1 or block.count > 1
        item = _Item(block, place(block), _title(block) if framed else "", framed)
        if not lines or _line_width([*lines[-1], item]) > WIDE:
            lines.append([])
        lines[-1].append(item)
    return lines


def _title(block: Block) -> str:
    """What stands above a block."""
    several = block.count > 1
    said = (f"block{'s' * several} {block.name}" * bool(block.name), f"× {block.count}" * several)
    return "  ".join(filter(None, said))


def _line_width(line: Sequence[_Item]) -> float:
    return sum(item.width + _BETWEEN for item in line) - _BETWEEN


def _put(page: Page, line: Sequence[_Item], y: float, port: _Port, number: int) -> _Port:
    """Put the blocks of a line at their places; gives where the wire goes on."""
    x, middle = page.left, y + max(item.above for item in line)
    for item in line:
        drawing = item.drawing
        inner = x + item.inset
        if item.framed:
            height = item.above + item.below
            page.frames.append(
                Frame(x, middle - item.above, item.width, height, item.title, item.block.count > 1)
            )
        page.boxes += [box._replace(x=box.x + inner, y=box.y + middle) for box in drawing.boxes]
        page.wires += [_moved(wire, inner, middle) for wire in drawing.wires]
        if item.block.enters:
            page.wires.append(_link(page, port, (inner, middle), y, number))
        if item.block.leaves:
            port = _Port(inner + drawing.width, middle, number)
        x += item.width + _BETWEEN
    return port


def _moved(wire: Wire, x: float, y: float) -> Wire:
    return wire._replace(points=tuple((x + right, y + down) for right, down in wire.points))


def _link(page: Page, port: _Port, end: tuple[float, float], top: float, number: int) -> Wire:
    """From block to block, around the end of the line if need be."""
    begin = (port.x, port.y)
    if port.line == number:
        return Wire((begin, end), ahead=False)
    gutter, left = top - _INSET - (_GUTTER - _INSET) / 2, page.left - _TURN
    if port.line < 0:
        return Wire((begin, (left, port.y), (left, end[1]), end), ahead=False)
    right = port.x + _TURN + _FRAME
    return Wire(
        (begin, (right, port.y), (right, gutter), (left, gutter), (left, end[1]), end), ahead=False
    )


def _pill_width(name: str, text: str) -> float:
    return max(width_of(name, NAME_SIZE), width_of(text, LINE_SIZE)) + 20


def _put_outputs(page: Page, graph: Graph, y: float, port: _Port) -> None:
    """The outputs in a line at the end, those that are not the last node with what they are."""
    last, x = graph.nodes[-1].name, page.left
    for name, node in sorted(graph.outputs.items(), key=lambda item: item[1] != last):
        text = shaped(graph.shapes[node]) + (f" = {node}" if node != last else "")
        pill = Pill(x, y, _pill_width(name, text), name, text)
        if x > page.left and x + pill.width > page.width - MARGIN:
            y += _PILL + _INSET
            pill = pill._replace(x=page.left, y=y)
        page.pills.append(pill)
        page.width = max(page.width, pill.x + pill.width + MARGIN)
        if node == last:
            page.wires.append(
                _link(page, port, (pill.x, y + _PILL / 2), y, -2)._replace(ahead=True)
            )
        x = pill.x + pill.width + _BETWEEN
    page.height = y + _PILL + MARGIN
