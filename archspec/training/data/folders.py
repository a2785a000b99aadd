"""Classification: a folder for each class, in `train` and `val` or in neither."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from archspec.errors import error
from archspec.training.data.pictures import files_in
from archspec.training.data.records import Draft, Labelled, Layout, Picture, Report

WANTED = "a folder for each class, DIR/CLASS/*.jpg, or those in DIR/train and DIR/val"
VALIDATION = ("val", "validation", "valid", "test")
"""What the part to validate with may be called; the first that is there."""


def find(folder: Path, classes: int, report: Report) -> Layout | None:
    """The pictures of a folder, if it is laid out like that."""
    del classes
    train = folder / "train"
    parted = train.is_dir()
    labels = tuple(_classes(train if parted else folder))
    if not labels:
        return None
    top = train if parted else folder
    for label in labels:
        if not any(files_in(top / label)):
            report(top / label, "a class without a picture")
    held = part_of(folder) if parted else None
    if held is not None:
        others = sorted({*_classes(held)} - {*labels})
        if others:
            message = f"'{held}' has the class '{others[0]}', which '{train}' does not have"
            raise error("E703", message)
    validation = None if held is None else list(_drafts(held, labels))
    return Layout(labels, list(_drafts(top, labels)), validation)


def part_of(folder: Path) -> Path | None:
    """The folder of what is to validate with."""
    return next((folder / name for name in VALIDATION if (folder / name).is_dir()), None)


def _classes(folder: Path) -> Iterator[str]:
    inside = sorted(item for item in folder.iterdir() if item.is_dir())
    yield from (item.name for item in inside if not item.name.startswith("."))


def _drafts(folder: Path, labels: Sequence[str]) -> Iterator[Draft]:
    for number, label in enumerate(labels):
        if (folder / label).is_dir():
            yield from (Draft(file, _maker(number)) for file in files_in(folder / label))


def _maker(label: int):  # noqa: ANN202  a Make
    def make(picture: Picture, report: Report) -> Labelled:
        del report
        return Labelled(picture, label)

    return make
