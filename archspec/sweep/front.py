"""The Pareto front: the points that no other point beats in every respect."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archspec.errors import did_you_mean, error

_BLOCK = 1024
"""Points that are compared with the front at once."""

Values = NDArray[Any]


class Goal(NamedTuple):
    """A column, and whether more of it is better."""

    column: str
    highest: bool

    def __str__(self) -> str:
        return f"{self.column}:{'max' if self.highest else 'min'}"


def goals(text: str, columns: Sequence[str]) -> tuple[Goal, ...]:
    """`macs,params:max`: less is better where nothing is said.

    Raises:
        SpecError: E625, there is no such column of numbers, or one stands twice.
    """
    found: list[Goal] = []
    for word in text.split(","):
        column, _colon, way = word.strip().partition(":")
        if column not in columns:
            hint = did_you_mean(column, columns) or f"there are {', '.join(columns)}"
            raise error("E625", f"there is no column of numbers '{column}'", hint=hint)
        if way not in {"", "min", "max"}:
            raise error("E625", f"'{word.strip()}' ends neither in :min nor in :max")
        if column in {goal.column for goal in found}:
            raise error("E625", f"the column '{column}' stands twice in '{text}'")
        found.append(Goal(column, way == "max"))
    return tuple(found)


def lowest(goal: Sequence[Goal], columns: Iterable[Values]) -> Values:
    """The columns of some goals (points, goals), turned so that less is better."""
    turned = [-values if one.highest else values for one, values in zip(goal, columns, strict=True)]
    return np.stack(turned, axis=1)


def front(values: Values) -> NDArray[np.int64]:
    """The places of the points on the front, those lowest in the first column first.

    Of points that are equal the first is on it; those of which a value is not known are not.

    Args:
        values: (points, columns), less is better; NaN where it is not known.
    """
    known = np.flatnonzero(~np.isnan(values).any(axis=1))
    return known[_front(values[known])]


def _front(values: Values) -> NDArray[np.int64]:
    if not len(values):
        return np.zeros(0, np.int64)
    order = np.lexsort((np.arange(len(values)), *reversed(values.T)))
    # In this order no point is beaten by a later one.
    if values.shape[1] == 2:  # noqa: PLR2004
        second = values[order, 1]
        best = np.minimum.accumulate(second)
        return order[np.concatenate([[True], second[1:] < best[:-1]])]
    kept = np.zeros((0, values.shape[1]), values.dtype)
    found: list[int] = []
    for start in range(0, len(order), _BLOCK):
        places = order[start : start + _BLOCK]
        block = values[places]
        beaten = np.any(np.all(kept[None] <= block[:, None], axis=2), axis=1)
        for place in places[~beaten].tolist():
            own = values[place]
            if not np.all(kept <= own, axis=1).any():
                kept = np.concatenate([kept, own[None]])
                found.append(place)
    return np.array(found, np.int64)
