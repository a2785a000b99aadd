"""Detection as Pascal VOC has it: an XML file for each picture."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

from archspec.errors import error, quoted
from archspec.pictures import SUFFIXES
from archspec.training.data.boxes import Thing, draft
from archspec.training.data.names import names_in
from archspec.training.data.pictures import files_in
from archspec.training.data.records import Draft, Layout, Report
from archspec.training.data.texts import LABELS, bytes_of, is_there, listed

WANTED = "VOC: DIR/Annotations/*.xml and DIR/JPEGImages, with ImageSets/Main/train.txt and val.txt"
_DAMAGE = (ValueError, LookupError, expat.ExpatError, ET.ParseError)
"""What a file raises that is no XML; LookupError, where it names a coding that there is not."""


def there(folder: Path) -> bool:
    """Whether a folder is laid out like that."""
    return any((folder / "Annotations").glob("*.xml"))


def find(folder: Path, classes: int, report: Report) -> Layout:
    """The pictures of a folder.

    The classes are those of labels.txt, or else all names that there are, in alphabetical order.

    Raises:
        SpecError: E703, a name that labels.txt does not have.
    """
    del classes
    files = sorted((folder / "Annotations").glob("*.xml"))
    trees = {file: tree for file in files if (tree := _tree(file, report)) is not None}
    every = {_text(item, "name") for tree in trees.values() for item in tree.iter("object")}
    labels = names_in(folder) or tuple(sorted(every - {""}))
    places = {label: place for place, label in enumerate(labels)}
    drafts = {file.stem: _draft(folder, file, tree, places, report) for file, tree in trees.items()}
    lists = folder / "ImageSets" / "Main"
    train = listed(lists / "train.txt", drafts, report)
    if train is not None:
        return Layout(labels, train, listed(lists / "val.txt", drafts, report))
    _report_others(folder / "JPEGImages", {item.file for item in drafts.values()}, report)
    return Layout(labels, list(drafts.values()), None)


def _report_others(images: Path, known: set[Path], report: Report) -> None:
    for file in files_in(images) if images.is_dir() else ():
        if file not in known:
            report(file, "has no annotation")


def _tree(file: Path, report: Report) -> ET.Element | None:
    """The content of a file, in which nothing is declared that would have to be expanded."""
    try:
        text = bytes_of(file, LABELS)
        guard = expat.ParserCreate()
        guard.StartDoctypeDeclHandler = _refuse
        guard.Parse(text, True)  # noqa: FBT003  the last part
        return ET.fromstring(text)  # noqa: S314  nothing is declared
    except _DAMAGE:
        report(file, "is no XML without declarations")
        return None


def _refuse(*_: object) -> None:
    raise ValueError


def _draft(
    folder: Path, file: Path, tree: ET.Element, places: Mapping[str, int], report: Report
) -> Draft:
    things = [
        thing
        for number, item in enumerate(tree.iter("object"), 1)
        if (thing := _thing(item, f"{file}: object {number}", places, report))
    ]
    return draft(_picture(folder, file, tree), things, file.stem)


def _thing(item: ET.Element, where: str, places: Mapping[str, int], report: Report) -> Thing | None:
    """A thing; corners are pixels counted from 1, both inside of the box."""
    name = _text(item, "name")
    if not name:
        report(where, "has no name")
        return None
    if name not in places:
        raise error("E703", f"{where} is a {quoted(name)}, which labels.txt does not have")
    box = item.find("bndbox")
    try:
        words = ("xmin", "ymin", "xmax", "ymax")
        x1, y1, x2, y2 = (float(_text(box, word)) for word in words)
    except ValueError:
        report(where, "a box is no four numbers")
        return None
    difficult = _text(item, "difficult") == "1"
    return Thing((x1 - 1, y1 - 1, x2, y2), places[name], difficult, where)


def _text(item: Any, word: str) -> str:  # noqa: ANN401
    return (item.findtext(word) or "").strip() if item is not None else ""


def _picture(folder: Path, file: Path, tree: ET.Element) -> Path:
    images = folder / "JPEGImages"
    found = _candidates(images, file, tree)
    return next((path for path in found if is_there(path)), images / f"{file.stem}.jpg")


def _candidates(images: Path, file: Path, tree: ET.Element) -> Iterator[Path]:
    """The file that is named, of which only the last part counts; or one called like the XML."""
    name = Path(_text(tree, "filename")).name
    if name:
        yield images / name
    yield from (images / f"{file.stem}{suffix}" for suffix in sorted(SUFFIXES))
