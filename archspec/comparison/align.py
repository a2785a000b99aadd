"""Which row of one spec is which of another: by what they say, and by their names."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from archspec.comparison.changes import changes
from archspec.spec import Row

_SAME, _RENAMED, _NAMED = 4.0, 3.0, 1.0
"""What a pair is worth: of one name that says the same; that says the same; of one name."""


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
    behind it others. What is left over then has moved, where it has the name of one that is left
    over, or is the only one that says what it says.
    """
    ours, theirs = _said(before), _said(after)
    start = 0
    while start < min(len(before), len(after)) and ours[start] == theirs[start]:
        start += 1
    found = {index: index for index in range(start)}
    found |= {
        start + one: start + other
        for one, other in _aligned(before[start:], after[start:], ours[start:], theirs[start:])
    }
    moved = _moved(ours, theirs, found)
    return list(_in_order(before, after, found, moved))


class _Said(NamedTuple):
    """Where a row stands and what it says."""

    path: str
    text: str


def _said(rows: Sequence[Row]) -> list[_Said]:
    return [_Said(row.path, f"{row.block} {row.blocks!r}") for row in rows]


def _aligned(
    before: Sequence[Row], after: Sequence[Row], ours: Sequence[_Said], theirs: Sequence[_Said]
) -> Iterator[tuple[int, int]]:
    """The pairs in order that are worth most together."""
    there = {row.path: row for row in after}
    named = {row.path: _NAMED + _alike(row, there[row.path]) for row in before if row.path in there}
    best = [0.0] * (len(after) + 1)
    steps: list[bytearray] = []
    for mine in reversed(ours):
        below, best = best, [0.0] * (len(after) + 1)
        step = bytearray(len(after))
        for at in range(len(after) - 1, -1, -1):
            yours = theirs[at]
            worth = _worth(mine, yours, named) if _may_pair(mine, yours) else 0.0
            skipped = max(below[at], best[at + 1])
            together = worth + below[at + 1]
            if worth and together >= skipped:
                best[at], step[at] = together, _PAIR
            else:
                best[at] = skipped
                step[at] = _NEXT_OF_A if below[at] >= best[at + 1] else _NEXT_OF_B
        steps.append(step)
    return _walked(steps[::-1], len(after))


_PAIR, _NEXT_OF_A, _NEXT_OF_B = 1, 2, 3


def _may_pair(mine: _Said, yours: _Said) -> bool:
    return mine.path == yours.path or mine.text == yours.text


def _worth(mine: _Said, yours: _Said, named: Mapping[str, float]) -> float:
    if mine.path == yours.path:
        return _SAME if mine.text == yours.text else named[mine.path]
    return _RENAMED


def _alike(before: Row, after: Row) -> float:
    """1 for rows that say the same, 0 for those of other blocks."""
    if before.block != after.block:
        return 0.0
    return 1 / (1 + sum(1 for _ in changes("", before.blocks, after.blocks)))


def _walked(steps: Sequence[bytearray], count: int) -> Iterator[tuple[int, int]]:
    one = other = 0
    while one < len(steps) and other < count:
        step = steps[one][other]
        if step == _PAIR:
            yield one, other
        one, other = one + (step != _NEXT_OF_B), other + (step != _NEXT_OF_A)


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
    source = {other: one for one, other in (*found.items(), *moved.items())}
    gone = iter([at for at in range(len(before)) if at not in found and at not in moved])
    next_gone = next(gone, None)
    for at, row in enumerate(after):
        one = source.get(at)
        while next_gone is not None and one is not None and one not in moved and next_gone < one:
            yield Pair(before[next_gone], None)
            next_gone = next(gone, None)
        yield Pair(before[one] if one is not None else None, row, one in moved)
    while next_gone is not None:
        yield Pair(before[next_gone], None)
        next_gone = next(gone, None)
