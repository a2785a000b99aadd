"""What points cost: each unit once for what it says and reads, then sums over whole columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.api import cost, to_graph
from archspec.backends.cost import Cost, Precision, emit
from archspec.errors import Diagnostic, SpecError
from archspec.lower import MAX_PARAMS
from archspec.ops import Shape
from archspec.resolve.rows import MAX_BLOCKS
from archspec.spec import Row, Spec
from archspec.sweep.space import Space
from archspec.sweep.units import Unit, alone, joins, units_of

METRICS = ("params", "trainable", "macs", "peak_memory", "weights")
"""Columns of what points cost: numbers, multiply-accumulates of one image, bytes."""

Column: TypeAlias = NDArray[np.int64]

_BLOCKS = len(METRICS)
"""The column of the number of blocks, behind the metrics."""
_PARAMS, _PEAK = METRICS.index("params"), METRICS.index("peak_memory")
_STATES = 1 << 20
"""More shapes than one place of a net has."""
_MOST_KEYS = 1 << 42
_MOST = 1 << 53
"""Beyond that, sums may leave 64 bits: such points are costed one by one."""
_TRIED = 1000
"""Points that are tried until one is a spec."""


class Costs(NamedTuple):
    """What some points cost.

    Args:
        metrics: a row for each point, `METRICS` in its columns; zeros where a point is no spec.
        wrong: for each point the number of its error, -1 where it is a spec.
        errors: what is wrong, by number.
    """

    metrics: Column
    wrong: Column
    errors: Sequence[Diagnostic]


class _Part(NamedTuple):
    """What a unit says: its rows, and what else of the spec they depend on."""

    rows: tuple[Row, ...]
    classes: int


class _Entry(NamedTuple):
    """What a unit costs, and what it gives; or what is wrong, or that it must not be used."""

    metrics: tuple[int, ...] = (0,) * (_BLOCKS + 1)
    state: int = -1
    error: int = -1
    whole: bool = False


_WHOLE = _Entry(whole=True)
"""Passes join the unit to others, or it costs too much: the points must be costed whole."""


class Table:
    """Costs points of a space, each row of a spec once for what it says and reads.

    Weights and activations have the precision of the spec's budget, float32 without one.

    Args:
        space: to be run through.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.errors: dict[Diagnostic, int] = {}
        self._good = good = self._first()
        self.budget = good[1].budget if good else None
        self.precision: Precision = self.budget.precision if self.budget else "fp32"
        units = units_of(space, good[1]) if good else ()
        ends = [(place == 0, place == len(units) - 1) for place in range(len(units))]
        known = [_Known(unit, space.sizes, end) for unit, end in zip(units, ends, strict=True)]
        self._units = known if all(one.keys <= _MOST_KEYS for one in known) else []
        self._states: dict[Shape, int] = {}
        self._shapes: list[Shape] = []
        self._rows: dict[Any, Row] = {}
        self._costed: dict[Any, _Entry] = {}
        self._inputs: dict[int, tuple[int, int]] = {}

    @property
    def by_rows(self) -> bool:
        """Whether rows are costed by themselves, which is fast."""
        return bool(self._units)

    def costs(self, points: Column) -> Costs:
        """What points cost, by their numbers."""
        if not self.by_rows:
            metrics = np.zeros((len(points), len(METRICS)), np.int64)
            wrong = np.full(len(points), -1, np.int64)
            self._cost_whole(points, metrics, wrong, np.arange(len(points)))
            return Costs(metrics, wrong, list(self.errors))
        digits = digits_of(points, self.space.sizes)
        keys = [known.keys_of(digits) for known in self._units]
        self._read(digits, keys)
        states, wrong = self._images(digits)
        for known, key in zip(self._units, keys, strict=True):
            self._check(known, digits, key, wrong)
        states[wrong >= 0] = -1
        total = np.zeros((len(points), _BLOCKS + 1), np.int64)
        whole = np.zeros(len(points), bool)
        for known, key in zip(self._units, keys, strict=True):
            live, entries = self._entries(known, key, states)
            found = known.table[entries]
            _accumulate(total, live, found[:, : _BLOCKS + 1])
            states[live], wrong[live] = found[:, _BLOCKS + 1], found[:, _BLOCKS + 2]
            whole[live] |= found[:, _BLOCKS + 3].astype(bool)
        whole |= (total[:, _BLOCKS] > MAX_BLOCKS) | (total[:, _PARAMS] > MAX_PARAMS)
        whole |= (total > _MOST).any(axis=1)
        metrics = total[:, :_BLOCKS].copy()
        metrics[wrong >= 0] = 0
        self._cost_whole(points, metrics, wrong, np.flatnonzero(whole))
        return Costs(metrics, wrong, list(self.errors))

    def _read(self, digits: Sequence[Column], keys: Sequence[Column]) -> None:
        """Resolve points until what each unit says at each of its keys is known.

        One point tells something of every unit; where one is no spec, its units are read one by
        one when they are costed.
        """
        new: set[int] = set()
        for known, key in zip(self._units, keys, strict=True):
            kinds, first = np.unique(key, return_index=True)
            pairs = zip(kinds.tolist(), first.tolist(), strict=True)
            new |= {index for kind, index in pairs if kind not in known.said}
        for index in sorted(new):
            own = [int(key[index]) for key in keys]
            if all(kind in known.said for kind, known in zip(own, self._units, strict=True)):
                continue
            try:
                spec = self.space.at(self.space.cells(int(digit[index]) for digit in digits))
            except SpecError:
                continue
            for kind, known in zip(own, self._units, strict=True):
                known.said.setdefault(kind, self._part(known, spec))

    def _check(self, known: "_Known", digits: Sequence[Column], key: Column, wrong: Column) -> None:
        """Find what is wrong with what a unit says, before anything is made of it."""
        kinds, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        found = np.full(len(kinds), -1, np.int64)
        for place, (kind, index) in enumerate(zip(kinds.tolist(), first.tolist(), strict=True)):
            if kind not in known.said:
                own = {number: int(digits[number][index]) for number in known.unit.axes}
                spec = self._with(own)
                known.said[kind] = spec if isinstance(spec, int) else self._part(known, spec)
            said = known.said[kind]
            found[place] = said if isinstance(said, int) else -1
        np.copyto(wrong, found[inverse], where=wrong < 0)

    def _part(self, known: "_Known", spec: Spec) -> _Part:
        rows = [spec.rows[place] for place in known.unit.rows]
        return _Part(
            tuple(self._rows.setdefault((row.path, _said(row)), row) for row in rows), spec.classes
        )

    def _first(self) -> tuple[tuple[int, ...], Spec] | None:
        """A point that is a spec, whose other rows serve where one row is tried."""
        for point in range(min(self.space.count, _TRIED)):
            # Strides that are odd reach every value of every axis early.
            number = point * 2_654_435_761 % self.space.count
            try:
                spec = self.space.spec(number)
                to_graph(spec)
            except SpecError:
                continue
            return self.space.digits(number), spec
        return None

    def _cost_whole(
        self, points: Column, metrics: Column, wrong: Column, places: NDArray[np.int64]
    ) -> None:
        """Cost points by making the graph of each."""
        for place in places.tolist():
            wrong[place] = -1
            try:
                spec = self.space.spec(int(points[place]))
                metrics[place] = _metrics(cost(spec, precision=self.precision), self.precision)
            except SpecError as reason:
                metrics[place] = 0
                wrong[place] = self._number(reason)

    def _number(self, reason: SpecError) -> int:
        return self.errors.setdefault(reason.diagnostics[0], len(self.errors))

    def _state(self, shape: Shape) -> int:
        if shape not in self._states:
            self._states[shape] = len(self._shapes)
            self._shapes.append(shape)
        return self._states[shape]

    def _images(self, digits: Sequence[Column]) -> tuple[Column, Column]:
        """The state of each point's image, -1 where it is wrong, and the number of the error."""
        varying = [
            number
            for number, axis in enumerate(self.space.axes)
            if axis.path.partition(".")[0] == "input"
        ]
        key = np.zeros(len(digits[0]), np.int64)
        for number in varying:
            key = key * self.space.sizes[number] + digits[number]
        kinds, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        found: list[tuple[int, int]] = []
        for kind, index in zip(kinds.tolist(), first.tolist(), strict=True):
            if kind not in self._inputs:
                spec = self._with({number: int(digits[number][index]) for number in varying})
                image = (-1, spec) if isinstance(spec, int) else (self._state(spec.input), -1)
                self._inputs[kind] = image
            found.append(self._inputs[kind])
        states, wrong = np.array(found, np.int64)[inverse].T
        return states.copy(), wrong.copy()

    def _with(self, own: Mapping[int, int]) -> Spec | int:
        """The point that is known to be a spec with some values changed, or what is wrong then."""
        assert self._good  # noqa: S101  there are no units without one
        digits = [own.get(number, digit) for number, digit in enumerate(self._good[0])]
        try:
            return self.space.at(self.space.cells(digits))
        except SpecError as reason:
            return self._number(reason)

    def _entries(self, known: "_Known", key: Column, states: Column) -> tuple[Column, Column]:
        """The places of points that are not done yet, and their entries in the table of a unit."""
        live = np.flatnonzero(states >= 0)
        codes = key[live] * _STATES + states[live]
        kinds, inverse = np.unique(codes, return_inverse=True)
        for code in kinds.tolist():
            if code not in known.numbers:
                kind, state = divmod(code, _STATES)
                part = known.said[kind]
                assert isinstance(part, _Part)  # noqa: S101  else the points are done
                known.add(code, self._entry(known, part, state))
        numbers = np.array([known.numbers[code] for code in kinds.tolist()], np.int64)
        return live, numbers[inverse]

    def _entry(self, known: "_Known", part: _Part, state: int) -> _Entry:
        """What a unit costs that says something and reads what a state stands for."""
        said = (known.ends, part.classes, state, *map(_said, part.rows))
        if said not in self._costed:
            self._costed[said] = self._cost(known, part, state)
        return self._costed[said]

    def _cost(self, known: "_Known", part: _Part, state: int) -> _Entry:
        assert self._good  # noqa: S101  there are no units without one
        spec = replace(self._good[1], classes=part.classes)
        try:
            graph = alone(spec, part.rows, self._shapes[state], self.space.blocks)
        except SpecError as reason:
            return _Entry(error=self._number(reason))
        before, behind = joins(graph)
        first, last = known.ends
        metrics = _metrics(emit(graph, precision=self.precision), self.precision)
        if (before and not first) or (behind and not last) or max(metrics) > _MOST:
            return _WHOLE
        name = next(iter(graph.outputs.values()))
        blocks = sum(len(row.blocks) for row in part.rows)
        return _Entry((*metrics, blocks), self._state(graph.shapes[name]))


