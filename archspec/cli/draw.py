"""Commands that draw: report, diagram."""

from typing import TYPE_CHECKING, Any

import click

from archspec.cli.program import load_spec, sides, takes_spec, writes

if TYPE_CHECKING:
    from archspec.spec import Spec


def _size(_ctx: object, _option: object, value: str | None) -> tuple[int, int] | None:
    return sides(value) if value else None


with_size = click.option(
    "--size", metavar="HxW", callback=_size, help="Height and width of images; else the spec's."
)


@click.command()
@takes_spec(several=True)
@writes("The .html file.")
@click.option("--sweep", metavar="FILE", help="A result of `archspec sweep`, to plot.")
@with_size
@click.option("--batch", type=click.IntRange(1), metavar="N", default=1, help="Number of images.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    help="Of activations: 4, 2 or 1 byte.",
)
def report(
    *,
    specs: tuple[str, ...],
    settings: tuple[str, ...],
    files: tuple[str, ...],
    output: str,
    size: tuple[int, int] | None,
    **options: Any,  # noqa: ANN401  those of report.page
) -> None:
    """Write a page about SPEC, or several: costs, charts, diagrams.

    It is one file with everything in it, and loads nothing.
    """
    from archspec import report as reports  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    reports.need_ending(output, ".html")
    loaded = [_sized(load_spec(spec, settings, files), size) for spec in specs]
    data = reports.page(loaded, **options).encode()
    write_whole(output, data)
    click.echo(f"{', '.join(spec.title for spec in loaded)} → {output}: {len(data) / 1e6:.1f} MB")


def _sized(spec: "Spec", size: tuple[int, int] | None) -> "Spec":
    from archspec import api, options  # noqa: PLC0415

    image = options.sides({"size": size})
    return api.sized(spec, *image) if image else spec


@click.command()
@takes_spec()
@writes("The .svg file.")
@with_size
def diagram(
    *,
    spec: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    output: str,
    size: tuple[int, int] | None,
) -> None:
    """Draw SPEC: its rows, blocks, shapes, skips and branches.

    SPEC may be a Keras model file, .keras.
    """
    from archspec import api, exports, report  # noqa: PLC0415
    from archspec.backends import diagram as backend  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    report.need_ending(output, ".svg")
    if exports.is_model(spec):
        if settings or files:
            raise click.UsageError("A Keras model file has no rows to set.")
        from archspec.lift import lift  # noqa: PLC0415  with numpy

        title, graph = spec, lift(spec, size).graph
    else:
        loaded = _sized(load_spec(spec, settings, files), size)
        title, graph = loaded.title, api.to_graph(loaded)
    write_whole(output, backend.emit(graph).encode())
    click.echo(f"{title} → {output}")
