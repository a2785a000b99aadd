"""The work of a sweep in pieces, the same wherever they are done."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from archspec.api import BLOCKS, Parameters
from archspec.block import Block
from archspec.blocks import from_file
from archspec.errors import Diagnostic
from archspec.resolve import Settled
from archspec.source import Entries, plain
from archspec.spec import Axis, Budget
from archspec.sweep.results import Tally, part
from archspec.sweep.sample import Permutation
from archspec.sweep.space import Space
from archspec.sweep.table import METRICS, Column, Costs, Table, digits_of

SIZE = 1 << 15
"""Points of a piece."""
LIMITS = ("params", "macs", "peak_memory", "weights")


class Draw(NamedTuple):
    """So many points, drawn without putting back."""

    count: int
    seed: int


@dataclass(frozen=True)
class Task:
    """All that a process needs to know to do a piece; plain data that may be sent.

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
    files: tuple[str, ...] = ()
    draw: Draw | None = None

    @classmethod
    def of(cls, space: Space, files: tuple[str, ...] = (), draw: Draw | None = None) -> "Task":
        """The task of a space."""
        base = space.base
        return cls(base.tree, base.variants, base.problems, space.axes, files, draw)

    @cached_property
    def space(self) -> Space:
        """The space, its blocks imported here."""
        blocks = blocks_of(self.files)
        base = Settled(self.tree, self.variants, Parameters(blocks), self.problems)
        return Space(base, self.axes, blocks)

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
            self.draw,
            SIZE,
        ]
        return sha256(json.dumps(said).encode()).hexdigest()

    def points(self, piece: int) -> Column:
        """The numbers of the points of a piece."""
        places = np.arange(piece * SIZE, min((piece + 1) * SIZE, self.count))
        return Permutation(self.space.count, self.draw.seed)(places) if self.draw else places


def blocks_of(files: tuple[str, ...]) -> Mapping[str, Block]:
    """The blocks of archspec, and those of some files."""
    own = {name: block for file in files for name, block in from_file(file).items()}
    return {**BLOCKS, **own} if own else BLOCKS


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
    kinds, first, counts = np.unique(costs.wrong, return_index=True, return_counts=True)
    for kind, index, count in zip(kinds.tolist(), first.tolist(), counts.tolist(), strict=True):
        if kind >= 0:
            wrong = costs.errors[kind]
            tally.wrong[f"{wrong.code} {wrong.message}"] = count, int(points[index])
    beyond = np.zeros(len(points), bool)
    for name in LIMITS:
        limit: int | None = getattr(budget, name, None)
        if limit is not None:
            over = fine & (costs.metrics[:, METRICS.index(name)] > limit)
            tally.over[name] = int(over.sum())
            beyond |= over
    tally.beyond = int(beyond.sum())
    return np.flatnonzero(fine & ~beyond), tally
