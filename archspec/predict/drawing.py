"""What is found, drawn on a picture by Pillow."""

from collections.abc import Sequence
from colorsys import hls_to_rgb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.predict.found import Boxes, Classes, Found, Mask

Color = tuple[int, int, int]

LEAST = 320
"""Pixels that the longer side of a drawing has at least, so that names can be read."""
BACKGROUND = "background"
"""The name of a class that masks leave as it is."""
_GREY = (40, 40, 40)
_GOLDEN = 0.618034
_CLEAR = 0.5
"""How much of the picture is seen through a mask."""


def drawn(image: NDArray[np.uint8], found: Found) -> Any:  # noqa: ANN401  Pillow's
    """A picture (h, w, 3) with what is found in it, as an image of Pillow; enlarged if small."""
    factor = max(1, -(-LEAST // max(image.shape[:2])))
    large = image.repeat(factor, axis=0).repeat(factor, axis=1)
    if isinstance(found, Boxes):
        return _with_boxes(large, found, factor)
    if isinstance(found, Mask):
        return _with_mask(large, found, factor)
    return _with_classes(large, found)


def color(number: int) -> Color:
    """The color of a class: hues as far apart as can be, whatever their number."""
    red, green, blue = hls_to_rgb((number * _GOLDEN) % 1, 0.5, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


def _tint(number: int, label: str) -> Color | None:
    """The color of a class in a mask; the background is left as it is."""
    return None if label == BACKGROUND else color(number)


def _canvas(image: NDArray[np.uint8]) -> tuple[Any, Any, int]:
    """A picture to draw on, the pen, and the height of letters in pixels."""
    from PIL import Image, ImageDraw  # noqa: PLC0415  for pictures only

    canvas = Image.fromarray(image)
    return canvas, ImageDraw.Draw(canvas), max(11, round(min(image.shape[:2]) / 32))


def _with_boxes(image: NDArray[np.uint8], found: Boxes, factor: int) -> Any:  # noqa: ANN401
    canvas, pen, height = _canvas(image)
    line = max(2, height // 6)
    each = zip(found.boxes, found.scores, found.labels, found.classes, strict=True)
    for box, score, label, number in reversed(list(each)):  # the surest above the others
        left, top, right, bottom = (value * factor for value in box)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        pen.rectangle((left, top, right, bottom), outline=color(number), width=line)
        _write(pen, (left, top), f"{label} {score:.2f}", height, color(number), canvas.size)
    return canvas


def _with_mask(image: NDArray[np.uint8], found: Mask, factor: int) -> Any:  # noqa: ANN401
    colors = np.array(
        [_tint(number, name) or (0, 0, 0) for number, name in enumerate(found.labels)]
    )
    shown = np.array([_tint(number, name) is not None for number, name in enumerate(found.labels)])
    classes = found.classes.repeat(factor, axis=0).repeat(factor, axis=1)
    share = (1 - _CLEAR) * shown[classes][..., np.newaxis]
    mixed = image * (1 - share) + colors[classes] * share
    canvas, pen, height = _canvas(mixed.astype(np.uint8))
    lines = [
        (f"{found.labels[number]} {share:.0%}", _tint(number, found.labels[number]) or _GREY)
        for number, share in found.shares.items()
    ]
    _list(pen, lines, height, canvas.size)
    return canvas


def _with_classes(image: NDArray[np.uint8], found: Classes) -> Any:  # noqa: ANN401
    canvas, pen, height = _canvas(image)
    lines = [
        (f"{label} {score:.2f}", _GREY)
        for label, score in zip(found.labels, found.scores, strict=True)
    ]
    _list(pen, lines, height, canvas.size)
    return canvas


def _list(
    pen: Any,  # noqa: ANN401
    lines: Sequence[tuple[str, Color]],
    height: int,
    size: tuple[int, int],
) -> None:
    """Lines of text one under the other, from the upper left corner."""
    for number, (text, fill) in enumerate(lines):
        place = (0, (number + 1) * (height + 6))
        _write(pen, place, text, height, fill, size)


def _write(
    pen: Any,  # noqa: ANN401
    place: tuple[float, float],
    text: str,
    height: int,
    fill: Color,
    size: tuple[int, int],
) -> None:
    """Text on a bar of a color that stands on a place, moved where it would leave the picture."""
    from PIL import ImageFont  # noqa: PLC0415

    font = ImageFont.load_default(height)
    wide = pen.textlength(text, font) + 8
    left = min(max(place[0], 0), max(size[0] - wide, 0))
    top = min(max(place[1] - height - 6, 0), max(size[1] - height - 6, 0))
    pen.rectangle((left, top, left + wide, top + height + 6), fill=fill)
    light = sum(share * part for share, part in zip((0.3, 0.59, 0.11), fill, strict=True))
    pen.text((left + 4, top + 2), text, (0, 0, 0) if light > 140 else (255, 255, 255), font)  # noqa: PLR2004
