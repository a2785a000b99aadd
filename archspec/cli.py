"""The command line: arguments in, exit status out.

0 fine, 1 the spec (or the model, or the weights) is wrong, 2 the call is wrong. What a command needs is imported when it runs.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from archspec.errors import Diagnostic, SpecError, error, render

if TYPE_CHECKING:
    from archspec.spec import Spec

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="archspec-compiler", prog_name="archspec")
def archspec() -> None:
    """Compile a YAML table of a mobile CNN to a Keras model and a checked ONNX file.

    SPEC is a .yaml file or a name that `archspec list` prints, with variants if wanted: mobilenet_v2:1.4, my/net.yaml:small.
    """


def _spec(command: Command) -> Command:
    """The argument SPEC and the option that sets values in it."""
    option = click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="PATH=VALUE",
        help="Set a value: scaling.width=0.5, stages.s4.kernel=5.",
    )
    return click.argument("spec")(option(command))


def _format(*styles: str) -> Callable[[Command], Command]:
    return click.option(
        "--format", "style", type=click.Choice(styles), default=styles[0], show_default=True
    )


_weights = click.option(
    "--weights", metavar="FILE", help="A .keras, .weights.h5 or .safetensors file, or random:SEED."
)


def _load(spec: str, settings: tuple[str, ...]) -> "Spec":
    from archspec import api  # noqa: PLC0415

    return api.load_with(spec, [api.setting(text) for text in settings])


@archspec.command("list")
@_format("text", "json", "csv")
def list_(style: Any) -> None:  # noqa: ANN401  one of the formats
    """Print the zoo: every variant with its input, parameters and MACs."""
    from archspec import tables, views  # noqa: PLC0415

    records = list(views.catalog())
    if style == "text":
        shown = ("spec", "input", "params", "macs", "source")
        records = [{key: record[key] for key in shown} for record in records]
    click.echo(tables.render(records, style))


@archspec.command()
@click.argument("name")
@click.option(
    "--from",
    "reference",
    default="mobilenet_v2",
    show_default=True,
    metavar="SPEC",
    help="What it extends.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def new(name: str, reference: str, force: bool) -> None:  # noqa: FBT001  a flag of the command
    """Write NAME.yaml, a spec to start from, and the schema that editors complete it by."""
    from archspec import api  # noqa: PLC0415
    from archspec.draft import SCHEMA, draft  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    path = Path(f"{name}.yaml")
    text = draft(name, reference, api.load(reference))
    if path.exists() and not force:
        raise error("E110", f"'{path}' is there already", hint="--force replaces it")
    write_whole(path.with_name(SCHEMA), api.schema_text().encode())
    write_whole(path, text.encode())
    click.echo(f"wrote {path} and {SCHEMA}; edit the table, then: archspec show {path}")


@archspec.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@_format("text", "json", "github")
def check(paths: tuple[str, ...], style: str) -> None:
    """Validate spec files, folders of them, or names of the zoo, with all their variants."""
    from archspec import api  # noqa: PLC0415

    found: list[Diagnostic] = []
    for path in _files(paths):
        diagnostics = api.check(path)
        found += diagnostics
        if not diagnostics and style == "text":
            click.echo(f"{path}: fine")
    if found or style == "json":
        click.echo(render(found, style))
    if found:
        sys.exit(1)


def _files(paths: tuple[str, ...]) -> Iterator[str]:
    """Files as they are; in a folder those that call themselves specs."""
    for path in paths:
        if not Path(path).is_dir():
            yield path
            continue
        inside = sorted(
            file
            for file in Path(path).rglob("*")
            if file.suffix in {".yaml", ".yml"} and file.is_file()
        )
        yield from (str(file) for file in inside if _is_spec(file))


def _is_spec(path: Path) -> bool:
    with path.open("rb") as file:
        return any(line.startswith(b"archspec:") for line in file.read(1 << 20).splitlines())


@archspec.command("fmt")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Change nothing; exit with 1 if a file would change.",
)
def fmt_(paths: tuple[str, ...], only_check: bool) -> None:  # noqa: FBT001
    """Align the tables of spec files; comments and values stay."""
    from archspec.files import write_whole  # noqa: PLC0415
    from archspec.fmt import fmt  # noqa: PLC0415
    from archspec.source import read_text  # noqa: PLC0415

    changed = False
    for path in _files(paths):
        before = read_text(Path(path), path)
        after = fmt(before, path)
        if after != before:
            changed = True
            click.echo(f"{path}: {'would change' if only_check else 'formatted'}")
            if not only_check:
                write_whole(path, after.encode())
    if changed and only_check:
        sys.exit(1)


@archspec.command()
@_spec
@_format("text", "json", "csv")
@click.option("--graph", "as_graph", is_flag=True, help="Print the graph, a line for each op.")
def show(spec: str, settings: tuple[str, ...], style: Any, as_graph: bool) -> None:  # noqa: ANN401, FBT001
    """Print the resolved table: each row with its shapes, parameters and MACs."""
    from archspec import api, tables, views  # noqa: PLC0415

    loaded = _load(spec, settings)
    if as_graph:
        click.echo(str(api.to_graph(loaded)))
        return
    records, total = views.table(loaded)
    click.echo(tables.render(records, style, total))


@archspec.command()
@_spec
@click.argument("path", default="")
@click.option(
    "--all", "everything", is_flag=True, help="Also what nobody says: the blocks' own defaults."
)
@_format("text", "json", "csv")
def explain(spec: str, path: str, settings: tuple[str, ...], everything: bool, style: Any) -> None:  # noqa: ANN401, FBT001
    """Say where each number comes from: which place won, and how it was scaled and rounded.

    PATH narrows it: stages.s3, stages.s3.expand.
    """
    from archspec import tables, views  # noqa: PLC0415

    records = views.explain(_load(spec, settings), path, everything=everything)
    if not records:
        raise error("E204", f"nothing is called '{path}' in '{spec}'")
    click.echo(tables.render(records, style))


@archspec.command("compile")
@_spec
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help=".keras, .safetensors, or a folder for a SavedModel.",
)
@_weights
def compile_(spec: str, settings: tuple[str, ...], output: str, weights: str | None) -> None:
    """Build the trainable Keras model and save it."""
    from archspec import api  # noqa: PLC0415

    loaded = _load(spec, settings)
    api.save(loaded, output, weights)
    cost = api.cost(loaded)
    click.echo(f"{loaded.title} → {output}: {cost.params:,} parameters, {cost.macs:,} MACs")
    click.echo(f"weights: {weights}" if weights else "weights: the spec's initializers, untrained")


@archspec.command()
@_spec
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="The .onnx file; it appears when it is checked.",
)
@_weights
@click.option(
    "--opset", type=int, default=17, show_default=True, help="Version of the ONNX operators."
)
@click.option("--batch", type=click.IntRange(1, 65536), help="A fixed batch size; any without it.")
@click.option(
    "--via", type=click.Choice(["direct", "tf2onnx"]), default="direct", show_default=True
)
@click.option(
    "--no-check", "unchecked", is_flag=True, help="Do not compare ONNX Runtime with the reference."
)
def export(  # noqa: PLR0913  one argument for each option
    spec: str,
    settings: tuple[str, ...],
    output: str,
    weights: str | None,
    opset: int,
    batch: int | None,
    via: str,
    unchecked: bool,  # noqa: FBT001
) -> None:
    """Write the ONNX file, checked against the reference before it appears."""
    from archspec import api  # noqa: PLC0415

    loaded = _load(spec, settings)
    done = api.export(
        loaded,
        output,
        weights=weights or api.UNTRAINED,
        opset=opset,
        batch=batch,
        via=via,
        check=not unchecked,
    )
    click.echo(
        f"{loaded.title} → {done.path}: opset {done.opset}, {done.nodes} nodes, {done.bytes / 1e6:.1f} MB"
    )
    click.echo(f"weights: {weights}" if weights else f"weights: {api.UNTRAINED}, untrained")
    if done.agreement:
        other = "Keras" if via == "tf2onnx" else "the reference"
        sizes = " and ".join(map(str, done.agreement.batches))
        click.echo(
            f"checked: ONNX Runtime is within {done.agreement.difference:.1e} of {other}, in standard deviations of the"
            f" output (bound {done.agreement.bound:.1e}), at batch {sizes}"
        )
    else:
        click.echo("not checked")
    click.echo(f"sha256: {done.sha256}")


@archspec.command()
@click.option("-o", "--output", metavar="FILE", help="Write it there instead of printing it.")
def schema(output: str | None) -> None:
    """Print the JSON Schema of spec files, for editors."""
    from archspec import api  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    if output:
        write_whole(output, api.schema_text().encode())
    else:
        click.echo(api.schema_text(), nl=False)


def main() -> None:
    """Run the command line; problems go to stderr, without a traceback."""
    try:
        archspec()
    except SpecError as reason:
        click.echo(render(reason.diagnostics, "text"), err=True)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever reads has seen enough; what Python would flush at exit has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
