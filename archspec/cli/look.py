"""Commands that print: list, show, explain, diff, blocks, schema."""

from typing import Any

import click

from archspec.cli.program import (
    known_blocks,
    load_spec,
    prints,
    sides,
    takes_blocks,
    takes_spec,
    writes,
)


@click.command("list")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@prints("text", "json", "csv")
def list_(*, names: tuple[str, ...], style: Any) -> None:  # noqa: ANN401  one of the formats
    """Print the zoo: each variant, its input, parameters and MACs.

    All of it, or the specs that are named.
    """
    from archspec import tables, views  # noqa: PLC0415

    click.echo(tables.render(list(views.catalog(names, brief=style == "text")), style))


def _size(_ctx: object, _option: object, value: str | None) -> tuple[int, int] | None:
    return sides(value) if value else None


@click.command()
@takes_spec()
@click.option("--size", metavar="HxW", callback=_size, help="Height and width of images.")
@click.option("--batch", type=click.IntRange(1), metavar="N", default=1, help="Number of images.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    help="Of activations: 4, 2 or 1 byte.",
)
@prints("text", "json", "csv")
@click.option("--graph", "as_graph", is_flag=True, help="Print the graph, a line for each op.")
def show(  # noqa: PLR0913  each is an option of the command
    *,
    spec: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    size: tuple[int, int] | None,
    batch: int,
    precision: Any,  # noqa: ANN401
    style: Any,  # noqa: ANN401
    as_graph: bool,
) -> None:
    """Print the resolved table: shapes and costs, by row and in all.

    memory: the most activations that are alive at once in a row; field: pixels of the image that
    a pixel sees, high and wide; stride: pixels of the image between two. See docs/cost.md.
    """
    from archspec import api, options, views  # noqa: PLC0415

    if as_graph and style != "text":
        raise click.UsageError("--graph is printed as text only.")
    loaded = load_spec(spec, settings, files)
    if image := options.sides({"size": size}):
        loaded = api.sized(loaded, *image)
    if as_graph:
        click.echo(str(api.to_graph(loaded)))
        return
    click.echo(views.show(loaded, api.cost(loaded, batch=batch, precision=precision), style))


@click.command()
@takes_spec()
@click.argument("path", default="")
@click.option("--all", "everything", is_flag=True, help="Also what nobody says: the blocks' own.")
@prints("text", "json", "csv")
def explain(
    *,
    spec: str,
    path: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    everything: bool,
    style: Any,  # noqa: ANN401
) -> None:
    """Say where each number comes from, and how it was rounded.

    PATH narrows it: stages.s3, stages.s3.expand, stages.*.channels.
    """
    from archspec import tables, views  # noqa: PLC0415

    records = views.explain(load_spec(spec, settings, files), path, everything=everything)
    click.echo(tables.render(records, style))


@click.command()
@click.argument("a")
@click.argument("b")
@takes_blocks
@prints("text", "json", "csv", "markdown")
def diff(*, a: str, b: str, files: tuple[str, ...], style: Any) -> None:  # noqa: ANN401
    """Say what differs between two specs: rows, costs, weights.

    By meaning: what is resolved to the same is the same. Exit status 0 whether or not they differ.
    """
    from archspec import comparison, views  # noqa: PLC0415

    found = comparison.diff(a, b, blocks=known_blocks(files))
    click.echo(views.differences(found, style))


@click.command()
@click.argument("name", default="")
@takes_blocks
@prints("text", "json", "csv")
def blocks(*, name: str, files: tuple[str, ...], style: Any) -> None:  # noqa: ANN401
    """Print the blocks that a row may name, or the parameters of one."""
    from archspec import tables, views  # noqa: PLC0415

    known = known_blocks(files)
    records = views.parameters(known, name) if name else views.blocks(known)
    click.echo(tables.render(records, style))


@click.command()
@writes("Write it there instead of printing it.", required=False)
@takes_blocks
def schema(*, output: str | None, files: tuple[str, ...]) -> None:
    """Print the JSON Schema of spec files, for editors."""
    from archspec import api  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    text = api.schema_text(known_blocks(files))
    if output:
        write_whole(output, text.encode())
    else:
        click.echo(text, nl=False)
