"""The command sweep."""

from collections.abc import Sequence
from pathlib import Path
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
    front: str | None,
    top: int | None,
    folder: str | None,
    kind: str,
    style: Any,  # noqa: ANN401  one of the formats
    **how: Any,  # noqa: ANN401  of archspec.sweep.sweep
) -> None:
    """Cost a space of variants, and find the best.

    The space is the section `search` of the spec, or what --set says. What is interrupted goes on
    where it ended when the same command is given again.
    """
    from archspec import sweep as engine  # noqa: PLC0415
    from archspec import tables  # noqa: PLC0415

    if front is None and (top or folder):
        raise click.UsageError("--top and --export are about the points of --front.")
    bar = _Bar()
    try:
        swept = engine.sweep(spec, outputs, settings, files=files, progress=bar, **how)
    finally:
        bar.close()
    if style == "text":
        click.echo("\n".join(_summary(spec, swept)))
    if front is None:
        return
    best = engine.best(engine.read(outputs[0]), front, top)
    click.echo(tables.render(best, style))
    if folder:
        for path in engine.write_points(swept.space, [one["point"] for one in best], folder, kind):
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

    def __call__(self, done: int, total: int) -> None:
        """Draw it."""
        if self._bar is None:
            self._start(done, total)
        self._bar.update(self._task, completed=done)

    def _start(self, done: int, total: int) -> None:
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
        self._bar = Progress(
            *columns, console=console, disable=not console.is_terminal, transient=True
        )
        self._bar.start()
        self._task = self._bar.add_task("points", total=total, completed=done, rate="")

    def close(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()
