"""The command sweep."""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from archspec.cli.program import prints, takes_blocks

if TYPE_CHECKING:
    from archspec.sweep import Swept

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
    from archspec import tables  # noqa: PLC0415

    front, top, folder = asked["front"], asked["top"], asked["folder"]
    if front is None and (top or folder):
        raise click.UsageError("--top and --export are about the points of --front.")
    space = engine.open_space(spec, settings, files)
    draw = engine.Draw(asked["sample"], asked["seed"]) if asked["sample"] else None
    bar = _Bar()
    how = engine.How(asked["jobs"], asked["cluster"], asked["restart"], bar)
    try:
        swept = engine.sweep(space, outputs, draw, how)
    except KeyboardInterrupt:
        kept = engine.parts_of(outputs)
        click.echo(
            f"what is done is kept in '{kept}'; the same command goes on from there", err=True
        )
        raise
    finally:
        bar.close()
    if style == "text":
        click.echo("\n".join(_summary(spec, swept)))
    if front is None:
        return
    best = engine.best(engine.read(outputs[0]), front, top)
    click.echo(tables.render(best, style))
    if folder:
        points = [one[engine.POINT] for one in best]
        for path in engine.write_points(space, points, folder, asked["kind"]):
            click.echo(f"wrote {path}", err=style != "text")


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
            lines.append(f"  and {len(tally.errors) - SHOWN} errors more")
    return lines


class _Bar:
    """Shows on a terminal how many points are done, how fast, and how long it takes yet."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._began = 0, 0.0

    def __call__(self, done: int, total: int) -> None:
        """Draw it."""
        if self._bar is None:
            self._bar = self._started(done, total)
        before, began = self._began
        rate = (done - before) / max(perf_counter() - began, 1e-3)
        self._bar.update(self._task, completed=done, rate=f"{rate:,.0f} a second")

    def _started(self, done: int, total: int) -> Any:  # noqa: ANN401  of rich
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        rate = TextColumn("{task.fields[rate]}")
        columns = (BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
        self._began = done, perf_counter()
        bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        bar.start()
        self._task = bar.add_task("points", total=total, completed=done, rate="")
        return bar

    def close(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()
