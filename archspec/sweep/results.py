"""Result files of sweeps, CSV and Parquet, and the parts that they are put together from."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from archspec.errors import cause, error
from archspec.files import folder_beside
from archspec.source import Scalar, Tree, dump, plain
from archspec.spec import Axis
from archspec.sweep.table import METRICS, Column

# pyarrow has no types.
arrow: Any = pa
pc: Any = csv
pq: Any = parquet

POINT = "point"
ENDINGS = (".csv", ".parquet")
_TALLY = b"archspec.tally"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Points that are no specs for one reason: how many, and the number of one of them."""

    error: str
    count: int
    example: int


@dataclass
class Tally:
    """What became of points.

    Args:
        tried: how many.
        wrong: what is wrong with those that are no specs: error → how many, and the first of them.
        over: limit of the budget → how many are over it; a point may be over several.
        beyond: how many are over at least one.
    """

    tried: int = 0
    wrong: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    over: dict[str, int] = field(default_factory=dict[str, int])
    beyond: int = 0

    @property
    def invalid(self) -> int:
        """Points that are no specs."""
        return sum(count for count, _example in self.wrong.values())

    @property
    def written(self) -> int:
        """Points that are in the file."""
        return self.tried - self.invalid - self.beyond

    @property
    def errors(self) -> list[Wrong]:
        """The errors, the most frequent first."""
        found = [Wrong(text, *numbers) for text, numbers in self.wrong.items()]
        return sorted(found, key=lambda wrong: (-wrong.count, wrong.example))

    def add(self, other: "Tally") -> None:
        """Add what became of later points."""
        self.tried += other.tried
        self.beyond += other.beyond
        for text, (count, example) in other.wrong.items():
            before, first = self.wrong.get(text, (0, example))
            self.wrong[text] = before + count, first
        for name, count in other.over.items():
            self.over[name] = self.over.get(name, 0) + count


def schema(axes: Sequence[Axis]) -> Any:  # noqa: ANN401  of pyarrow
    """The columns of a file: the point, the value on each axis, the metrics."""
    own = [(axis.path, _values(axis).type) for axis in axes]
    return arrow.schema(
        [(POINT, arrow.int64()), *own, *((name, arrow.int64()) for name in METRICS)]
    )


def _values(axis: Axis) -> Any:  # noqa: ANN401  an array of pyarrow
    """The values of an axis as a column: numbers if all are, else YAML."""
    said = [plain(value) for value in axis.values]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in said):
        return arrow.array(said)
    return arrow.array([shown(value) for value in axis.values])


def shown(value: Tree) -> str:
    """A value as text: words as they are, all else as YAML."""
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return value.value
    return dump(plain(value))


def part(
    axes: Sequence[Axis],
    points: Column,
    digits: Sequence[Column],
    metrics: Column,
    tally: Tally,
) -> bytes:
    """A Parquet file of some points, with what became of those that are not in it."""
    columns = [
        arrow.array(points),
        *(_values(axis).take(arrow.array(digit)) for axis, digit in zip(axes, digits, strict=True)),
        *(arrow.array(column) for column in metrics.T),
    ]
    said = json.dumps([tally.tried, tally.beyond, tally.wrong, tally.over])
    names = schema(axes).with_metadata({_TALLY: said.encode()})
    sink = arrow.BufferOutputStream()
    pq.write_table(arrow.table(columns, schema=names), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def tally_of(path: Path) -> Tally:
    """What became of the points of a part."""
    said = pq.read_schema(path).metadata[_TALLY]
    tried, beyond, wrong, over = json.loads(said)
    return Tally(
        tried, {text: (count, first) for text, (count, first) in wrong.items()}, over, beyond
    )


def check_ending(path: str) -> None:
    """Refuse a file whose name does not say what it is.

    Raises:
        SpecError: E626.
    """
    if Path(path).suffix not in ENDINGS:
        message = f"cannot tell what '{path}' is to be"
        raise error("E626", message, hint=f"wanted: a name that ends in {' or '.join(ENDINGS)}")


def assemble(parts: Iterable[Path], axes: Sequence[Axis], output: str) -> None:
    """Put parts together to one file, which appears whole or not at all.

    Raises:
        SpecError: E110, the system refuses, as when the disk is full; the parts stay.
    """
    names = schema(axes)
    with folder_beside(output) as folder:
        temporary = folder / Path(output).name
        with temporary.open("wb") as sink:
            with _writer(output, sink, names) as writer:
                for path in parts:
                    writer.write_table(pq.read_table(path).replace_schema_metadata(None))
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(output)


def _writer(output: str, sink: Any, names: Any) -> Any:  # noqa: ANN401  of pyarrow

    if output.endswith(".csv"):
        return pc.CSVWriter(sink, names)
    return pq.ParquetWriter(sink, names, compression="zstd")


@dataclass(frozen=True)
class Results:
    """A result file.

    Args:
        path: of the file.
        columns: their names in order; those of the axes stand between the point and the metrics.
            More may follow these, such as an accuracy.
    """

    path: str
    columns: tuple[str, ...]

    @property
    def axes(self) -> tuple[str, ...]:
        """The paths that vary."""
        return self.columns[1 : self.columns.index(METRICS[0])]

    def numbers(self) -> tuple[str, ...]:
        """The columns of numbers, the point left out."""
        first = next(self.tables(), None)
        if first is None:
            return METRICS
        kinds = zip(first.schema.names, first.schema.types, strict=True)
        whole, real = arrow.types.is_integer, arrow.types.is_floating
        return tuple(name for name, kind in kinds if name != POINT and (whole(kind) or real(kind)))

    def tables(self) -> Iterator[Any]:
        """The points, some thousands at a time."""
        return (arrow.Table.from_batches([batch]) for batch in self._batches())

    def _batches(self) -> Iterator[Any]:

        if self.path.endswith(".csv"):
            with pc.open_csv(self.path) as batches:
                yield from batches
        else:
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches()

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (record for batch in self._batches() for record in batch.to_pylist())


def joined(one: Any, other: Any) -> Any:  # noqa: ANN401  tables of pyarrow
    """One table behind the other."""
    return arrow.concat_tables([one, other])


def read(path: str | os.PathLike[str]) -> Results:
    """A result file, CSV or Parquet.

    Raises:
        SpecError: E100, it cannot be read; E626, E627, it is no result of a sweep.
    """
    name = os.fspath(path)
    check_ending(name)
    try:
        if name.endswith(".csv"):
            with pc.open_csv(name) as batches:
                columns = batches.schema.names
        else:
            columns = pq.read_schema(name).names
    except OSError as reason:
        raise error("E100", f"cannot read '{name}': {cause(reason)}") from reason
    except arrow.ArrowInvalid as reason:
        raise error("E627", f"'{name}' is no result of a sweep: {reason}") from reason
    first = columns.index(METRICS[0]) if METRICS[0] in columns else 0
    if columns[:1] != [POINT] or tuple(columns[first : first + len(METRICS)]) != METRICS:
        wanted = f"wanted: the columns {POINT}, paths, {', '.join(METRICS)}"
        raise error("E627", f"'{name}' is no result of a sweep", hint=wanted)
    return Results(name, tuple(columns))
