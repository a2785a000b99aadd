"""Which row of one spec is which of another: by what they say, and by their names."""

import re
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import takewhile
from operator import ne
from typing import NamedTuple

from archspec.spec import Row

# What a pair is worth; a row that is removed, or added, is worth nothing.
_SAME = 3.0
"""It says the same."""
_ALIKE, _DIFFERENCE, _MOST = 2.75, 0.15, 16
"""It is of the same block: less for each value that differs, as far as they count."""
_NAMED, _NUMBERED = 1.0, 0.1
"""It has the same name besides, given by somebody or by the place."""
_FEW = 3
"""Values in which a row may differ whose number has changed."""
_MANY = 1 << 16
"""Pairs of which no more are looked at for rows that are nearly the same."""
_PAIRS = 1 << 22
"""Pairs of which no more are looked at at all: names alone decide then."""


class Pair(NamedTuple):
    """A row of A and the same row of B; None where there is none.

    Args:
        before: in A.
        after: in B.
        moved: whether it stands before or behind others than it did.
    """

    before: Row | None
    after: Row | None
    moved: bool = False


def align(before: Sequence[Row], after: Sequence[Row]) -> list[Pair]:
    """The rows of two specs in pairs, in the order of B; what is only in A stands where it stood.

    Rows keep their order as far as that is worth it, so that an inserted one does not make all
    behind it others. Names that are numbers of places, `s3` or `conv2`, decide only between what is
    as good otherwise. What is left over then has moved, where it has the name of one that is left
    over, or is the only one that says what it says.
    """
    ours, theirs = _said(before), _said(after)
    start = _count(one == other for one, other in zip(ours, theirs, strict=False))
    found = {index: index for index in range(start)}
    few = (len(ours) - start) * (len(theirs) - start) <= _PAIRS
    rest = (_aligned if few else _by_name)(ours[start:], theirs[start:])
    found |= {start + one: start + other for one, other in rest}
    moved = _moved(ours, theirs, found)
    return list(_in_order(before, after, found, moved))


class _Said(NamedTuple):
    """What a row is called, and what it says.

    Args:
        path: of the row.
        text: all that it says.
        kind: its section and block where its name may be its number there, else "".
        values: of repeats and of each parameter, in all blocks.
    """

    path: str
    text: str
    kind: str
    values: Sequence[str]


def _said(rows: Sequence[Row]) -> list[_Said]:
    return [
        _Said(row.path, f"{row.block} {row.blocks!r}", _kind(row), list(_values(row)))
        for row in rows
    ]


def _count(alike: Iterable[bool]) -> int:
    """How many are, before the first that is not."""
    return sum(takewhile(bool, alike))


def _kind(row: Row) -> str:
    word = "s" if row.section == "stages" else re.escape(row.block)
    return f"{row.section} {row.block}" if re.fullmatch(rf"{word}[0-9]*", row.name) else ""


def _values(row: Row) -> Iterator[str]:
    yield f"{row.block} {len(row.blocks)}"
    for field in fields(row.blocks[0]):
        yield repr(dict.fromkeys(repr(getattr(block, field.name)) for block in row.blocks))


def _aligned(ours: Sequence[_Said], theirs: Sequence[_Said]) -> Iterator[tuple[int, int]]:
    """The pairs in order that are worth most together, found from the end."""
    named = {said.path: at for at, said in enumerate(theirs)}
    kept = _written(ours) & _written(theirs)
    saying = _by([at for at, said in enumerate(theirs) if said.path not in kept], theirs, "text")
    kinds = _by(range(len(theirs)), theirs, "kind")
    few = len(ours) * len(theirs) <= _MANY
    best = [0.0] * (len(theirs) + 1)
    steps: list[bytearray] = []
    for mine in reversed(ours):
        worth = {
            at: worth
            for at in (kinds.get(mine.kind, ()) if few and mine.kind else ())
            if (worth := _alike(mine, theirs[at])) >= _ALIKE - _FEW * _DIFFERENCE
        }
        if mine.path not in kept:
            worth |= dict.fromkeys(saying.get(mine.text, ()), _SAME)
        if (at := named.get(mine.path)) is not None:
            name = _NUMBERED if mine.kind else _NAMED
            worth[at] = name + _alike(mine, theirs[at])
        step, best = _step(worth, best)
        steps.append(step)
    return _walked(steps[::-1], len(theirs))


def _written(rows: Sequence[_Said]) -> set[str]:
    """Names that are no numbers of places."""
    return {said.path for said in rows if not said.kind}


