"""The command that keeps showing: watch."""

import click

from archspec.cli.program import takes_spec


@click.command()
@takes_spec()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=0,
    help="Of the page; 0 for any that is free.",
)
def watch(*, spec: str, settings: tuple[str, ...], files: tuple[str, ...], port: int) -> None:
    """Show SPEC's report on a local page that follows the file.

    The page is new as soon as the file is saved; what is wrong with it is shown where it is. Ctrl-C
    ends the command.
    """
    from archspec.watch import Subject, serve  # noqa: PLC0415

    with serve(Subject(spec, settings, files), port) as site:
        click.echo(f"watching {spec} on {site.address}")
        site.wait()
