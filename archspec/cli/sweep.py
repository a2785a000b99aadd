"""The command sweep."""

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import click

from archspec.cli.program import prints, progress, takes_blocks

if TYPE_CHECKING:
    from archspec.sweep import Space, Swept
    from archspec.tables import Format, Record

SHOWN = 5
"""Errors that are printed."""


@click.command()
@click.argument("spec")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUES",
    help="stages.s4.kernel=3,5,7 or input=160..224..32 vary; one value is fixed.",
)
@takes_blocks
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    required=True,
    metavar="FILE",
    help="The .csv or .parquet file; more than one may be given.",
)
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Draw N points, else all.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the draw.")
@click.option("--front", metavar="COLUMN,…", help="Print the Pareto front: macs,params:max.")
@click.option("--top", type=click.IntRange(1), metavar="K", help="Of the front, the first K.")
@click.option("--export", "folder", metavar="DIR", help="Write those of the front there.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["yaml", "onnx"]),
    default="yaml",
    help="What is written there.",
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes, else one a core.")
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler whose workers do it.")
@click.option("--restart", is_flag=True, help="Throw away what a run before has left.")
@prints("text", "json", "csv")
def sweep(
    *,
    spec: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    outputs: tuple[str, ...],
    style: Any,  # noqa: ANN401  one of the formats
    **asked: Any,  # noqa: ANN401  which points, how, and what of them is printed and written
) -> None:
    """Cost a space of variants, and find the best.

    The space is the section `search` of the spec, or what --set says. What is interrupted goes on
    where it ended when the same command is given again.
    """
    from archspec import sweep as engine  # noqa: PLC0415  loads numpy and pyarrow

    front, folder = asked["front"], asked["folder"]
    if front is None and (asked["top"] or folder or style != "text"):
        raise click.UsageError("--top, --export and --format are about the points of --front.")
    space = engine.open_space(spec, settings, files)
    if front is not None:
        engine.check_goals(space, front)
    if folder:
        engine.make_folder(folder)
    draw = engine.Draw(asked["sample"], asked["seed"]) if asked["sample"] else None
    with _Bar() as bar, _interrupted(outputs):
        how = engine.How(asked["jobs"], asked["cluster"], asked["restart"], bar)
        swept = engine.sweep(space, outputs, draw, how)
    aside = style != "text"  # a program gets nothing but the front on stdout
    click.echo("\n".join(_summary(spec, swept)), err=aside)
    if front is not None:
        _put_front(space, outputs[0], style, asked)
    if not swept.tally.written:
        sys.exit(1)


def _put_front(space: "Space", path: str, style: "Format", asked: Mapping[str, Any]) -> None:
    """Print the front of a file, and write the points on it if that is asked for."""
    from archspec import sweep as engine  # noqa: PLC0415  loads numpy and pyarrow

    folder = asked["folder"]
    best = engine.best(engine.read(path), asked["front"], asked["top"])
    click.echo(_shown(best, space, style))
    if folder:
        points = [one[engine.POINT] for one in best]
        for written in engine.write_points(space, points, folder, asked["kind"]):
            click.echo(f"wrote {written}", err=style != "text")


@contextmanager
def _interrupted(outputs: Sequence[str]) -> Generator[None]:
    """With Ctrl-C, say what becomes of what is done."""
    from archspec.sweep import parts_of  # noqa: PLC0415  loads numpy

    try:
        yield
    except KeyboardInterrupt:
        folder = parts_of(outputs)
        if folder.is_dir():
            cure = "the same command goes on from there"
            click.echo(f"what is done is kept in '{folder}'; {cure}", err=True)
        raise


def _shown(best: Sequence["Record"], space: "Space", style: "Format") -> str:
    """The front; people see bytes with units, and what is the same in all of it once."""
    from archspec import tables  # noqa: PLC0415

    if style != "text":
        return tables.render(best, style)
    if not best:
        return "\nno point is on the front, as none is in the file"
    same = {
        axis.path: best[0][axis.path]
        for axis in space.axes
        if len(best) > 1 and len({one[axis.path] for one in best}) == 1
    }
    units = ("peak_memory", "weights")
    records = [
        {
            name: tables.Bytes(value) if name in units else value
            for name, value in one.items()
            if name not in same
        }
        for one in best
    ]
    lines = ["", tables.render(records, "text")]
    if same:
        each = ", ".join(f"{path} {tables.shown(value)}" for path, value in same.items())
        lines += ["", f"all of them: {each}"]
    return "\n".join(lines)


def _summary(spec: str, swept: "Swept") -> Sequence[str]:
    """What was done, line by line."""
    tally, files = swept.tally, ", ".join(swept.outputs)
    lines = [f"{spec} → {files}: {tally.written:,} of {swept.space.count:,} points"]
    if tally.tried != swept.space.count:
        lines.append(f"drawn: {tally.tried:,}")
    if swept.kept:
        lines.append(f"done before: {swept.kept:,}")
    if tally.beyond:
        each = ", ".join(f"{name} {count:,}" for name, count in tally.over.items() if count)
        lines.append(f"over the budget: {tally.beyond:,} ({each})")
    if tally.invalid:
        lines.append(f"no specs: {tally.invalid:,}")
        lines += [
            f"  {wrong.count:,} such as point {wrong.example}: {wrong.error}"
            for wrong in tally.errors[:SHOWN]
        ]
        if len(tally.errors) > SHOWN:
            lines.append(f"  and {len(tally.errors) - SHOWN:,} more")
    return lines


class _Bar:
    """Shows on a terminal how many points are done, how fast, and how long it takes yet."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._began = 0, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Draw it."""
        if self._bar is None:
            self._bar = self._started(done, total)
        before, began = self._began
        rate = (done - before) / max(perf_counter() - began, 1e-3)
        self._bar.update(self._task, completed=done, rate=f"{rate:,.0f} a second")

    def _started(self, done: int, total: int) -> Any:  # noqa: ANN401  of rich
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        rate = TextColumn("{task.fields[rate]}")
        columns = (BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
        self._began = done, perf_counter()
        bar = progress(*columns)
        bar.start()
        self._task = bar.add_task("points", total=total, completed=done, rate="")
        return bar
