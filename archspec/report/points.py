"""The result of a sweep → the points that are plotted: the best, and a sample of all."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import combinations, permutations
from os import PathLike
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from archspec import sweep

File: TypeAlias = str | PathLike[str]

POINT = "point"
TRAINABLE = "trainable"
"""Is not plotted: it goes with the parameters."""
SAMPLE = 3000
"""Points that are shown whatever they are, at even distances in the file."""
FRONT = 300
"""Points that are shown of the best in two values."""
_LARGEST = 2**53
"""From here on the numbers of a browser have gaps."""


@dataclass(frozen=True)
class Points:
    """What there is to plot.

    Args:
        axes: the columns that say what a point is.
        values: the columns to plot.
        rows: number, axes and values of each point that is shown, in the order of the file.
        best: places in `rows` of those on the line that is drawn first.
        total: number of points in the file.
        left: how many of them are not plotted, for a value is missing, or no number of a browser.
        words: columns beside the axes that cannot be plotted, for they hold words.
        whole: whether all are shown that are best in any two of the values.
    """

    axes: tuple[str, ...]
    values: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    best: tuple[int, ...]
    total: int
    left: int
    words: tuple[str, ...]
    whole: bool

    @property
    def first(self) -> tuple[str, str]:
        """What is plotted first, to the right and upwards."""
        return _first(self.values)

    @property
    def columns(self) -> tuple[str, ...]:
        """What a row has."""
        return (POINT, *self.axes, *self.values)

    @property
    def figure(self) -> str:
        """What the script plots, JSON."""
        known = {"columns": self.columns, "axes": len(self.axes), "rows": self.rows}
        return json.dumps(known, separators=(",", ":"), allow_nan=False)


def read(path: File) -> Points:
    """The points of a result file.

    For every two values, one as low as it gets and the other as low or as high, the points are kept
    than which none is better in one and as good in the other; so whichever two are plotted, their
    front is there. Where it is longer than FRONT, as that of two values that always grow together,
    a part of it is.

    Raises:
        SpecError: as `sweep.read`.
    """
    results = sweep.read(path)
    axes, parts = results.axes, list[Any](cast("Any", results).tables())  # pyarrow has no types
    values = tuple(name for name in results.numbers() if name not in {*axes, TRAINABLE})
    numbers = np.array(
        [np.concatenate([np.empty(0), *(_floats(part[name]) for part in parts)]) for name in values]
    )
    fine = np.flatnonzero((np.abs(numbers) < _LARGEST).all(axis=0))
    fronts = list(_fronts(list(numbers[:, fine])))
    shown = {*spread(range(len(fine)), SAMPLE)}
    shown.update(place for front in fronts for place in spread(front, FRONT))
    kept = fine[np.array(sorted(shown), int)]
    return Points(
        axes=axes,
        values=values,
        rows=_rows(parts, kept, (POINT, *axes, *values)),
        best=_best(numbers[:, kept], values),
        total=numbers.shape[1],
        left=numbers.shape[1] - len(fine),
        words=tuple(
            name for name in results.columns if name not in {POINT, TRAINABLE, *axes, *values}
        ),
        whole=all(len(front) <= FRONT for front in fronts) or len(shown) == len(fine),
    )


def _floats(column: Any) -> NDArray[np.float64]:  # noqa: ANN401  of pyarrow
    """A column of numbers; what is missing is NaN. Those of a browser are exact."""
    return np.asarray(column.to_numpy(), np.float64)


def _rows(
    parts: Sequence[Any], places: NDArray[np.intp], columns: Sequence[str]
) -> tuple[tuple[Any, ...], ...]:
    if not len(places):
        return ()
    table: Any = import_module("pyarrow").concat_tables(parts)
    kept = table.take(places).select(columns).to_pylist()
    return tuple(tuple(map(_said, row.values())) for row in kept)


def _said(value: object) -> object:
    """A value as JSON has it: as a text where it is none there, or another number in a browser."""
    if isinstance(value, int | float):
        return value if abs(value) < _LARGEST else str(value)
    return value if value is None else str(value)


def _best(numbers: NDArray[np.float64], values: Sequence[str]) -> tuple[int, ...]:
    right, up = _first(values)
    found = _sorted_front(numbers[values.index(right)], -numbers[values.index(up)])
    return tuple(found.tolist())


def _first(values: Sequence[str]) -> tuple[str, str]:
    """What is plotted first: to the right, and upwards the last that is no cost, or parameters."""
    return "macs", values[-1] if values[-1] not in sweep.METRICS else "params"


def _fronts(columns: Sequence[NDArray[Any]]) -> Iterator[list[int]]:
    """The places of the best in every two columns: both low, and one low, the other high."""
    for low, other in combinations(columns, 2):
        yield _front(low, other)
    for low, high in permutations(columns, 2):
        yield _front(low, -high)


def _front(first: NDArray[Any], second: NDArray[Any]) -> list[int]:
    """The places where nothing is lower in one and as low in the other, each pair once.

    The front of a few goes first: what it beats need not be sorted.
    """
    few = np.fromiter(spread(range(len(first)), SAMPLE), int)
    few = few[_sorted_front(first[few], second[few])]
    bound = np.append(second[few], np.iinfo(np.int64).max)
    rest = np.flatnonzero(second <= bound[np.searchsorted(first[few], first, side="right") - 1])
    return rest[_sorted_front(first[rest], second[rest])].tolist()


def _sorted_front(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.intp]:
    order = np.lexsort((second, first))
    lowest = np.minimum.accumulate(second[order])
    return order[np.flatnonzero(np.append(True, second[order][1:] < lowest[:-1])[: len(order)])]


def spread(places: Sequence[int], most: int) -> Iterator[int]:
    """So many of the places at even distances, the first and the last among them."""
    if len(places) <= most:
        return iter(places)
    return (places[number * (len(places) - 1) // (most - 1)] for number in range(most))
