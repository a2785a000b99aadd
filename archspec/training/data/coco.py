"""Detection as COCO has it: JSON files with images, annotations and categories."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeAlias, cast

from archspec.errors import error, quoted
from archspec.training.data.boxes import Thing, draft
from archspec.training.data.pictures import files_in
from archspec.training.data.records import Box, Draft, Layout, Report
from archspec.training.data.texts import TextError, bytes_of, is_there

WANTED = "COCO: DIR/annotations/*train*.json and *val*.json, or one .json, with the pictures in DIR"
LARGEST = 1 << 30
"""Bytes of a file."""
_OTHERS = ("Annotations", "labels", "masks")
"""Folders of other layouts, in which a .json beside the pictures is something else."""
_DAMAGE = (ValueError, RecursionError)
_FEW = 10
_Item: TypeAlias = Mapping[str, Any]


class _Annotations(NamedTuple):
    """A file: categories by id, and the rest as it is."""

    file: Path
    categories: Mapping[int, str]
    images: Sequence[_Item]
    annotations: Sequence[_Item]


def there(folder: Path) -> bool:
    """Whether a folder is laid out like that."""
    return bool(_files(folder))


def find(folder: Path, classes: int, report: Report) -> Layout:
    """The pictures of a folder.

    Raises:
        SpecError: E702, a file is no such JSON, or one too many; E703, a category that is none.
    """
    del classes
    train, held = _parts(_files(folder))
    first = _read(train)
    ids = tuple(sorted(first.categories))
    labels = tuple(first.categories[number] for number in ids)
    places = {number: place for place, number in enumerate(ids)}
    validation = None
    if held is not None:
        second = _read(held)
        if second.categories != first.categories:
            raise error("E703", f"'{held}' has other categories than '{train}'")
        validation = list(_drafts(folder, second, places, report))
    return Layout(labels, list(_drafts(folder, first, places, report)), validation, ids)


def _files(folder: Path) -> Sequence[Path]:
    """The JSON files; of COCO's own those with boxes."""
    found = sorted(filter(is_there, (folder / "annotations").glob("*.json")))
    if not found and not any((folder / name).is_dir() for name in _OTHERS):
        beside = sorted(filter(is_there, folder.glob("*.json")))
        found = [file for file in beside if _has_pictures(folder, file)]
    return [file for file in found if file.stem.startswith("instances")] or found


def _has_pictures(folder: Path, file: Path) -> bool:
    places = [place for place in _places(folder, file) if place.is_dir()]
    return (folder / "images").is_dir() or any(any(files_in(place)) for place in places)


def _parts(files: Sequence[Path]) -> tuple[Path, Path | None]:
    """What to train with, and what to validate with."""
    train = [file for file in files if "train" in file.stem]
    held = [file for file in files if "val" in file.stem and file not in train]
    train = train or [file for file in files if file not in held] or held
    for several in (train, held):
        if len(several) > 1:
            names = ", ".join(f"'{file.name}'" for file in several)
            hint = "keep one whose name has train in it, and one with val"
            raise error("E702", f"which to read of {names}?", hint=hint)
    return train[0], next((file for file in held if file not in train), None)


def _read(file: Path) -> _Annotations:
    try:
        data: Any = json.loads(bytes_of(file, LARGEST))
    except TextError as reason:
        raise error("E702", f"'{file}' {reason}") from reason
    except _DAMAGE as reason:
        raise error("E702", f"'{file}' is no JSON") from reason
    known: _Item = cast("_Item", data) if isinstance(data, dict) else {}
    words = ("images", "annotations", "categories")
    if not all(isinstance(known.get(word), list) for word in words):
        wanted = "wanted: an object with the lists images, annotations and categories"
        raise error("E702", f"'{file}' is no file of COCO", hint=wanted)
    images, annotations, categories = (_items(known[word]) for word in words)
    try:
        names = {_whole(item["id"]): str(item["name"]) for item in categories}
    except (KeyError, ValueError) as reason:
        raise error("E702", f"'{file}': a category has no id and name") from reason
    return _Annotations(file, names, images, annotations)


def _items(values: Sequence[Any]) -> Sequence[_Item]:
    """What is no object says nothing."""
    return [cast("_Item", value) if isinstance(value, dict) else {} for value in values]


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError
    return value


def _drafts(
    folder: Path, found: _Annotations, places: Mapping[int, int], report: Report
) -> Iterator[Draft]:
    """The pictures; one with an id that another has is none."""
    things: dict[int | str, list[Thing]] = {}
    for number, item in enumerate(found.annotations, 1):
        where = _where(found.file, "annotation", item, number)
        if thing := _thing(item, where, places, report):
            things.setdefault(item["image_id"], []).append(thing)
    images = dict(_images(found, report))
    for key, name in images.items():
        own = things.pop(key, [])
        if _leads_down(name):
            yield draft(_place(folder, found.file, name), own, key)
        else:
            where = f"{found.file}: image {quoted(key)}"
            report(where, f"its file {quoted(name)} is not below the folder")
    for key, own in things.items():
        for thing in own:
            report(thing.where, f"there is no image {quoted(key)}")


def _images(found: _Annotations, report: Report) -> Iterator[tuple[int | str, str]]:
    """Ids and files of the pictures."""
    seen: set[int | str] = set()
    for number, image in enumerate(found.images, 1):
        where = _where(found.file, "image", image, number)
        key, name = _id(image, "id"), image.get("file_name")
        if key is None or not isinstance(name, str):
            report(where, "has no id and file_name")
        elif key in seen:
            report(where, "has the id of another one")
        else:
            seen.add(key)
            yield key, name


def _id(item: _Item, word: str) -> int | str | None:
    value = item.get(word)
    return value if isinstance(value, int | str) else None


def _where(file: Path, kind: str, item: _Item, number: int) -> str:
    own = _id(item, "id")
    return f"{file}: {kind} {f'number {number}' if own is None else quoted(own)}"


def _thing(item: _Item, where: str, places: Mapping[int, int], report: Report) -> Thing | None:
    try:
        category, box = _whole(item["category_id"]), _corners(item["bbox"])
        if _id(item, "image_id") is None:
            raise KeyError("image_id")  # noqa: TRY301
    except (KeyError, ValueError):
        report(where, "has no image_id, category_id and bbox of four numbers")
        return None
    if category not in places:
        known = ", ".join(map(str, [*places][:_FEW])) + (", …" if len(places) > _FEW else "")
        message = f"{where} is of category {quoted(category)}, which there is not"
        raise error("E703", message, hint=f"there are {known}")
    return Thing(box, places[category], item.get("iscrowd") == 1, where)


def _corners(box: Any) -> Box:  # noqa: ANN401
    values = cast("list[Any]", box) if isinstance(box, list) else []
    left, top, width, height = map(_real, values)
    return left, top, left + width, top + height


def _real(value: Any) -> float:  # noqa: ANN401
    if not isinstance(value, int | float):
        raise ValueError  # noqa: TRY004  as a number that is none
    try:
        return float(value)
    except OverflowError:
        return inf


def _leads_down(name: str) -> bool:
    """Whether a name of a file stays in the folder that it is looked up in."""
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.is_absolute() and ".." not in path.parts


def _place(folder: Path, annotations: Path, name: str) -> Path:
    """Where a picture lies."""
    files = [place / name for place in _places(folder, annotations)]
    return next((file for file in files if is_there(file)), files[-1])


def _places(folder: Path, annotations: Path) -> Sequence[Path]:
    """In the folder itself, in images, or in one called like the file."""
    part = annotations.stem.rpartition("_")[2]
    return [folder / part, folder / "images" / part, folder / "images", folder]
