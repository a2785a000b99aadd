"""Result files of sweeps, CSV and Parquet, and the parts that they are put together from."""

import errno
import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from archspec.errors import cause, error
from archspec.files import folder_beside, followed
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
        with suppress(OverflowError, arrow.ArrowInvalid):  # too large for a column of numbers
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
    with path.open("rb") as file:
        said = pq.read_schema(file).metadata[_TALLY]
    tried, beyond, wrong, over = json.loads(said)
    return Tally(
        tried, {text: (count, first) for text, (count, first) in wrong.items()}, over, beyond
    )


def is_part(path: Path) -> bool:
    """Whether a part is there, and can be read."""
    try:
        tally_of(path)
    except (OSError, ValueError, TypeError):  # the second are Arrow's, the third is no metadata
        return False
    return True


def check_ending(path: str) -> None:
    """Refuse a file whose name does not say what it is.

    Raises:
        SpecError: E626.
    """
    if Path(path).suffix not in ENDINGS:
        message = f"cannot tell what '{path}' is to be"
        raise error("E626", message, hint=f"wanted: a name that ends in {' or '.join(ENDINGS)}")


def check_output(path: str) -> None:
    """Refuse, before hours of work, a file that cannot be written after them.

    Raises:
        SpecError: E626, its name does not say what it is; E110, the system refuses.
    """
    check_ending(path)
    if followed(path).is_dir():
        raise error("E110", f"cannot write {path!r}: {os.strerror(errno.EISDIR)}")
    with folder_beside(followed(path)):
        pass


def assemble(parts: Iterable[Path], axes: Sequence[Axis], output: str) -> None:
    """Put parts together to one file, which appears whole or not at all.

    A symbolic link stays, and permissions of a replaced file do.

    Raises:
        SpecError: E110, the system refuses, as when the disk is full; the parts stay.
    """
    names, target = schema(axes), followed(output)
    with folder_beside(target) as folder:
        temporary = folder / target.name
        with temporary.open("wb") as sink:
            with _writer(output, sink, names) as writer:
                for path in parts:
                    with path.open("rb") as file:
                        writer.write_table(pq.ParquetFile(file).read().replace_schema_metadata())
            sink.flush()
            os.fsync(sink.fileno())
        with suppress(FileNotFoundError):
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)


def _writer(output: str, sink: Any, names: Any) -> Any:  # noqa: ANN401  of pyarrow
    if output.endswith(".csv"):
        return pc.CSVWriter(sink, names)
    return pq.ParquetWriter(sink, names, compression="zstd")


@dataclass(frozen=True)
class Results:
    """A result file.

    Args:
        path: of the file.
        kinds: column → its type in Arrow, in order; those of the axes stand between the point and
            the metrics. More may follow these, such as an accuracy.
    """

    path: str
    kinds: Mapping[str, Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names in order."""
        return tuple(self.kinds)

    @property
    def axes(self) -> tuple[str, ...]:
        """The paths that vary."""
        return self.columns[1 : self.columns.index(METRICS[0])]

    def numbers(self) -> tuple[str, ...]:
        """The columns of numbers, the point left out."""
        whole, real = arrow.types.is_integer, arrow.types.is_floating
        kinds = self.kinds.items()
        return tuple(name for name, kind in kinds if name != POINT and (whole(kind) or real(kind)))

    def tables(self) -> Iterator[Any]:
        """The points, some thousands at a time.

        Raises:
            SpecError: E100, E627, the file cannot be read to its end.
        """
        return (arrow.Table.from_batches([batch]) for batch in self._batches())

    def _batches(self) -> Iterator[Any]:
        with _reading(self.path) as file:
            if self.path.endswith(".csv"):
                yield from _lines(file, self.kinds)
            else:
                yield from pq.ParquetFile(file).iter_batches()

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
    is_csv = name.endswith(".csv")
    with _reading(name) as file:
        known = _lines(file, {}).schema if is_csv else pq.read_schema(file)
    columns: list[str] = known.names
    first = columns.index(METRICS[0]) if METRICS[0] in columns else 0
    own = (*columns[:1], *columns[first : first + len(METRICS)])
    if own != (POINT, *METRICS) or len({*columns}) < len(columns):
        wanted = f"wanted: the columns {POINT}, paths, {', '.join(METRICS)}"
        raise error("E627", f"'{name}' is no result of a sweep", hint=wanted)
    kinds = dict(zip(columns, known.types, strict=True))
    if is_csv:
        kinds |= dict.fromkeys(own, arrow.int64())
        kinds |= _kinds(name, [column for column in columns if column not in own])
    found = Results(name, kinds)
    if words := [metric for metric in METRICS if metric not in found.numbers()]:
        raise error("E627", f"'{name}' is no result of a sweep: no numbers in {', '.join(words)}")
    return found


@contextmanager
def _reading(name: str) -> Generator[Any]:
    """A file to read, whose faults become errors."""
    try:
        with Path(name).open("rb") as file:
            yield file
    except arrow.ArrowInvalid as reason:
        raise error("E627", f"'{name}' is no result of a sweep: {reason}") from reason
    except (OSError, ValueError) as reason:
        raise error("E100", f"cannot read '{name}': {cause(reason)}") from reason


def _lines(file: Any, kinds: Mapping[str, Any], only: Sequence[str] = ()) -> Any:  # noqa: ANN401
    """The batches of a CSV file, of all columns or some."""
    whole = pc.ParseOptions(newlines_in_values=True)
    typed = pc.ConvertOptions(column_types=kinds, include_columns=only, null_values=[""])
    return pc.open_csv(file, parse_options=whole, convert_options=typed)


def _kinds(name: str, columns: Sequence[str]) -> Mapping[str, Any]:
    """The types of columns of a CSV file: numbers where all values are, else text.

    All of the file is read for that: 1 may be followed by 0.5 after a million lines.
    """
    seen: dict[str, set[str]] = {column: set() for column in columns}
    if columns:
        with _reading(name) as file:
            for batch in _lines(file, dict.fromkeys(columns, arrow.string()), columns):
                for column, values in zip(columns, batch.columns, strict=True):
                    seen[column].update(values.unique().to_pylist())
    return {column: _kind(values - {""}) for column, values in seen.items()}


def _kind(values: Iterable[str]) -> Any:  # noqa: ANN401  of pyarrow
    texts = arrow.array(values, arrow.string())
    for kind in (arrow.int64(), arrow.float64()):
        with suppress(arrow.ArrowInvalid):
            texts.cast(kind)
            return kind
    return arrow.string()