def _by(places: Iterable[int], rows: Sequence[_Said], field: str) -> Mapping[str, Sequence[int]]:
    found: dict[str, list[int]] = {}
    for at in places:
        found.setdefault(getattr(rows[at], field), []).append(at)
    return found


def _alike(mine: _Said, yours: _Said) -> float:
    """What two rows are worth together; nothing, if their blocks are others."""
    if mine.text == yours.text:
        return _SAME
    if mine.text.partition(" ")[0] != yours.text.partition(" ")[0]:
        return 0.0
    return _ALIKE - _DIFFERENCE * min(sum(map(ne, mine.values, yours.values)), _MOST)


_PAIR, _NEXT_OF_A, _NEXT_OF_B = 1, 2, 3


def _step(worth: Mapping[int, float], below: Sequence[float]) -> tuple[bytearray, list[float]]:
    """For each row of B on, what to do with one of A, and what all from there on is worth then."""
    count = len(below) - 1
    step, best = bytearray(count), [0.0] * (count + 1)
    right = 0.0
    for at in range(count - 1, -1, -1):
        down = below[at]
        value, what = (down, _NEXT_OF_A) if down >= right else (right, _NEXT_OF_B)
        if at in worth and (together := worth[at] + below[at + 1]) >= value:
            value, what = together, _PAIR
        best[at] = right = value
        step[at] = what
    return step, best


def _walked(steps: Sequence[bytearray], count: int) -> Iterator[tuple[int, int]]:
    one = other = 0
    while one < len(steps) and other < count:
        step = steps[one][other]
        if step == _PAIR:
            yield one, other
        one, other = one + (step != _NEXT_OF_B), other + (step != _NEXT_OF_A)


def _by_name(ours: Sequence[_Said], theirs: Sequence[_Said]) -> Iterator[tuple[int, int]]:
    """The pairs in order where there are too many: those at the end, and those of one name."""
    ends = zip(reversed(ours), reversed(theirs), strict=False)
    last = _count(
        one.text == other.text and (one.path == other.path or one.kind == other.kind != "")
        for one, other in ends
    )
    mine, yours = ours[: len(ours) - last], theirs[: len(theirs) - last]
    yield from zip(range(len(mine), len(ours)), range(len(yours), len(theirs)), strict=True)
    named = {said.path: at for at, said in enumerate(yours)}
    yield from _rising(
        [(at, named[said.path]) for at, said in enumerate(mine) if said.path in named]
    )


def _rising(pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The most of them that come in the same order in both (Schensted 1961)."""
    least: list[int] = []  # of so many as its index says, the least last place that there can be
    counts: list[int] = []
    for _, place in pairs:
        counts.append(bisect_left(least, place))
        least[counts[-1] : counts[-1] + 1] = [place]
    wanted, above = len(least) - 1, sys.maxsize
    for (one, other), count in zip(reversed(pairs), reversed(counts), strict=True):
        if count == wanted and other < above:
            yield one, other
            wanted, above = count - 1, other


def _moved(
    ours: Sequence[_Said], theirs: Sequence[_Said], found: Mapping[int, int]
) -> dict[int, int]:
    """Of those left over, which are one: by name first, then by what only they say."""
    taken = set(found.values())
    left = {at: said for at, said in enumerate(ours) if at not in found}
    right = {at: said for at, said in enumerate(theirs) if at not in taken}
    moved: dict[int, int] = {}
    for field in ("path", "text"):
        counts = [Counter(getattr(said, field) for said in side.values()) for side in (left, right)]
        places = {getattr(said, field): at for at, said in right.items()}
        for at, said in list(left.items()):
            key = getattr(said, field)
            if all(count[key] == 1 for count in counts):
                moved[at] = places[key]
                del left[at], right[places[key]]
    return moved


def _in_order(
    before: Sequence[Row], after: Sequence[Row], found: Mapping[int, int], moved: Mapping[int, int]
) -> Iterator[Pair]:
    """The pairs by their places in B, before them what stood before their like in A and is gone."""
    gone = [at for at in range(len(before)) if at not in found and at not in moved][::-1]
    mine = {other: one for one, other in found.items()}
    still = {other: one for one, other in moved.items()}
    ends = sorted(found, reverse=True)
    for at, row in enumerate(after):
        end = ends[-1] if ends else len(before)
        while gone and gone[-1] < end:
            yield Pair(before[gone.pop()], None)
        if at in mine:
            ends.pop()
        one = mine.get(at, still.get(at))
        yield Pair(before[one] if one is not None else None, row, at in still)
    yield from (Pair(before[at], None) for at in reversed(gone))
