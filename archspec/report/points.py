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
        total: number of points in the file.
        whole: whether all are shown that are best in any two of the values.
    """

    axes: tuple[str, ...]
    values: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    whole: bool

    @property
    def figure(self) -> str:
        """What the script plots, JSON."""
        columns = (POINT, *self.axes, *self.values)
        known = {"columns": columns, "axes": len(self.axes), "rows": self.rows}
        return json.dumps(known, separators=(",", ":"))


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
    parts: list[Any] = list(cast("Any", results).tables())  # pyarrow has no types
    if not parts:
        return Points(results.axes, results.numbers(), (), total=0, whole=True)
    table: Any = import_module("pyarrow").concat_tables(parts)
    axes = results.axes
    values = tuple(name for name in results.numbers() if name not in {*axes, TRAINABLE})
    table = _plottable(table, values)
    fronts = list(_fronts([table[name].to_numpy() for name in values]))
    shown = {*spread(range(table.num_rows), SAMPLE)}
    shown.update(place for front in fronts for place in spread(front, FRONT))
    kept = table.take(sorted(shown)).select([POINT, *axes, *values]).to_pylist()
    return Points(
        axes=axes,
        values=values,
        rows=tuple(tuple(row.values()) for row in kept),
        total=table.num_rows,
        whole=all(len(front) <= FRONT for front in fronts) or len(shown) == table.num_rows,
    )


def _plottable(table: Any, values: Sequence[str]) -> Any:  # noqa: ANN401  of pyarrow
    """The rows in which every value is a number that a browser knows."""
    fine = np.ones(table.num_rows, bool)
    for column in values:
        fine &= np.abs(table[column].to_numpy()) < _LARGEST
    return table if fine.all() else table.take(np.flatnonzero(fine))


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
