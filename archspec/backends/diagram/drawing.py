"""A page of boxes and wires → SVG."""

from collections.abc import Iterator, Sequence
from html import escape

from archspec.backends.diagram.flow import (
    HEAD,
    INSET,
    MARGIN,
    PILL,
    STACK,
    TITLE_SIZE,
    Frame,
    Page,
    Pill,
    Strip,
)
from archspec.backends.diagram.labels import shaped, width_of
from archspec.backends.diagram.places import HEIGHT, LINE_SIZE, NAME_SIZE, Box, Wire
from archspec.graph import Graph

_ROUND = 6.0
"""Radius of a corner of a wire."""
_POINT = 5.0
"""Length of an arrow's head."""
_BASELINE = 0.35
"""Of the letters' size: from the middle of a line down to where letters stand."""

_FONT = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, 'DejaVu Sans', sans-serif"

LOOKS = {
    "convolution": "k×k convolution",
    "depthwise": "depthwise convolution",
    "pointwise": "1×1 convolution, dense",
    "attention": "attention, gate",
    "other": "pool, resize, reorder",
    "many": "several ops",
    "join": "add, multiply, concat",
    "quiet": "norm, activation",
    "tap": "value from further up",
}
"""The classes of boxes and what they mean."""

_LIGHT = {
    "paper": "#ffffff", "ink": "#1b2330", "soft": "#556070", "wire": "#5b6675",
    "band": "#f2f4f7", "frame": "#ffffff", "edge": "#c3cad4",
    "convolution": "#cfe0ff", "depthwise": "#cdefd8", "pointwise": "#e0e9f8",
    "attention": "#ead9fa", "other": "#fbe6c3", "many": "#e2e5ea", "join": "#ffffff",
    "quiet": "#edf0f3", "tap": "#fff4c9",
}  # fmt: skip
_DARK = {
    "paper": "#14181f", "ink": "#e8ecf2", "soft": "#a9b4c2", "wire": "#93a0b1",
    "band": "#1c222b", "frame": "#232a35", "edge": "#465162",
    "convolution": "#234477", "depthwise": "#1d5337", "pointwise": "#2b3d5b",
    "attention": "#512f6e", "other": "#5f4716", "many": "#3a4352", "join": "#14181f",
    "quiet": "#303947", "tap": "#574c12",
}  # fmt: skip


def draw(graph: Graph, page: Page) -> str:
    """The whole file."""
    legend, more = _legend(page)
    width, height = f"{page.width:g}", f"{page.height + more:g}"
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="net" role="img"',
        f'  width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>{_text(graph.name)}</title>",
        f"<desc>{_text(_described(graph, page))}</desc>",
        f"<style>{_style()}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="title" x="{MARGIN:g}" y="{MARGIN + HEAD / 2:g}">{_text(page.title)}</text>',
        *(line for strip in page.strips for line in _strip(strip)),
        *(line for frame in page.frames for line in _frame(frame)),
        *(line for wire in page.wires for line in _wire(wire)),
        *(line for box in page.boxes for line in _box(box)),
        *(line for pill in page.pills for line in _pill(pill)),
        *legend,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _described(graph: Graph, page: Page) -> str:
    rows = ", ".join(f"{strip.band.name} {strip.band.shape}" for strip in page.strips)
    outputs = ", ".join(f"{name} {shaped(graph.shapes[at])}" for name, at in graph.outputs.items())
    return f"input {shaped(graph.input)}; rows {rows}; outputs {outputs}"


def _text(text: str) -> str:
    """Escaped, and without what XML has no way to say."""
    return escape(
        "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)
    )


def _style() -> str:
    rules = [
        f".net {{ {_variables(_LIGHT)} font-family: {_FONT}; }}",
        f"@media screen and (prefers-color-scheme: dark) {{ .net {{ {_variables(_DARK)} }} }}",
        ".net text { fill: var(--net-ink); }",
        ".net .paper { fill: var(--net-paper); }",
        ".net .band { fill: var(--net-band); }",
        ".net .frame { fill: var(--net-frame); stroke: var(--net-edge); }",
        ".net .wire { fill: none; stroke: var(--net-wire); stroke-width: 1.3; }",
        ".net .point { fill: var(--net-wire); }",
        ".net .box, .net .key { stroke: var(--net-edge); }",
        ".net .pill { fill: var(--net-frame); stroke: var(--net-wire); stroke-width: 1.3; }",
        f".net text.title {{ font-size: {TITLE_SIZE:g}px; font-weight: 600; }}",
        f".net text.row {{ font-size: {NAME_SIZE + 1:g}px; font-weight: 600; }}",
        f".net text.name {{ font-size: {NAME_SIZE:g}px; }}",
        f".net text.line {{ font-size: {LINE_SIZE:g}px; }}",
        ".net text.soft { fill: var(--net-soft); }",
        *(f".net .{look} {{ fill: var(--net-{look}); }}" for look in LOOKS),
    ]
    return " ".join(rules)


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--net-{name}: {value};" for name, value in colours.items())


