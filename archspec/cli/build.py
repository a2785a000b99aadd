"""Commands that make files of a spec: compile, export."""

import gc
from typing import TYPE_CHECKING, Any

import click

from archspec.cli.program import load_spec, takes_spec, takes_weights, writes

if TYPE_CHECKING:
    from archspec import artifacts
    from archspec.deploy.check import Agreement
    from archspec.spec import Spec

DYNAMIC = "dynamic"


@click.command("compile")
@takes_spec()
@writes("A .keras or .safetensors file, or a folder for a SavedModel.")
@takes_weights
@click.option("--deploy", is_flag=True, help="Fold batch norm, collapse branches, drop dropout.")
def compile_(
    *,
    spec: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    output: str,
    deploy: bool,
    **given: Any,  # noqa: ANN401  those about weights
) -> None:
    """Build the trainable Keras model and save it."""
    from archspec import api, artifacts  # noqa: PLC0415

    gc.enable()
    loaded = load_spec(spec, settings, files)
    arrays, lines = _weights(loaded, "the initializers of the spec", **given)
    artifacts.save(loaded, output, arrays, reset=given["reset"], deploy=deploy)
    cost = api.cost(loaded)
    click.echo(f"{loaded.title} → {output}: {cost.params:,} parameters, {cost.macs:,} MACs")
    click.echo("\n".join(lines))


def _batch(_ctx: object, _option: object, value: str) -> int | None:
    if value == DYNAMIC:
        return None
    if not value.isdecimal() or not 1 <= int(value[:6]) <= 65536:  # noqa: PLR2004  as ONNX Runtime
        raise click.BadParameter(f"{value!r} is neither {DYNAMIC} nor a number from 1 to 65536.")
    return int(value)


def _size(_ctx: object, _option: object, value: str | None) -> "artifacts.Size | None":
    if value is None or value == DYNAMIC:
        return value
    sides = value.split("x")
    if len(sides) > 2 or not all(side.isdecimal() and 0 < int(side[:6]) <= 16384 for side in sides):  # noqa: PLR2004
        wanted = f"{DYNAMIC}, a side or HEIGHTxWIDTH, of at most 16384 pixels"
        raise click.BadParameter(f"{value!r} is not {wanted}.")
    return int(sides[0]), int(sides[-1])


def _names(_ctx: object, _option: object, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for value in values for name in value.split(",") if name)


@click.command()
@takes_spec()
@writes("The .onnx file.")
@takes_weights
@click.option("--opset", type=int, metavar="N", default=17, help="Version of operators.")
@click.option(
    "--batch",
    metavar="N",
    default=DYNAMIC,
    callback=_batch,
    help="Number of images, or dynamic.",
)
@click.option(
    "--size",
    metavar="HxW",
    callback=_size,
    help="Height and width of images, or dynamic; else the spec's.",
)
@click.option("--layout", type=click.Choice(["nchw", "nhwc"]), default="nchw", help="Of images.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16"]),
    default="fp32",
    help="Of weights and arithmetic.",
)
@click.option(
    "--target",
    type=click.Choice(["any", "mobile"]),
    default="any",
    help="mobile: what accelerators of phones run as a whole.",
)
@click.option("--preprocess", is_flag=True, help="Take uint8 RGB; the file normalizes it.")
@click.option(
    "--outputs",
    multiple=True,
    metavar="[NAME=]ROW,…",
    callback=_names,
    help="Give these in the stead of the spec's outputs: s3,c5=s5.2.expand.",
)
@click.option(
    "--scores", type=click.Choice(["logits", "softmax"]), help="Of a classifier; else the spec's."
)
@click.option("--labels", metavar="FILE", help="Names of the classes, a line each, for metadata.")
@click.option("--external-data", is_flag=True, help="Put the weights into a file beside it.")
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
    **options: Any,  # noqa: ANN401  those about weights, and of artifacts.export
) -> None:
    """Write the ONNX file, checked before it appears.

    ONNX Runtime is compared with the reference interpreter; what tf2onnx made, with Keras.
    """
    from archspec import artifacts  # noqa: PLC0415

    gc.enable()
    loaded = load_spec(spec, settings, files)
    given = {name: options.pop(name) for name in ("weights", "reset", "coverage")}
    arrays, lines = _weights(loaded, artifacts.UNTRAINED, **given)
    done = artifacts.export(
        loaded, output, weights=arrays or artifacts.UNTRAINED, check=not unchecked, **options
    )
    size = f"{done.bytes / 1e6:.1f} MB"
    click.echo(f"{loaded.title} → {done.path}: opset {done.opset}, {done.nodes} nodes, {size}")
    if done.data:
        click.echo(f"weights in {done.data.name}, which must stay beside it")
    click.echo("\n".join(lines))
    click.echo(_verdict(done.agreement, options["via"]))
    click.echo(f"sha256: {done.sha256}")


def _weights(
    spec: "Spec", default: str, weights: str | None, reset: tuple[str, ...], *, coverage: bool
) -> tuple["artifacts.Weights | None", list[str]]:
    """The arrays that are asked for, and the lines that say where they come from."""
    from archspec import artifacts, tables, views  # noqa: PLC0415

    if weights is None or weights.startswith("random:"):
        if reset or coverage:
            raise click.UsageError("--reset and --coverage are about a file of --weights.")
        return weights, [f"weights: {weights or default}, untrained"]
    found = artifacts.load_weights(spec, weights, reset=reset)
    lines = [f"weights: {views.origin(found.coverage)}"]
    if coverage:
        lines.append(tables.render(views.coverage(found), "text"))
    return found, lines


def _verdict(agreement: "Agreement | None", via: str) -> str:
    if agreement is None:
        return "not checked"
    other = "Keras" if via == "tf2onnx" else "the reference"
    batches = " and ".join(map(str, agreement.batches))
    sizes = " and ".join(f"{height}x{width}" for height, width in agreement.sizes)
    where = f"at batch {batches}" + (f", size {sizes}" if len(agreement.sizes) > 1 else "")
    return (
        f"checked: ONNX Runtime is within {agreement.difference:.1e} of {other}, in standard"
        f" deviations of the output (bound {agreement.bound:.1e}), {where}"
    )
