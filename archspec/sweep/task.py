"""The work of a sweep in pieces, the same wherever they are done."""

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np

from archspec.api import Parameters
from archspec.errors import Diagnostic
from archspec.resolve import Settled
from archspec.source import Entries, plain
from archspec.spec import Axis, Budget
from archspec.sweep.results import Tally, part
from archspec.sweep.sample import Permutation
from archspec.sweep.space import Space, blocks_of
from archspec.sweep.table import METRICS, Column, Costs, Table, digits_of

SIZE = 1 << 15
"""Points of a piece."""
LIMITS = ("params", "macs", "peak_memory", "weights")


@dataclass(frozen=True, slots=True)
class Draw:
    """So many points, drawn without putting back; a seed draws the same again."""

    count: int
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """All that a process needs to know to do a piece; it may be sent to others.

    Args:
        tree: of the spec, merged, variants applied, what is fixed set.
        variants: the names chosen.
        problems: what is wrong with the file.
        axes: what varies.
        files: Python files with blocks, which must be where the work is done.
        draw: which points; None: all of them.
    """

    tree: Entries
    variants: tuple[str, ...]
    problems: tuple[Diagnostic, ...]
    axes: tuple[Axis, ...]
    files: tuple[str, ...]
    draw: Draw | None

    @classmethod
    def of(cls, space: Space, draw: Draw | None) -> "Task":
        """The task of a space."""
        base = space.base
        return cls(base.tree, base.variants, base.problems, space.axes, space.files, draw)

    @cached_property
    def space(self) -> Space:
        """The space, its blocks imported here."""
        blocks = Parameters(blocks_of(self.files))
        return Space(
            Settled(self.tree, self.variants, blocks, self.problems), self.axes, self.files
        )

    @property
    def count(self) -> int:
        """How many points are asked for."""
        return self.draw.count if self.draw else self.space.count

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return -(-self.count // SIZE)

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same work and no other."""
        said = [
            version("archspec-compiler"),
            plain(self.tree),
            self.variants,
            [[axis.path, [plain(value) for value in axis.values]] for axis in self.axes],
            [sha256(Path(file).read_bytes()).hexdigest() for file in self.files],
            [self.draw.count, self.draw.seed] if self.draw else None,
            SIZE,
        ]
        return sha256(json.dumps(said).encode()).hexdigest()

    def size(self, piece: int) -> int:
        """How many points a piece has."""
        return min(SIZE, self.count - piece * SIZE)

    def points(self, piece: int) -> Column:
        """The numbers of the points of a piece."""
        start = piece * SIZE
        places = np.arange(start, start + self.size(piece))
        return Permutation(self.space.count, self.draw.seed)(places) if self.draw else places


_TABLES: dict[str, Table] = {}
"""Of the task that this process works at: what it has costed serves the next piece."""


def run(task: Task, piece: int) -> bytes:
    """Do a piece: a Parquet file of its points that are specs and within the budget."""
    if task.fingerprint not in _TABLES:
        _TABLES.clear()
        _TABLES[task.fingerprint] = Table(task.space)
    table = _TABLES[task.fingerprint]
    points = task.points(piece)
    costs = table.costs(points)
    inside, tally = _judged(points, costs, table.budget)
    digits = [digit[inside] for digit in digits_of(points, task.space.sizes)]
    return part(task.axes, points[inside], digits, costs.metrics[inside], tally)


def _judged(points: Column, costs: Costs, budget: Budget | None) -> tuple[Column, Tally]:
    """The places of the points to keep, and what became of the others."""
    fine = costs.wrong < 0
    tally = Tally(len(points))
    for number, wrong in enumerate(costs.errors):
        places = np.flatnonzero(costs.wrong == number)
        if len(places):
            said = f"{wrong.code} {wrong.message}"
            before, example = tally.wrong.get(said, (0, int(points[places[0]])))
            tally.wrong[said] = before + len(places), example
    beyond = np.zeros(len(points), bool)
    for name in LIMITS:
        limit: int | None = getattr(budget, name, None)
        if limit is not None:
            over = fine & (costs.metrics[:, METRICS.index(name)] > limit)
            tally.over[name] = int(over.sum())
            beyond |= over
    tally.beyond = int(beyond.sum())
    return np.flatnonzero(fine & ~beyond), tally
