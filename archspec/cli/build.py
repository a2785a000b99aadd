"""Commands that make files of a spec: compile, export."""

import gc
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from archspec.cli.program import load_spec, progress, sides, takes_spec, takes_weights, writes

if TYPE_CHECKING:
    from archspec import artifacts, options
    from archspec.deploy.check import Agreement
    from archspec.deploy.export import Exported
    from archspec.deploy.quantize import Figures
    from archspec.deploy.tflite import Converted
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
    model: Any = artifacts.save(loaded, output, arrays, reset=given["reset"], deploy=deploy)
    macs = f"{api.cost(loaded).macs:,} MACs"
    what = "deployed" if deploy else macs
    click.echo(f"{loaded.title} → {output}: {model.count_params():,} parameters, {what}")
    click.echo("\n".join(lines))


def _batch(_ctx: object, _option: object, value: str | None) -> "int | str | None":
    if value is None or value == DYNAMIC:
        return value
    if not value.isdecimal() or not 1 <= int(value[:6]) <= 65536:  # noqa: PLR2004  as ONNX Runtime
        raise click.BadParameter(f"{value!r} is neither {DYNAMIC} nor a number from 1 to 65536.")
    return int(value)


def _size(_ctx: object, _option: object, value: str | None) -> "options.Size | None":
    return value if value is None or value == DYNAMIC else sides(value)


def _names(_ctx: object, _option: object, values: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name for value in values for name in value.split(",") if name)
    if values and not names:
        raise click.BadParameter(f"{values[0]!r} is no row.")
    return names


@click.command()
@takes_spec()
@writes("The .onnx or .tflite file.")
@takes_weights
@click.option("--opset", type=int, metavar="N", default=17, help="Version of operators.")
@click.option(
    "--batch",
    metavar="N",
    callback=_batch,
    help="Number of images, or dynamic, as it is unless the file is for phones.",
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
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    help="Of weights and arithmetic.",
)
@click.option("--calibrate", metavar="PATH", help="For int8: a folder of pictures, or a .npy file.")
@click.option(
    "--float-until", metavar="ROW", help="For int8: what stays in float32 last; input: nothing."
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
@click.option("--decoded", is_flag=True, help="Of a detector: boxes and scores.")
@click.option("--nms", is_flag=True, help="Of a detector: detections, the like suppressed.")
@click.option(
    "--convention", type=click.Choice(["default", "tf_od"]), help="How --nms says detections."
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
    **options: Any,  # noqa: ANN401  those about weights, and of exports.export
) -> None:
    """Write the ONNX or LiteRT file, checked before it appears.

    SPEC may be a Keras model file, .keras or .h5. The file is compared with the reference
    interpreter; what tf2onnx made, with Keras.
    """
    from archspec import artifacts, exports  # noqa: PLC0415

    gc.enable()
    exports.need_other(spec, output)
    given = {name: options.pop(name) for name in ("weights", "reset", "coverage")}
    if exports.is_model(spec):
        if settings or files or any(given.values()):
            raise click.UsageError("A Keras model file has its own weights, and no rows to set.")
        source, title, arrays, lines = spec, spec, None, []
    else:
        source = load_spec(spec, settings, files)
        title = source.title
        arrays, lines = _weights(source, artifacts.UNTRAINED, **given)
    bar = _Bar()
    try:
        done = exports.export(
            source,
            output,
            weights=arrays or artifacts.UNTRAINED,
            check=not unchecked,
            progress=bar,
            **options,
        )
    finally:
        bar.close()
    click.echo("\n".join(_report(title, done, lines)))


class _Bar:
    """Shows on a terminal how many images are done, from the first of them on."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Draw it."""
        if self._bar is None:
            self._bar = progress()
            self._bar.start()
            self._task = self._bar.add_task("calibrating", total=total)
        self._bar.update(self._task, completed=done)

    def close(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()


def _report(title: str, done: "Exported | Converted", lines: Sequence[str]) -> Iterator[str]:
    """What there is to say of a file, line by line."""
    from archspec.deploy.export import Exported  # noqa: PLC0415

    head, size = f"{title} → {done.path}", f"{done.bytes / 1e6:.1f} MB"
    if isinstance(done, Exported):
        yield f"{head}: opset {done.opset}, {done.nodes} nodes, {size}"
        yield from (*_onnx_remarks(done), *lines)
        yield _verdict(done.agreement, "ONNX Runtime", done.via)
        yield from _differences(done.figures) if done.figures else ()
    else:
        yield f"{head}: LiteRT, {done.precision}, {size}"
        yield from lines
        yield _drift(done.drift) if done.drift is not None else _verdict(done.agreement, "LiteRT")
    yield f"sha256: {done.sha256}"


def _onnx_remarks(done: "Exported") -> Iterator[str]:
    if done.why:
        yield f"by way of tf2onnx: {done.why}"
    if done.data:
        yield f"weights in {done.data.name}, which must stay beside it"


def _drift(drift: float) -> str:
    return (
        f"int8 is {drift:.1e} standard deviations of the output away from float32, root mean square"
        " over the images held back"
    )


def _differences(figures: "Figures") -> Iterator[str]:
    """How int8 differs from float32."""
    if figures.unreadable:
        names = ", ".join(figures.unreadable[:3]) + ("…" if len(figures.unreadable) > 3 else "")  # noqa: PLR2004
        yield f"left out, no pictures: {len(figures.unreadable)} files: {names}"
    worst = figures.worst
    same = "" if figures.agreement is None else f", top 1 the same for {figures.agreement:.1%}"
    yield (
        f"int8 after '{figures.float_until}', calibrated with {figures.calibrated} images; on the"
        f" {figures.held_back} held back '{worst.output}' is {worst.deviation:.1e} standard"
        f" deviations away from float32 ({worst.sqnr:.0f} dB){same}"
    )


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


def _verdict(agreement: "Agreement | None", runtime: str, via: str = "direct") -> str:
    if agreement is None:
        return "not checked"
    other = "Keras" if via == "tf2onnx" else "the reference"
    batches = " and ".join(map(str, agreement.batches))
    sizes = " and ".join(f"{height}x{width}" for height, width in agreement.sizes)
    where = f"at batch {batches}" + (f", size {sizes}" if len(agreement.sizes) > 1 else "")
    whose = "each node by itself" if agreement.by_node else "the output"
    if agreement.suppressed:
        where += "; detections are equal on random boxes"
        whose = whose.replace("the output", "boxes and scores")
    return (
        f"checked: {runtime} is within {agreement.difference:.1e} of {other}, in standard"
        f" deviations of {whose} (bound {agreement.bound:.1e}), {where}"
    )
