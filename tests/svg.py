"""Reads a diagram back: its boxes, texts and wires, as whoever looks at it finds them."""

import re
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET

from archspec.backends.diagram.labels import width_of

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"name": 11.0, "line": 9.5, "row": 12.0, "title": 16.0}
Area = tuple[float, float, float, float]


@dataclass
class Text:
    """A text: what it says, and the room that it takes at most."""

    words: str
    area: Area
    classes: list[str]


@dataclass
class Box:
    """A rectangle with the texts in it and what is shown to who points at it."""

    area: Area
    classes: list[str]
    texts: list[str]
    hint: str


class Picture:
    """What there is to see in an SVG."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)  # noqa: S314  our own
        self.width, self.height = (
            float(self.root.get("width", 0)),
            float(self.root.get("height", 0)),
        )
        self.texts = [self._text(element) for element in self.root.iter(f"{SVG}text")]
        self.boxes = [self._box(group) for group in self.root.iter(f"{SVG}g")]
        self.pills = self._rects("pill")
        self.frames = self._rects("frame")
        self.bands = self._rects("band")
        self.wires = [
            _points(path.get("d", ""))
            for path in self.root.iter(f"{SVG}path")
            if path.get("class") == "wire"
        ]

    def _rects(self, word: str) -> list[Area]:
        return [
            _area(element)
            for element in self.root.iter(f"{SVG}rect")
            if word in (element.get("class") or "").split()
        ]

    def _text(self, element: ET.Element) -> Text:
        classes = (element.get("class") or "").split()
        size = SIZES[classes[0]]
        bold = classes[0] in {"row", "title"}
        width = width_of(element.text or "", size, bold=bold)
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        left = x - width / 2 if element.get("text-anchor") == "middle" else x
        # From the top of capitals to below the line, for a sans-serif font.
        return Text(element.text or "", (left, y - 0.75 * size, width, size), classes)

    @staticmethod
    def _box(group: ET.Element) -> Box:
        rect = group.find(f"{SVG}rect")
        assert rect is not None
        texts = [element.text or "" for element in group.iter(f"{SVG}text")]
        hint = group.findtext(f"{SVG}title") or ""
        return Box(_area(rect), (rect.get("class") or "").split(), texts, hint)

    @property
    def said(self) -> list[str]:
        """What each box says, from left to right, line by line of the page."""
        ordered = sorted(self.boxes, key=lambda box: (box.area[1], box.area[0]))
        return [" | ".join(box.texts) for box in ordered]


def _area(element: ET.Element) -> Area:
    x, y, width, height = (float(element.get(key, 0)) for key in ("x", "y", "width", "height"))
    return x, y, width, height


def _points(path: str) -> list[tuple[float, float]]:
    """The ends of the straight pieces of a wire; what is round between them is no longer."""
    numbers = [[float(value) for value in piece.split()] for piece in re.split("[MLQ]", path)[1:]]
    return [(piece[-2], piece[-1]) for piece in numbers]


def overlap(one: Area, other: Area) -> bool:
    """Whether two rectangles have more in common than a side."""
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )


def contains(outer: Area, inner: Area) -> bool:
    """Whether one rectangle is in another."""
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[0] + inner[2] <= outer[0] + outer[2] + 1e-6
        and inner[1] + inner[3] <= outer[1] + outer[3] + 1e-6
    )


def faults(svg: str) -> list[str]:
    """What is wrong with a picture: what lies on one another, stands out, or is run through."""
    picture = Picture(svg)
    solid = [*(box.area for box in picture.boxes), *picture.pills]
    found = [
        f"boxes lie on one another: {one} {other}"
        for place, one in enumerate(solid)
        for other in solid[:place]
        if overlap(one, other)
    ]
    page = (0.0, 0.0, picture.width, picture.height)
    areas = [*solid, *picture.frames, *picture.bands, *(text.area for text in picture.texts)]
    found += [f"off the page: {area}" for area in areas if not contains(page, area)]
    homes = [*solid, *picture.frames, *picture.bands]
    for text in picture.texts:
        home = [area for area in homes if overlap(area, text.area)]
        if any(not contains(area, text.area) for area in home):
            found.append(f"stands out of its box: {text.words}")
        found += [
            f"texts lie on one another: {text.words}, {other.words}"
            for other in picture.texts
            if other is not text and overlap(text.area, other.area)
        ]
    for wire in picture.wires:
        for begin, end in pairwise(wire):
            line = _thin(begin, end)
            found += [f"a wire runs through {area}" for area in solid if overlap(line, _core(area))]
            found += [
                f"a wire runs through '{text.words}'"
                for text in picture.texts
                if overlap(line, text.area)
            ]
    return found


def _thin(one: tuple[float, float], other: tuple[float, float]) -> Area:
    (left, right), (top, bottom) = (sorted(side) for side in zip(one, other, strict=True))
    return left - 0.1, top - 0.1, right - left + 0.2, bottom - top + 0.2


def _core(area: Area) -> Area:
    x, y, width, height = area
    return x + 1, y + 1, width - 2, height - 2
