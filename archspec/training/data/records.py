"""What is known of the pictures of a data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

Task: TypeAlias = Literal["classification", "detection", "segmentation"]
Box: TypeAlias = tuple[float, float, float, float]
"""Corners x1, y1, x2, y2 in pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that decodes.

    Args:
        file: absolute.
        height: pixels, as it is shown: what EXIF says of its orientation is done.
        width: likewise.
    """

    file: Path
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture of one class, from 0."""

    picture: Picture
    label: int


@dataclass(frozen=True, slots=True)
class Boxed:
    """A picture with boxes around things, perhaps none.

    Args:
        picture: that they are in.
        boxes: inside of it.
        labels: of the boxes, from 0.
        ignored: whether a box is neither right nor wrong to find: crowds, difficult things.
        id: what the data set calls the picture.
    """

    picture: Picture
    boxes: tuple[Box, ...]
    labels: tuple[int, ...]
    ignored: tuple[bool, ...]
    id: int | str


@dataclass(frozen=True, slots=True)
class Masked:
    """A picture and the file with the class of each pixel, 255 for what does not count."""

    picture: Picture
    mask: Path


Sample: TypeAlias = Labelled | Boxed | Masked


class Problem(NamedTuple):
    """Something that was left out, and why."""

    file: str
    what: str


Report: TypeAlias = Callable[[Path | str, str], None]
"""Takes a file and what is wrong with it."""
Make: TypeAlias = Callable[[Picture, Report], Sample | None]


class Draft(NamedTuple):
    """A picture that is not looked at yet.

    Args:
        file: absolute.
        make: what it becomes once its size is known; None: it is left out, and that is reported.
    """

    file: Path
    make: Make


class Layout(NamedTuple):
    """What a reader finds in a folder.

    Args:
        labels: names of the classes.
        train: to train with.
        validation: to validate with; None: there is no such part.
        category_ids: what COCO calls the classes.
    """

    labels: tuple[str, ...]
    train: Sequence[Draft]
    validation: Sequence[Draft] | None
    category_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Pictures to train and to validate with.

    Args:
        task: what they are for.
        labels: names of the classes.
        train: to train with.
        validation: to validate with.
        problems: what was left out.
        category_ids: what COCO calls the classes; elsewhere 1, 2, ….
    """

    task: Task
    labels: tuple[str, ...]
    train: Sequence[Sample]
    validation: Sequence[Sample]
    problems: tuple[Problem, ...]
    category_ids: tuple[int, ...]
