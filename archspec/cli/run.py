"""The command that runs: bench."""

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archspec.cli.program import load_spec, prints, sides, takes_spec, with_weights

if TYPE_CHECKING:
    from archspec.deploy.bench import Model

_MOST = 65536


def _size(_ctx: object, _option: object, value: str | None) -> tuple[int, int] | None:
    return None if value is None else sides(value)


def _onnx(_ctx: object, _option: object, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not value.endswith(".onnx"):
            raise click.BadParameter(f"{value!r} is no .onnx file.")
    return values


@click.command()
@takes_spec(several=True)
@with_weights
@click.option(
    "--against",
    multiple=True,
    callback=_onnx,
    metavar="FILE",
    help="An .onnx file to compare with.",
)
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", default=1, help="That work.")
@click.option("--batch", type=click.IntRange(1, _MOST), metavar="N", default=1, help="Images.")
@click.option("--size", callback=_size, metavar="HxW", help="Of images, where a file takes any.")
@click.option("--rounds", type=click.IntRange(1, _MOST), metavar="N", default=51, help="Of turns.")
@prints("text", "json", "csv")
def bench(  # noqa: PLR0913  one for each option
    *,
    specs: tuple[str, ...],
    settings: tuple[str, ...],
    files: tuple[str, ...],
    weights: str | None,
    against: tuple[str, ...],
    threads: int,
    batch: int,
    size: tuple[int, int] | None,
    rounds: int,
    style: Any,  # noqa: ANN401  one of the formats
) -> None:
    """Measure how long SPEC takes in ONNX Runtime, on the CPU.

    SPEC may be an .onnx file. All models take turns in one process; the ratio is what a model takes
    of the first one's time in the same round. Medians, with their quartiles.
    """
    from archspec import tables, views  # noqa: PLC0415
    from archspec.deploy.bench import Conditions, measure  # noqa: PLC0415

    if size and not any(file.endswith(".onnx") for file in (*specs, *against)):
        raise click.UsageError("--size is about an ONNX file that takes any, not a spec.")
    gc.enable()
    models, sizes = _models(specs, settings, files, weights)
    models += [(file, Path(file)) for file in against]
    conditions = Conditions(threads, batch, size or sizes)
    found = measure(models, conditions, rounds=rounds, turns=_with_progress)
    click.echo(tables.render(views.latencies(found, brief=style == "text"), style))
    if style == "text":
        several, more = "s" * (threads > 1), "s" * (rounds > 1)
        click.echo(f"\n{threads} thread{several}, batch {batch}, {rounds} round{more} in turns")


def _models(
    specs: Sequence[str], settings: Sequence[str], files: Sequence[str], weights: str | None
) -> "tuple[list[tuple[str, Model]], Sequence[int] | None]":
    """The models, and height and width of the first that is a spec."""
    if (settings or files or weights) and all(spec.endswith(".onnx") for spec in specs):
        raise click.UsageError("--set, --blocks and --weights are about a spec, not an ONNX file.")
    from archspec import api, artifacts  # noqa: PLC0415
    from archspec.deploy.export import direct  # noqa: PLC0415

    models: list[tuple[str, Model]] = []
    size = None
    for spec in specs:
        if spec.endswith(".onnx"):
            models.append((spec, Path(spec)))
            continue
        graph = api.to_graph(load_spec(spec, settings, files))
        model = direct(graph, artifacts.arrays(weights or artifacts.UNTRAINED, graph))
        models.append((spec, model.SerializeToString()))
        size = size or graph.input[:2]
    return models, size


def _with_progress(rounds: Sequence[int]) -> Iterator[int]:
    """The rounds; a terminal sees how far it is, between them, so that nothing else runs in one."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    disable = not console.is_terminal
    with Progress(console=console, auto_refresh=False, disable=disable) as progress:
        yield from progress.track(rounds, description="measured")
