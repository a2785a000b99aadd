"""Commands that make files of a spec: compile, export."""

import gc
from typing import TYPE_CHECKING, Any

import click

from archspec.cli.program import load_spec, takes_spec, takes_weights, writes

if TYPE_CHECKING:
    from archspec import api
    from archspec.deploy.check import Agreement
    from archspec.spec import Spec


@click.command("compile")
@takes_spec()
@writes("A .keras or .safetensors file, or a folder for a SavedModel.")
@takes_weights
def compile_(
    *,
    spec: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    output: str,
    **given: Any,  # noqa: ANN401  those about weights
) -> None:
    """Build the trainable Keras model and save it."""
    from archspec import api  # noqa: PLC0415

    gc.enable()
    loaded = load_spec(spec, settings, files)
    arrays, lines = _weights(loaded, "the initializers of the spec", **given)
    api.save(loaded, output, arrays, reset=given["reset"])
    cost = api.cost(loaded)
    click.echo(f"{loaded.title} → {output}: {cost.params:,} parameters, {cost.macs:,} MACs")
    click.echo("\n".join(lines))


@click.command()
@takes_spec()
@writes("The .onnx file.")
@takes_weights
@click.option("--opset", type=int, metavar="N", default=17, help="Version of operators.")
@click.option("--batch", type=click.IntRange(1, 65536), metavar="N", help="A fixed size; else any.")
@click.option(
    "--via",
    type=click.Choice(["direct", "tf2onnx"]),
    default="direct",
    help="From the graph, or from its Keras model.",
)
@click.option("--no-check", "unchecked", is_flag=True, help="Do not run it and compare.")
def export(
    *,
    spec: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    output: str,
    unchecked: bool,
    **options: Any,  # noqa: ANN401  those about weights, and of api.export
) -> None:
    """Write the ONNX file, checked before it appears.

    ONNX Runtime is compared with the reference interpreter; what tf2onnx made, with Keras.
    """
    from archspec import api  # noqa: PLC0415

    gc.enable()
    loaded = load_spec(spec, settings, files)
    given = {name: options.pop(name) for name in ("weights", "reset", "coverage")}
    arrays, lines = _weights(loaded, api.UNTRAINED, **given)
    done = api.export(
        loaded, output, weights=arrays or api.UNTRAINED, check=not unchecked, **options
    )
    size = f"{done.bytes / 1e6:.1f} MB"
    click.echo(f"{loaded.title} → {done.path}: opset {done.opset}, {done.nodes} nodes, {size}")
    click.echo("\n".join(lines))
    click.echo(_verdict(done.agreement, options["via"]))
    click.echo(f"sha256: {done.sha256}")


def _weights(
    spec: "Spec", default: str, weights: str | None, reset: tuple[str, ...], *, coverage: bool
) -> tuple["api.Weights | None", list[str]]:
    """The arrays that are asked for, and the lines that say where they come from."""
    from archspec import api, tables, views  # noqa: PLC0415

    if weights is None or weights.startswith("random:"):
        if reset or coverage:
            raise click.UsageError("--reset and --coverage are about a file of --weights.")
        return weights, [f"weights: {weights or default}, untrained"]
    found = api.load_weights(spec, weights, reset=reset)
    lines = [f"weights: {views.origin(found.coverage)}"]
    if coverage:
        lines.append(tables.render(views.coverage(found), "text"))
    return found, lines


def _verdict(agreement: "Agreement | None", via: str) -> str:
    if agreement is None:
        return "not checked"
    other = "Keras" if via == "tf2onnx" else "the reference"
    sizes = " and ".join(map(str, agreement.batches))
    return (
        f"checked: ONNX Runtime is within {agreement.difference:.1e} of {other}, in standard"
        f" deviations of the output (bound {agreement.bound:.1e}), at batch {sizes}"
    )
