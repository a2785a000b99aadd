"""The command that proves: verify."""

import gc
import sys
from typing import TYPE_CHECKING, Any

import click

from archspec.cli.program import known_blocks, prints, takes_spec

if TYPE_CHECKING:
    from archspec.verdicts import Verdict


@click.command()
@takes_spec(required=False)
@click.option("--vector", "vectors", multiple=True, metavar="FILE", help="Compare with its output.")
@click.option("--all", "everything", is_flag=True, help="Every spec of the zoo, one on each core.")
@click.option(
    "--via",
    type=click.Choice(["onnx", "keras"]),
    default="onnx",
    help="What is compared with vectors: the ONNX model, or the Keras model.",
)
@prints("text", "json", "csv", "markdown")
def verify(
    *,
    spec: str | None,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    everything: bool,
    style: Any,  # noqa: ANN401
    **options: Any,  # noqa: ANN401  those of verdicts.verify
) -> None:
    """Compare SPEC with the implementations that it says it equals.

    keras.applications is run beside it, in float64; of timm and torchvision there are vectors,
    what they computed of weights and an image that anyone can draw. As markdown: how many of each
    spec are equal, and the largest difference.
    """
    from archspec import api, tables, verdicts  # noqa: PLC0415

    if everything == (spec is not None) or (
        everything and (options["vectors"] or settings or files)
    ):
        raise click.UsageError("Give a SPEC, with --vector if wanted, or --all alone.")
    gc.enable()
    if spec is None:
        found = _everything(options["via"])
    else:
        said = [api.setting(text) for text in settings]
        found = list(verdicts.verify(spec, settings=said, blocks=known_blocks(files), **options))
    records = [verdict.record for verdict in found]
    click.echo(tables.render(verdicts.summary(found) if style == "markdown" else records, style))
    if style == "text":
        equal = sum(verdict.holds for verdict in found)
        click.echo(f"\n{equal} of {len(found)} equal")
    sys.exit(not all(verdict.holds for verdict in found))


def _everything(via: Any) -> "list[Verdict]":  # noqa: ANN401
    """The verdicts on the zoo, each implementation once; a terminal sees the progress."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    from archspec import verdicts  # noqa: PLC0415

    first: dict[str, str] = {}
    for spec, other in verdicts.named():
        first.setdefault(other, spec)
    every = list(dict.fromkeys(first.values()))
    console = Console(stderr=True)
    steps = track(
        verdicts.verify_all(every, via),
        "compared",
        len(every),
        console=console,
        disable=not console.is_terminal,
    )
    found = {verdict.reference: verdict for step in steps for verdict in step}
    return [found[other] for other in first]