def _strip(strip: Strip) -> Iterator[str]:
    yield (
        f'<rect class="band" x="{strip.x:g}" y="{strip.y:g}" width="{strip.width:g}"'
        f' height="{strip.height:g}" rx="6"/>'
    )
    name = strip.band.name
    x, y = strip.x + INSET, strip.y + INSET + 2
    yield _line("row", x, y, name)
    yield _line("line soft", x + width_of(name, NAME_SIZE + 1, bold=True) + 10, y, strip.band.shape)


def _line(classes: str, x: float, y: float, text: str) -> str:
    return f'<text class="{classes}" x="{x:g}" y="{y + 4:g}">{_text(text)}</text>'


def _frame(frame: Frame) -> Iterator[str]:
    size = f'width="{frame.width:g}" height="{frame.height:g}" rx="5"'
    if frame.is_several:
        x, y = frame.x + STACK, frame.y + STACK
        yield f'<rect class="frame" x="{x:g}" y="{y:g}" {size}/>'
    yield f'<rect class="frame" x="{frame.x:g}" y="{frame.y:g}" {size}/>'
    if frame.title:
        yield _line("line soft", frame.x + 10, frame.y + 10, frame.title)


def _wire(wire: Wire) -> Iterator[str]:
    yield f'<path class="wire" d="{_path(wire.points, _POINT - 1 if wire.ahead else 0.0)}"/>'
    if wire.ahead:
        (before, _), (x, y) = wire.points[-2:]
        across, down = (0.0, 1.0) if before == x else (1.0, 0.0)
        back = (x - _POINT * across, y - _POINT * down)
        wing = 3.2
        corners = (
            f"M{x:g} {y:g}"
            f"L{back[0] - wing * down:g} {back[1] - wing * across:g}"
            f"L{back[0] + wing * down:g} {back[1] + wing * across:g}Z"
        )
        yield f'<path class="point" d="{corners}"/>'


def _path(points: Sequence[tuple[float, float]], short: float) -> str:
    """Straight lines with round corners, the last one shorter by so much."""
    *rest, before, last = points
    points = [*rest, before, _towards(last, before, short)]
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_ROUND, _far(before, corner) / 2, _far(corner, after) / 2)
        (x, y), (right, down) = _towards(corner, before, radius), _towards(corner, after, radius)
        path.append(f"L{x:g} {y:g}Q{corner[0]:g} {corner[1]:g} {right:g} {down:g}")
    return "".join([*path, f"L{points[-1][0]:g} {points[-1][1]:g}"])


def _far(one: tuple[float, float], other: tuple[float, float]) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(
    one: tuple[float, float], other: tuple[float, float], length: float
) -> tuple[float, float]:
    """The point so far from one as one goes to the other."""
    whole = _far(one, other)
    share = length / whole if whole else 0.0
    return one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share


def _box(box: Box) -> Iterator[str]:
    yield f"<g><title>{_text(box.label.hint)}</title>"
    yield (
        f'<rect class="box {box.label.look}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}"'
        f' height="{HEIGHT:g}" rx="4"/>'
    )
    middle, step = box.x + box.width / 2, 12.5
    texts = [("name", box.label.name), *(("line", line) for line in box.label.lines)]
    y = box.y + HEIGHT / 2 - step * (len(texts) - 1) / 2
    for classes, text in texts:
        size = NAME_SIZE if classes == "name" else LINE_SIZE
        yield (
            f'<text class="{classes}" text-anchor="middle" x="{middle:g}"'
            f' y="{y + size * _BASELINE:g}">{_text(text)}</text>'
        )
        y += step
    yield "</g>"


def _pill(pill: Pill) -> Iterator[str]:
    yield (
        f'<rect class="pill" x="{pill.x:g}" y="{pill.y:g}" width="{pill.width:g}"'
        f' height="{PILL:g}" rx="{PILL / 2:g}"/>'
    )
    middle = pill.x + pill.width / 2
    for classes, y, text in (("name", 16, pill.name), ("line soft", 30, pill.text)):
        yield (
            f'<text class="{classes}" text-anchor="middle" x="{middle:g}"'
            f' y="{pill.y + y:g}">{_text(text)}</text>'
        )


def _legend(page: Page) -> tuple[list[str], float]:
    """What the colours mean, of those that are there, and the height of that."""
    looks = {box.label.look for box in page.boxes}
    x, y, lines = MARGIN, page.height + 4, list[str]()
    for look, meaning in LOOKS.items():
        width = 20 + width_of(meaning, LINE_SIZE) + 14
        if look not in looks:
            continue
        if x > MARGIN and x + width > page.width:
            x, y = MARGIN, y + 22
        lines += [
            f'<rect class="key {look}" x="{x:g}" y="{y:g}" width="14" height="14" rx="3"/>',
            _line("line soft", x + 20, y + 7, meaning),
        ]
        x += width
    return lines, y + 30 - page.height
