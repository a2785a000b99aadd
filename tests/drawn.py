"""Data sets to train with: colored shapes on textured backgrounds, drawn from a seed.

`python -m tests.drawn LAYOUT FOLDER COUNT SIZE` writes one; tests and bench/ train with them.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SHAPES = ("circle", "square", "triangle")


class Shape(NamedTuple):
    """A shape in a picture: what, and the corners of its box in pixels."""

    label: int
    box: tuple[int, int, int, int]


class Drawn(NamedTuple):
    """A picture (h, w, 3), the shapes in it, and the class of each pixel, 0 for the background."""

    pixels: np.ndarray
    shapes: list[Shape]
    mask: np.ndarray


def draw(seed: int, size: int, most: int = 3) -> Drawn:
    """A picture with one shape or up to `most`, which overlap little; the same for the same seed."""
    rng = np.random.default_rng(seed)
    image = _background(rng, size)
    mask = Image.new("L", image.size)
    shapes: list[Shape] = []
    for _ in range(int(rng.integers(1, most + 1))):
        for _ in range(20):
            side = int(size * rng.uniform(0.25, 0.6))
            left, top = (int(rng.integers(0, size - side)) for _ in range(2))
            box = (left, top, left + side, top + side)
            if all(_overlap(box, other.box) < 0.05 for other in shapes):
                shapes.append(Shape(int(rng.integers(len(SHAPES))), box))
                break
    for shape in shapes:
        color = tuple(int(value) for value in rng.integers(0, 256, 3))
        for canvas, fill in ((image, color), (mask, shape.label + 1)):
            _paint(ImageDraw.Draw(canvas), shape, fill)
    return Drawn(np.asarray(image), shapes, np.asarray(mask))


def _background(rng: np.random.Generator, size: int) -> Image.Image:
    """Noise of two scales in one tone."""
    tone = rng.integers(60, 200, 3)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((size, size))
    fine = rng.normal(0, 12, (size, size, 3))
    mixed = 0.75 * tone + 0.25 * np.asarray(coarse.filter(ImageFilter.GaussianBlur(2))) + fine
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def _paint(canvas: ImageDraw.ImageDraw, shape: Shape, fill: object) -> None:
    left, top, right, bottom = shape.box
    inner = (left, top, right - 1, bottom - 1)
    if SHAPES[shape.label] == "circle":
        canvas.ellipse(inner, fill=fill)
    elif SHAPES[shape.label] == "square":
        canvas.rectangle(inner, fill=fill)
    else:
        middle = (left + right - 1) // 2
        canvas.polygon([(middle, top), (right - 1, bottom - 1), (left, bottom - 1)], fill=fill)


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return max(wide, 0) * max(high, 0) / smaller


def _parts(count: int, held: float = 0.2) -> list[tuple[str, list[int]]]:
    """Seeds of the pictures of each part."""
    train = count - round(count * held)
    return [("train", list(range(train))), ("val", list(range(train, count)))]


def _save(pixels: np.ndarray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


def folders(folder: Path, count: int, size: int) -> None:
    """A folder for each class, with one shape in each picture."""
    for part, seeds in _parts(count):
        for seed in seeds:
            drawn = draw(seed, size, most=1)
            name = SHAPES[drawn.shapes[0].label]
            _save(drawn.pixels, folder / part / name / f"{seed:05}.png")


def coco(folder: Path, count: int, size: int) -> None:
    """JSON files as COCO has them, whose ids have gaps."""
    for part, seeds in _parts(count):
        images, annotations = [], []
        for seed in seeds:
            drawn = draw(seed, size)
            name = f"{seed:05}.png"
            _save(drawn.pixels, folder / part / name)
            images.append({"id": seed + 1, "file_name": name, "width": size, "height": size})
            for shape in drawn.shapes:
                left, top, right, bottom = shape.box
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": seed + 1,
                        "category_id": 3 * shape.label + 1,
                        "bbox": [left, top, right - left, bottom - top],
                        "iscrowd": 0,
                    }
                )
        categories = [{"id": 3 * place + 1, "name": name} for place, name in enumerate(SHAPES)]
        said = {"images": images, "annotations": annotations, "categories": categories}
        file = folder / "annotations" / f"instances_{part}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(said), encoding="utf-8")


def voc(folder: Path, count: int, size: int) -> None:
    """An XML file for each picture, as Pascal VOC has it."""
    for part, seeds in _parts(count):
        for seed in seeds:
            drawn = draw(seed, size)
            _save(drawn.pixels, folder / "JPEGImages" / f"{seed:05}.png")
            things = "".join(
                f"<object><name>{SHAPES[label]}</name><difficult>0</difficult><bndbox>"
                f"<xmin>{box[0] + 1}</xmin><ymin>{box[1] + 1}</ymin>"
                f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
                for label, box in drawn.shapes
            )
            text = f"<annotation><filename>{seed:05}.png</filename>{things}</annotation>"
            file = folder / "Annotations" / f"{seed:05}.xml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        listed = folder / "ImageSets" / "Main" / f"{part}.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text("".join(f"{seed:05}\n" for seed in seeds), encoding="utf-8")


def yolo(folder: Path, count: int, size: int) -> None:
    """A text file for each picture, as YOLO has it."""
    for part, seeds in _parts(count):
        for seed in seeds:
            drawn = draw(seed, size)
            _save(drawn.pixels, folder / "images" / part / f"{seed:05}.png")
            lines = [
                f"{label} {(box[0] + box[2]) / 2 / size} {(box[1] + box[3]) / 2 / size}"
                f" {(box[2] - box[0]) / size} {(box[3] - box[1]) / size}\n"
                for label, box in drawn.shapes
            ]
            file = folder / "labels" / part / f"{seed:05}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(lines), encoding="utf-8")
    names = "".join(f"  {place}: {name}\n" for place, name in enumerate(SHAPES))
    (folder / "data.yaml").write_text(f"names:\n{names}", encoding="utf-8")


def masks(folder: Path, count: int, size: int) -> None:
    """A mask for each picture, with the background as class 0."""
    for part, seeds in _parts(count):
        for seed in seeds:
            drawn = draw(seed, size)
            _save(drawn.pixels, folder / "images" / part / f"{seed:05}.png")
            _save(drawn.mask, folder / "masks" / part / f"{seed:05}.png")
    (folder / "labels.txt").write_text("\n".join(("background", *SHAPES)), encoding="utf-8")


LAYOUTS: Mapping[str, Callable[[Path, int, int], None]] = {
    "folders": folders,
    "coco": coco,
    "voc": voc,
    "yolo": yolo,
    "masks": masks,
}

if __name__ == "__main__":
    layout, target, pictures, pixels = sys.argv[1:]
    LAYOUTS[layout](Path(target), int(pictures), int(pixels))
