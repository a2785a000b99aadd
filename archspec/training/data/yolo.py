"""Detection as YOLO has it: a text file for each picture, a line for each box."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from archspec.errors import error
from archspec.training.data.boxes import Thing, draft
from archspec.training.data.folders import part_of
from archspec.training.data.names import FILES, names_in, names_in_yaml
from archspec.training.data.pictures import files_in
from archspec.training.data.records import Draft, Layout, Report
from archspec.training.data.texts import LABELS, TextError, is_there, lines_of

WANTED = "YOLO: DIR/images and DIR/labels, with train and val in both or neither, and data.yaml"
NUMBERS = 5


def there(folder: Path) -> bool:
    """Whether a folder is laid out like that."""
    return (folder / "images").is_dir() and (folder / "labels").is_dir()


def find(folder: Path, classes: int, report: Report) -> Layout:
    """The pictures of a folder; one without a text has no boxes.

    Raises:
        SpecError: E702, data.yaml has no names; E703, a class that is none.
    """
    images, texts = folder / "images", folder / "labels"
    labels = _names(folder) or tuple(map(str, range(classes)))
    train, held = images / "train", part_of(images)
    if not train.is_dir():
        return Layout(labels, list(_drafts(images, texts, labels, report)), None)
    drafts = list(_drafts(train, texts / "train", labels, report))
    validation = None
    if held is not None:
        validation = list(_drafts(held, texts / held.name, labels, report))
    return Layout(labels, drafts, validation)


def _names(folder: Path) -> tuple[str, ...]:
    files = (folder / name for name in ("data.yaml", "data.yml", "dataset.yaml"))
    file = next(filter(is_there, files), None)
    return names_in_yaml(file) if file else names_in(folder)


def _drafts(images: Path, texts: Path, labels: tuple[str, ...], report: Report) -> Iterator[Draft]:
    files = list(files_in(images))
    for file in files:
        text = texts / f"{file.stem}.txt"
        things = list(_things(text, len(labels), report)) if is_there(text) else []
        yield draft(file, things, file.stem, shares=True)
    _report_others(texts, files, report)


def _report_others(texts: Path, pictures: Sequence[Path], report: Report) -> None:
    """Name the texts that say something of a picture that is not there."""
    stems = {file.stem for file in pictures}
    for text in sorted(texts.glob("*.txt")):
        if text.stem not in stems and text.name not in FILES:
            report(text, "has no picture")


def _things(file: Path, classes: int, report: Report) -> Iterator[Thing]:
    try:
        lines = lines_of(file, LABELS)
    except TextError as reason:
        report(file, str(reason))
        return
    for number, line in enumerate(lines, 1):
        where = f"{file}:{number}"
        if not line.strip():
            continue
        try:
            label, x, y, width, height = _numbers(line)
        except ValueError:
            report(where, f"a line is no class and {NUMBERS - 1} numbers")
            continue
        if not 0 <= label < classes:
            message = f"{where}: there is no class {label:g}, there are {classes}, from 0"
            raise error("E703", message)
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        yield Thing(box, int(label), ignored=False, where=where)


def _numbers(line: str) -> list[float]:
    values = list(map(float, line.split()))
    if len(values) != NUMBERS or not values[0].is_integer():
        raise ValueError
    return values
