"""Detection as Pascal VOC has it: an XML file for each picture."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree
from xml.parsers import expat

from archspec.errors import error
from archspec.training.data.boxes import Thing, draft
from archspec.training.data.names import names_in
from archspec.pictures import SUFFIXES
from archspec.training.data.records import Draft, Layout, Report

WANTED = "VOC: DIR/Annotations/*.xml and DIR/JPEGImages, with ImageSets/Main/train.txt and val.txt"


def find(folder: Path, classes: int, report: Report) -> Layout | None:
    """The pictures of a folder, if it is laid out like that.

    The classes are those of labels.txt, or else all names that there are, in alphabetical order.

    Raises:
        SpecError: E703, a name that labels.txt does not have.
    """
    del classes
    files = sorted((folder / "Annotations").glob("*.xml"))
    if not files:
        return None
    trees = {file: tree for file in files if (tree := _tree(file, report)) is not None}
    every = {_text(item, "name") for tree in trees.values() for item in tree.iter("object")}
    labels = names_in(folder) or tuple(sorted(every))
    places = {label: place for place, label in enumerate(labels)}
    held = _listed(folder, "val")
    train = _listed(folder, "train")
    drafts = {file.stem: _draft(folder, file, tree, places, report) for file, tree in trees.items()}
    if train is None or held is None:
        return Layout(labels, list(drafts.values()), None)
    parts = [[drafts[name] for name in names if name in drafts] for names in (train, held)]
    return Layout(labels, parts[0], parts[1])


def _listed(folder: Path, part: str) -> list[str] | None:
    file = folder / "ImageSets" / "Main" / f"{part}.txt"
    if not file.is_file():
        return None
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.split()[0] for line in lines if line.strip()]


def _tree(file: Path, report: Report) -> Tree.Element | None:
    """The content of a file, in which nothing is declared that would have to be expanded."""
    try:
        text = file.read_bytes()
        guard = expat.ParserCreate()
        guard.StartDoctypeDeclHandler = _refuse
        guard.Parse(text, True)  # noqa: FBT003  the last part
        return Tree.fromstring(text)  # noqa: S314  nothing is declared
    except (OSError, ValueError, expat.ExpatError, Tree.ParseError):
        report(file, "is no XML without declarations")
        return None


def _refuse(*_: object) -> None:
    raise ValueError


def _draft(
    folder: Path, file: Path, tree: Tree.Element, places: Mapping[str, int], report: Report
) -> Draft:
    things = [
        thing for item in tree.iter("object") if (thing := _thing(item, file, places, report))
    ]
    return draft(_picture(folder, file, tree), things, file.stem)


def _thing(
    item: Tree.Element, file: Path, places: Mapping[str, int], report: Report
) -> Thing | None:
    """A thing; corners are pixels counted from 1, both inside of the box."""
    name = _text(item, "name")
    if name not in places:
        raise error("E703", f"{file}: there is no class '{name}'")
    box = item.find("bndbox")
    try:
        words = ("xmin", "ymin", "xmax", "ymax")
        x1, y1, x2, y2 = (float(_text(box, word)) for word in words)
    except ValueError:
        report(file, "a box is no four numbers")
        return None
    difficult = _text(item, "difficult").strip() == "1"
    return Thing((x1 - 1, y1 - 1, x2, y2), places[name], difficult, str(file))


def _text(item: Any, word: str) -> str:  # noqa: ANN401
    return (item.findtext(word) or "").strip() if item is not None else ""


def _picture(folder: Path, file: Path, tree: Tree.Element) -> Path:
    images = folder / "JPEGImages"
    found = _candidates(images, file, tree)
    return next((path for path in found if path.is_file()), images / f"{file.stem}.jpg")


def _candidates(images: Path, file: Path, tree: Tree.Element) -> Iterator[Path]:
    name = Path(_text(tree, "filename")).name
    if name:
        yield images / name
    yield from (images / f"{file.stem}{suffix}" for suffix in sorted(SUFFIXES))
