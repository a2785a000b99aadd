"""Boxes of data sets, cut at their pictures."""

from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from archspec.training.data.records import Box, Boxed, Draft, Picture, Report

LEAST = 0.1
"""Pixels of a side; less is no size."""


class Thing(NamedTuple):
    """A box as a data set has it.

    Args:
        box: corners, in pixels or as shares of the picture.
        label: from 0.
        ignored: see `Boxed`.
        where: file, and line if it has one, that messages name.
    """

    box: Box
    label: int
    ignored: bool
    where: str


def draft(file: Path, things: Iterable[Thing], name: int | str, *, shares: bool = False) -> Draft:
    """A picture with boxes; `shares`: they are not in pixels."""
    known = tuple(things)

    def make(picture: Picture, report: Report) -> Boxed:
        units = (picture.width, picture.height) * 2 if shares else (1, 1, 1, 1)
        kept: list[tuple[Box, Thing]] = []
        for thing in known:
            x1, y1, x2, y2 = (value * unit for value, unit in zip(thing.box, units, strict=True))
            cut = (max(x1, 0.0), max(y1, 0.0), min(x2, picture.width), min(y2, picture.height))
            if not all(map(isfinite, (x1, y1, x2, y2))):
                report(thing.where, "a box is no four numbers")
            elif not _has_size((x1, y1, x2, y2)):
                report(thing.where, "a box has no size")
            elif not _has_size(cut):
                report(thing.where, "a box lies outside of its picture")
            else:
                kept.append((cut, thing))
        return Boxed(
            picture,
            tuple(box for box, _ in kept),
            tuple(thing.label for _, thing in kept),
            tuple(thing.ignored for _, thing in kept),
            name,
        )

    return Draft(file, make)


def _has_size(box: Box) -> bool:
    x1, y1, x2, y2 = box
    return x2 - x1 >= LEAST and y2 - y1 >= LEAST
