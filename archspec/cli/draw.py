"""Commands that draw: report, diagram."""

from typing import Any

import click

from archspec.cli.program import load_spec, takes_spec, writes


@click.command()
@takes_spec(several=True)
@writes("The .html file.")
@click.option("--sweep", metavar="FILE", help="A result of `archspec sweep`, to plot.")
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
    **options: Any,  # noqa: ANN401  those of report.page
) -> None:
    """Write a page about SPEC, or several side by side: what they cost, and how they look.

    It is one file with everything in it, and loads nothing.
    """
    from archspec import report as reports  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    reports.need_ending(output, ".html")
    loaded = [load_spec(spec, settings, files) for spec in specs]
    data = reports.page(loaded, **options).encode()
    write_whole(output, data)
    click.echo(f"{', '.join(spec.title for spec in loaded)} → {output}: {len(data) / 1e6:.1f} MB")


@click.command()
@takes_spec()
@writes("The .svg file.")
def diagram(*, spec: str, settings: tuple[str, ...], files: tuple[str, ...], output: str) -> None:
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

        graph = lift(spec).graph
    else:
        graph = api.to_graph(load_spec(spec, settings, files))
    write_whole(output, backend.emit(graph).encode())
    click.echo(f"{graph.name} → {output}")
