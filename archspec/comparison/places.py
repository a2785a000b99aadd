"""Where the values are that rows and outputs read, in the words of the other spec."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from archspec.spec import Row, Spec, Tap

Place: TypeAlias = tuple[str | None, str]
"""A row as B calls it, None if B has it not, "" for the image; and which block and part of it. Of
what is tapped at a stride, the tap: it means the same where blocks are inserted before."""


class Places:
    """Finds what taps name, as lowering does.

    Args:
        spec: A or B.
        called: path of a row → what B calls it.
    """

    def __init__(self, spec: Spec, called: Mapping[str, str]) -> None:
        self._rows = {name: row for row in spec.rows for name in (row.prefix, row.path)}
        self._above = {row.path: above.path for above, row in pairwise(spec.rows)}
        self._called = called

    def of(self, tap: Tap) -> set[Place]:
        """Where a tap is: two places for the last block of a row, as the row gives that."""
        found = self._found(tap.path)
        if found is None:
            return {(tap.path, "")}
        row, rest = found
        called = self._called.get(row.path)
        return {(called, rest)} | ({(called, "")} if rest == str(len(row.blocks)) else set())

    def _found(self, path: str) -> tuple[Row, str] | None:
        """The row, which may be named with its section or without, and the rest of the path.

        None: it is a stride.
        """
        ways = (
            (f"{section}{path}".split("."), count)
            for section in ("", "head.", "stem.")
            for count in (2, 1)
        )
        rows = (
            (self._rows[name], ".".join(words[count:]))
            for words, count in ways
            if (name := ".".join(words[:count])) in self._rows
        )
        return next(rows, None)

    def read_by(self, row: Row) -> Sequence[set[Place]]:
        """Where that is which a row reads: its taps, or what is above it."""
        if row.inputs:
            return [self.of(tap) for tap in row.inputs]
        above = self._above.get(row.path)
        return [{(self._called.get(above) if above else "", "")}]


def read_the_same(ours: Row, mine: Places, theirs: Row, yours: Places) -> bool:
    """Whether two rows do, as those that each read what is above them."""
    if not ours.inputs and not theirs.inputs:
        return True
    before, after = mine.read_by(ours), yours.read_by(theirs)
    return len(before) == len(after) and all(map(set[Place].intersection, before, after))
