"""The best points of a sweep: the front of a result file, and its points as files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from archspec.draft import recovered
from archspec.errors import cause, error
from archspec.files import write_whole
from archspec.sweep.front import front, goals, lowest
from archspec.sweep.results import Results, joined, schema
from archspec.sweep.space import Space

Record = Mapping[str, Any]


def check_goals(space: Space, said: str) -> None:
    """Refuse, before hours of work, columns that the file of a space will not have.

    Raises:
        SpecError: E625, there is no such column of numbers.
    """
    kinds = schema(space.axes)
    goals(said, Results("", dict(zip(kinds.names, kinds.types, strict=True))).numbers())


def best(results: Results, said: str, top: int | None = None) -> list[Record]:
    """The Pareto front of a result file, those best in its first column first.

    The file is read piece by piece; of points that are equal in all columns the first counts.

    Args:
        results: a file.
        said: the columns, `macs,params:max`.
        top: how many at most.

    Raises:
        SpecError: E625, there is no such column of numbers.
    """
    kept: Any = None
    wanted = goals(said, results.numbers())
    for batch in results.tables():
        both = batch if kept is None else joined(kept, batch)
        columns = (both.column(goal.column).to_numpy() for goal in wanted)
        kept = both.take(front(lowest(wanted, columns)))
    return [] if kept is None else kept.to_pylist()[:top]


def make_folder(folder: str) -> None:
    """Make a folder for points, unless it is there.

    Raises:
        SpecError: E110, the system refuses.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise error("E110", f"cannot make the folder '{folder}': {cause(reason)}") from reason


def write_points(
    space: Space, points: Sequence[int], folder: str, kind: Literal["yaml", "onnx"]
) -> Iterator[Path]:
    """Write points as plain specs, or as ONNX files, untrained; each appears whole.

    Raises:
        SpecError: E110, the system refuses; what `archspec.export` raises.
    """
    from archspec.exports import export  # noqa: PLC0415  loads numpy and onnx

    make_folder(folder)
    for point in points:
        spec = space.spec(point)
        name = f"{spec.name}_{point}"
        path = Path(folder) / f"{name}.{kind}"
        if kind == "yaml":
            write_whole(path, recovered(name, spec).encode())
        else:
            export(spec, path)
        yield path
