"""Classification: a folder for each class, in `train` and `val` or in neither."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from archspec.errors import error, quoted
from archspec.training.data.pictures import files_in
from archspec.training.data.records import Draft, Labelled, Layout, Make, Picture, Report

WANTED = "a folder for each class, DIR/CLASS/*.jpg, or those in DIR/train and DIR/val"
VALIDATION = ("val", "validation", "valid", "test")
"""What the part to validate with may be called; the first that is there."""


def there(folder: Path) -> bool:
    """Whether a folder is laid out like that."""
    top = _top(folder)
    return any(any(files_in(top / label)) for label in _classes(top))


def find(folder: Path, classes: int, report: Report) -> Layout:
    """The pictures of a folder.

    Raises:
        SpecError: E703, a class that only the part to validate with has.
    """
    del classes, report
    top = _top(folder)
    labels = _classes(top)
    held = part_of(folder) if top != folder else None
    if held is None:
        return Layout(labels, list(_drafts(top, labels)), None)
    others = sorted({*_classes(held)} - {*labels})
    if others:
        message = f"'{held}' has the class {quoted(others[0])}, which '{top}' does not have"
        raise error("E703", message)
    return Layout(labels, list(_drafts(top, labels)), list(_drafts(held, labels)))


def part_of(folder: Path) -> Path | None:
    """The folder of what is to validate with."""
    return next((folder / name for name in VALIDATION if (folder / name).is_dir()), None)


def _top(folder: Path) -> Path:
    """The folder of the folders of classes to train with."""
    train = folder / "train"
    return train if train.is_dir() else folder


def _classes(folder: Path) -> tuple[str, ...]:
    inside = sorted(item for item in folder.iterdir() if item.is_dir())
    return tuple(item.name for item in inside if not item.name.startswith("."))


def _drafts(folder: Path, labels: Sequence[str]) -> Iterator[Draft]:
    for number, label in enumerate(labels):
        if (folder / label).is_dir():
            yield from (Draft(file, _maker(number)) for file in files_in(folder / label))


def _maker(label: int) -> Make:
    def make(picture: Picture, report: Report) -> Labelled:
        del report
        return Labelled(picture, label)

    return make
