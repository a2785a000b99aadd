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
    """The pairs in order that are worth most together, found from the end."""
    named = {said.path: at for at, said in enumerate(theirs)}
    saying: dict[str, list[int]] = {}
    for at, said in enumerate(theirs):
        saying.setdefault(said.text, []).append(at)
    best = [0.0] * (len(after) + 1)
    steps: list[bytearray] = []
    for row, mine in zip(reversed(before), reversed(ours), strict=True):
        worth = dict.fromkeys(saying.get(mine.text, ()), _RENAMED)
        if (at := named.get(mine.path)) is not None:
            worth[at] = _SAME if at in worth else _NAMED + _alike(row, after[at])
        step, best = _step(worth, best)
        steps.append(step)
    return _walked(steps[::-1], len(after))


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
