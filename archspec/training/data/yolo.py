"""Detection as YOLO has it: a text file for each picture, a line for each box."""

from collections.abc import Iterator
from pathlib import Path

from archspec.errors import cause, error
from archspec.training.data.boxes import Thing, draft
from archspec.training.data.folders import part_of
from archspec.training.data.names import names_in, names_in_yaml
from archspec.training.data.pictures import files_in
from archspec.training.data.records import Draft, Layout, Report

WANTED = "YOLO: DIR/images and DIR/labels, with train and val in both or neither, and data.yaml"
NUMBERS = 5


def find(folder: Path, classes: int, report: Report) -> Layout | None:
    """The pictures of a folder, if it is laid out like that; one without a text has no boxes.

    Raises:
        SpecError: E702, data.yaml has no names; E703, a class that is none.
    """
    images, texts = folder / "images", folder / "labels"
    if not images.is_dir() or not texts.is_dir():
        return None
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
    file = next((file for file in files if file.is_file()), None)
    return names_in_yaml(file) if file else names_in(folder)


def _drafts(images: Path, texts: Path, labels: tuple[str, ...], report: Report) -> Iterator[Draft]:
    for file in files_in(images):
        text = texts / f"{file.stem}.txt"
        things = list(_things(text, len(labels), report)) if text.is_file() else []
        yield draft(file, things, file.stem, shares=True)


def _things(file: Path, classes: int, report: Report) -> Iterator[Thing]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as reason:
        report(file, f"cannot be read: {cause(reason)}")
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
            raise error("E703", f"{where}: there is no class {label:g}, there are {classes}")
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        yield Thing(box, int(label), ignored=False, where=where)


def _numbers(line: str) -> list[float]:
    values = list(map(float, line.split()))
    if len(values) != NUMBERS or values[0] != int(values[0]):
        raise ValueError
    return values
