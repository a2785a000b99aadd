"""Data sets that tests draw: shapes on textured backgrounds."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle")


def background(draw: np.random.Generator, size: int) -> Image.Image:
    """A texture of the size of a picture."""
    coarse = draw.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)


def draw_shape(picture: Image.Image, shape: str, box: tuple[int, ...], color: tuple[int, ...]) -> None:
    """A shape that touches all sides of its box."""
    pen, (left, top, right, bottom) = ImageDraw.Draw(picture), box
    corners = [((left + right) // 2, top), (left, bottom), (right, bottom)]
    if shape == "triangle":
        pen.polygon(corners, fill=color)
    else:
        {"circle": pen.ellipse, "square": pen.rectangle}[shape](box, fill=color)


def classes(folder: Path, each: int, size: int, seed: int = 0) -> Path:
    """A folder for each shape, with so many pictures; a plain color sets them apart."""
    draw = np.random.default_rng(seed)
    for number, shape in enumerate(SHAPES):
        (folder / shape).mkdir(parents=True)
        for count in range(each):
            picture = background(draw, size)
            side = int(draw.integers(size // 2, size * 3 // 4))
            left, top = map(int, draw.integers(0, size - side, 2))
            color = tuple(255 if channel == number else 0 for channel in range(3))
            draw_shape(picture, shape, (left, top, left + side, top + side), color)
            picture.save(folder / shape / f"{count:03}.png")
    return folder


def masks(folder: Path, count: int, size: int, seed: int = 0) -> Path:
    """Pictures with one shape each, and masks: 0 the background, 1 to 3 the shapes."""
    draw = np.random.default_rng(seed)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        picture, mask = background(draw, size), Image.new("L", (size, size))
        label = number % len(SHAPES)
        side = int(draw.integers(size // 2, size * 3 // 4))
        left, top = map(int, draw.integers(0, size - side, 2))
        box = (left, top, left + side, top + side)
        color = tuple(255 if channel == label else 0 for channel in range(3))
        draw_shape(picture, SHAPES[label], box, color)
        draw_shape(mask, SHAPES[label], box, (label + 1,))
        picture.save(folder / "images" / f"{number:03}.png")
        mask.save(folder / "masks" / f"{number:03}.png")
    return folder
