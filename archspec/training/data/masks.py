"""Segmentation: pictures, and masks of the same names whose pixels are numbers of classes."""

from collections.abc import Iterator
from pathlib import Path

from archspec.pictures import PictureError
from archspec.training.data.folders import part_of
from archspec.training.data.names import names_in
from archspec.training.data.pictures import files_in, mask_of
from archspec.training.data.records import Draft, Layout, Make, Masked, Picture, Report
from archspec.training.data.texts import listed

WANTED = (
    "DIR/images and DIR/masks, with train and val in both or neither; "
    "or VOC's JPEGImages and SegmentationClass"
)
IGNORED = 255
_PAIRS = (("images", "masks"), ("JPEGImages", "SegmentationClass"))


def there(folder: Path) -> bool:
    """Whether a folder is laid out like that."""
    return _pair(folder) is not None


def _pair(folder: Path) -> tuple[Path, Path] | None:
    pairs = ((folder / first, folder / second) for first, second in _PAIRS)
    return next((pair for pair in pairs if all(path.is_dir() for path in pair)), None)


def find(folder: Path, classes: int, report: Report) -> Layout:
    """The pictures of a folder."""
    images, masks = _pair(folder) or (folder, folder)
    labels = names_in(folder) or tuple(map(str, range(classes)))
    if (images / "train").is_dir():
        held = part_of(images)
        train = list(_drafts(images / "train", masks / "train", classes, report))
        rest = None if held is None else list(_drafts(held, masks / held.name, classes, report))
        return Layout(labels, train, rest)
    lists = folder / "ImageSets" / "Segmentation"
    if not (lists / "train.txt").is_file():
        return Layout(labels, list(_drafts(images, masks, classes, report)), None)
    # What has no mask is not in the lists of VOC, but beside the others.
    drafts = {draft.file.stem: draft for draft in _drafts(images, masks, classes, _silent)}
    train = listed(lists / "train.txt", drafts, report)
    return Layout(labels, train or [], listed(lists / "val.txt", drafts, report))


def _silent(file: Path | str, what: str) -> None:
    del file, what


def _drafts(images: Path, masks: Path, classes: int, report: Report) -> Iterator[Draft]:
    there = {file.stem: file for file in files_in(masks)} if masks.is_dir() else {}
    files = list(files_in(images))
    for file in files:
        mask = there.get(file.stem)
        if mask is None:
            report(file, "has no mask")
        else:
            yield Draft(file, _maker(mask, classes))
    for stem in sorted({*there} - {file.stem for file in files}):
        report(there[stem], "has no picture")


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
        unknown = pixels[(pixels != IGNORED) & ((pixels < 0) | (pixels >= classes))]
        if unknown.size:
            report(mask, f"has the class {unknown.min()}, there are {classes}, from 0")
            return None
        return Masked(picture, mask)

    return make