class _Known:
    """What is known of a unit.

    Args:
        unit: which rows, on which axes.
        sizes: of all axes.
        ends: whether it begins and ends the net.
    """

    def __init__(self, unit: Unit, sizes: Sequence[int], ends: tuple[bool, bool]) -> None:
        self.unit, self.ends = unit, ends
        self._sizes = [sizes[number] for number in unit.axes]
        self.said: dict[int, _Part | int] = {}
        self.numbers: dict[int, int] = {}
        self._entries: list[tuple[int, ...]] = []
        self._table: Column | None = None

    @property
    def keys(self) -> int:
        """How many things it can say, at most."""
        return prod(self._sizes)

    def keys_of(self, digits: Sequence[Column]) -> Column:
        """The key of what it says at each point."""
        key = np.zeros(len(digits[0]), np.int64)
        for number, size in zip(self.unit.axes, self._sizes, strict=True):
            key = key * size + digits[number]
        return key

    @property
    def table(self) -> Column:
        """A row for each entry: metrics, blocks, state, error, whether points are costed whole."""
        if self._table is None:
            self._table = np.array(self._entries, np.int64).reshape(-1, _BLOCKS + 4)
        return self._table

    def add(self, code: int, entry: _Entry) -> None:
        """Add what is said under a code."""
        self.numbers[code] = len(self._entries)
        row = (*entry.metrics, entry.state, entry.error, int(entry.whole))
        self._entries.append(row)
        self._table = None


def digits_of(points: Column, sizes: Sequence[int]) -> Sequence[Column]:
    """For each axis the number of each point's value."""
    found: list[Column] = []
    for size in reversed(sizes):
        points, digit = np.divmod(points, size)
        found.append(digit)
    return found[::-1]


def _accumulate(total: Column, live: Column, found: Column) -> None:
    """Add what a unit costs; of peaks the highest counts."""
    peaks = np.maximum(total[live, _PEAK], found[:, _PEAK])
    total[live] += found
    total[live, _PEAK] = peaks


def _said(row: Row) -> Any:  # noqa: ANN401
    return row.block, row.blocks, row.rounding


def _metrics(found: Cost, precision: Precision) -> tuple[int, ...]:
    weights = getattr(found.weights, precision)
    return found.params, found.trainable, found.macs, found.peak_memory, weights
