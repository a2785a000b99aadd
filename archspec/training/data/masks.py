"""Segmentation: pictures, and masks of the same names whose pixels are numbers of classes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from archspec.training.data.folders import part_of
from archspec.training.data.names import names_in
from archspec.pictures import PictureError
from archspec.training.data.pictures import files_in, mask_of
from archspec.training.data.records import Draft, Layout, Make, Masked, Picture, Report

WANTED = "DIR/images and DIR/masks, with train and val in both or neither; or VOC's JPEGImages and "
WANTED += "SegmentationClass"
IGNORED = 255
_PAIRS = (("images", "masks"), ("JPEGImages", "SegmentationClass"))


def find(folder: Path, classes: int, report: Report) -> Layout | None:
    """The pictures of a folder, if it is laid out like that."""
    pairs = [(folder / first, folder / second) for first, second in _PAIRS]
    found = next((pair for pair in pairs if all(path.is_dir() for path in pair)), None)
    if found is None:
        return None
    images, masks = found
    labels = names_in(folder) or tuple(map(str, range(classes)))
    if (images / "train").is_dir():
        held = part_of(images)
        train = _drafts(images / "train", masks / "train", classes, report)
        rest = held and list(_drafts(held, masks / held.name, classes, report))
        return Layout(labels, list(train), rest)
    drafts = {draft.file.stem: draft for draft in _drafts(images, masks, classes, report)}
    parts = [_listed(folder, part) for part in ("train", "val")]
    if not all(part is not None for part in parts):
        return Layout(labels, list(drafts.values()), None)
    train, rest = ([drafts[name] for name in part or () if name in drafts] for part in parts)
    return Layout(labels, train, rest)


def _listed(folder: Path, part: str) -> Sequence[str] | None:
    file = folder / "ImageSets" / "Segmentation" / f"{part}.txt"
    if not file.is_file():
        return None
    return file.read_text(encoding="utf-8", errors="replace").split()


def _drafts(images: Path, masks: Path, classes: int, report: Report) -> Iterator[Draft]:
    there = {file.stem: file for file in files_in(masks)} if masks.is_dir() else {}
    for file in files_in(images):
        mask = there.get(file.stem)
        if mask is None:
            report(file, "has no mask")
        else:
            yield Draft(file, _maker(mask, classes))


def _maker(mask: Path, classes: int) -> Make:
    def make(picture: Picture, report: Report) -> Masked | None:
        try:
            pixels = mask_of(mask)
        except PictureError as reason:
            report(mask, str(reason))
            return None
        if pixels.shape != (picture.height, picture.width):
            height, width = pixels.shape
            report(mask, f"is {width}x{height}, its picture {picture.width}x{picture.height}")
            return None
        others = pixels[(pixels >= classes) & (pixels != IGNORED)]
        if others.size or pixels.min(initial=0) < 0:
            number = int(np.min(others, initial=pixels.min(initial=0)) or others.min())
            report(mask, f"has the class {number}, and there are {classes}")
            return None
        return Masked(picture, mask)

    return make
