"""Detection as COCO has it: JSON files with images, annotations and categories."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from archspec.errors import cause, error
from archspec.training.data.boxes import Thing, draft
from archspec.training.data.records import Draft, Layout, Report

WANTED = "COCO: DIR/annotations/*train*.json and *val*.json, or one .json, with the pictures in DIR"
_DAMAGE = (ValueError, RecursionError)


class _Annotations(NamedTuple):
    """A file: categories by id, and the rest as it is."""

    file: Path
    categories: Mapping[int, str]
    images: Sequence[Any]
    annotations: Sequence[Any]


def find(folder: Path, classes: int, report: Report) -> Layout | None:
    """The pictures of a folder, if it is laid out like that.

    Raises:
        SpecError: E702, a file is no such JSON; E703, a category that is none.
    """
    del classes
    files = sorted([*(folder / "annotations").glob("*.json"), *folder.glob("*.json")])
    if not files:
        return None
    train = next((file for file in files if "train" in file.stem), files[0])
    held = next((file for file in files if "val" in file.stem and file != train), None)
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


def _read(file: Path) -> _Annotations:
    try:
        data = json.loads(file.read_bytes())
    except OSError as reason:
        raise error("E702", f"cannot read '{file}': {cause(reason)}") from reason
    except _DAMAGE as reason:
        raise error("E702", f"'{file}' is no JSON") from reason
    words = ("images", "annotations", "categories")
    known = [data.get(word) if isinstance(data, dict) else None for word in words]
    if not all(isinstance(items, list) for items in known):
        wanted = "wanted: an object with the lists images, annotations and categories"
        raise error("E702", f"'{file}' is no file of COCO", hint=wanted)
    images, annotations, categories = cast("list[list[Any]]", known)
    try:
        names = {_whole(item["id"]): str(item["name"]) for item in categories}
    except (KeyError, TypeError, ValueError) as reason:
        raise error("E702", f"'{file}': a category has no id and name") from reason
    return _Annotations(file, names, images, annotations)


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError
    return value


def _drafts(
    folder: Path, found: _Annotations, places: Mapping[int, int], report: Report
) -> Iterator[Draft]:
    things: dict[Any, list[Thing]] = {}
    for number, item in enumerate(found.annotations):
        where = f"{found.file}: annotation {_id(item, number)}"
        thing = _thing(item, where, places, report)
        if thing:
            things.setdefault(_hashed(item["image_id"]), []).append(thing)
    for number, image in enumerate(found.images):
        where = f"{found.file}: image {_id(image, number)}"
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str):
            report(where, "has no id and file_name")
            continue
        name, key = image["file_name"], _hashed(image.get("id"))
        own = things.pop(key, [])
        file = _place(folder, found.file, name)
        if file is None:
            report(where, f"its file '{name}' is not below the folder")
        else:
            yield draft(file, own, key)
    for key, own in things.items():
        report(own[0].where, f"there is no image {key}")


def _hashed(value: object) -> Any:  # noqa: ANN401
    return value if isinstance(value, int | str) else repr(value)


def _id(item: Any, number: int) -> Any:  # noqa: ANN401
    return _hashed(item["id"]) if isinstance(item, dict) and "id" in item else f"number {number}"


def _thing(item: Any, where: str, places: Mapping[int, int], report: Report) -> Thing | None:  # noqa: ANN401
    try:
        left, top, width, height = (float(value) for value in item["bbox"])
        category, _ = _whole(item["category_id"]), item["image_id"]
    except (KeyError, TypeError, ValueError):
        report(where, "has no image_id, category_id and bbox of four numbers")
        return None
    if category not in places:
        raise error("E703", f"{where} is of category {category}, which there is not")
    crowd = bool(item.get("iscrowd"))
    return Thing((left, top, left + width, top + height), places[category], crowd, where)


def _place(folder: Path, annotations: Path, name: str) -> Path | None:
    """Where a picture lies: in the folder itself, in images, or in one called like the file."""
    part = annotations.stem.rpartition("_")[2]
    places = [folder / part, folder / "images" / part, folder / "images", folder]
    files = [(place / name).resolve() for place in places]
    inside = [file for file in files if file.is_relative_to(folder)]
    return next((file for file in inside if file.is_file()), inside[-1] if inside else None)
