"""The command predict."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archspec.cli.program import prints

if TYPE_CHECKING:
    from archspec.predict import Predicted


@click.command()
@click.argument("model", metavar="MODEL.onnx")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE…")
@click.option(
    "-o", "--output", required=True, metavar="DIR", help="For the pictures that are drawn."
)
@click.option(
    "--score",
    type=click.FloatRange(0, 1),
    metavar="S",
    default=0.3,
    help="Boxes below it are not drawn.",
)
@click.option("--labels", metavar="FILE", help="Names of classes, one in each line.")
@prints("text", "json")
@click.pass_context
def predict(  # noqa: PLR0913  one for each option
    ctx: click.Context,
    *,
    model: str,
    images: tuple[str, ...],
    output: str,
    score: float,
    labels: str | None,
    style: str,
) -> None:
    """Draw what an exported net finds in pictures.

    Boxes, masks, or the likeliest classes: the file itself says what its outputs mean. A picture
    that does not decode is left out, and the exit status is 1 then.
    """
    from archspec import predict as predicting  # noqa: PLC0415

    records: list[dict[str, Any]] = []
    wrong = False
    named = Path(labels) if labels else None
    for done in predicting.predict(
        Path(model), list(map(Path, images)), Path(output), score=score, labels=named
    ):
        if done.problem:
            click.echo(str(done.problem), err=True)
            wrong = True
        elif style == "json":
            records.append(_record(done))
        else:
            click.echo(f"{done.picture} → {done.file}: {done.found}")
    if style == "json":
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
    ctx.exit(int(wrong))


def _record(done: "Predicted") -> dict[str, Any]:
    found = done.found.record if done.found else []
    return {"picture": str(done.picture), "file": str(done.file), "found": found}
