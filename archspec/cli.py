"""The command line: arguments in, exit status out.

What a command needs is imported when it runs, so that `archspec --help` is no slower than click.
"""

import errno
import gc
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from archspec.errors import SpecError, error, render

if TYPE_CHECKING:
    from archspec.deploy.check import Agreement
    from archspec.spec import Spec

Command: TypeAlias = Callable[..., Any]

_SIGNAL = 128  # and its number are the status of what a signal ended: 2 Ctrl-C, 13 a closed pipe


class _Program(click.Group):
    """Turns what goes wrong while a command runs into an exit status, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  as click has it
        try:
            return super().invoke(ctx)
        except SpecError as reason:
            click.echo(str(reason), err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            ctx.exit(_SIGNAL + 2)
        except OSError as reason:
            # Files have errors of their own: what fails, and would fail again, is the output.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if reason.errno == errno.EPIPE:
                ctx.exit(_SIGNAL + 13)
            click.echo(f"stopped: {reason}", err=True)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)  # in the order of the work, which is that of this file


@click.group(
    cls=_Program,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
    epilog="Exit status: 0 fine; 1 the spec, the model or the weights are wrong; 2 the call is.",
)
@click.version_option(package_name="archspec-compiler", prog_name="archspec")
def archspec() -> None:
    """Compile a YAML table of a mobile CNN to a Keras model and a checked ONNX file.

    SPEC is a .yaml file or a name that `archspec list` prints, with variants if wanted:
    mobilenet_v2:1.4, my/net.yaml:small.
    """


def _name(_ctx: object, _option: object, value: str) -> str:
    from archspec.schema import NAME  # noqa: PLC0415

    if not re.match(NAME, value):
        raise click.BadParameter(f"{value!r} is no name: letters, digits and _, a letter first.")
    return value


def _assignments(_ctx: object, _option: object, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        path, _equals, said = value.partition("=")
        if not path.strip() or not said.strip():
            raise click.BadParameter(f"{value!r} is not PATH=VALUE, as in scaling.width=0.5.")
    return values


def _spec(command: Command) -> Command:
    """The argument SPEC and the option that sets values in it."""
    set_ = click.option(
        "--set",
        "settings",
        multiple=True,
        callback=_assignments,
        metavar="PATH=VALUE",
        help="Set a value: scaling.width=0.5, stages.s4.kernel=5.",
    )
    return click.argument("spec")(set_(command))


def _output(text: str, *, required: bool = True) -> Callable[[Command], Command]:
    return click.option("-o", "--output", required=required, metavar="FILE", help=text)


def _format(*styles: str) -> Callable[[Command], Command]:
    return click.option(
        "--format", "style", type=click.Choice(styles), default=styles[0], help="How it is printed."
    )


_paths = click.argument("paths", nargs=-1, required=True, metavar="PATH…")

_weights = click.option(
    "--weights", metavar="FILE", help="A .keras, .weights.h5 or .safetensors file, or random:SEED."
)


def _load(spec: str, settings: Sequence[str]) -> "Spec":
    from archspec import api  # noqa: PLC0415

    return api.load_with(spec, [api.setting(text) for text in settings])


@archspec.command("list")
@_format("text", "json", "csv")
def list_(*, style: Any) -> None:  # noqa: ANN401  one of the formats
    """Print the zoo: each variant, its input, parameters and MACs."""
    from archspec import tables, views  # noqa: PLC0415

    click.echo(tables.render(list(views.catalog(brief=style == "text")), style))


@archspec.command()
@click.argument("name", callback=_name)
@click.option(
    "--from",
    "reference",
    metavar="SPEC",
    default="mobilenet_v2",
    help="What it extends.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def new(*, name: str, reference: str, force: bool) -> None:
    """Write NAME.yaml, a spec to start from.

    The JSON Schema of specs, by which editors complete and check them, is put beside it.
    """
    from archspec import api, zoo  # noqa: PLC0415
    from archspec.draft import SCHEMA, draft  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    path = Path(f"{name}.yaml")
    if zoo.split(reference)[0] == str(path):
        raise click.UsageError(f"{path} cannot extend itself.")
    text = draft(name, reference, api.load(reference))
    if not force and path.exists():
        raise error("E110", f"'{path}' is there already", hint="--force replaces it")
    write_whole(path.with_name(SCHEMA), api.schema_text().encode())
    write_whole(path, text.encode())
    click.echo(f"wrote {path} and {SCHEMA}; edit the table, then")
    for rest in ("check {0}", "show {0}", "compile {0} -o {1}.keras", "export {0} -o {1}.onnx"):
        click.echo(f"  archspec {rest.format(path, name)}")


@archspec.command()
@_paths
@_format("text", "json", "github")
def check(*, paths: tuple[str, ...], style: str) -> None:
    """Validate spec files, folders of them, or specs of the zoo.

    Every variant is checked. In a folder, the YAML files with a line `archspec: …` are specs.
    """
    from archspec import api, zoo  # noqa: PLC0415

    files, found = zoo.files(paths)
    for path in files:
        diagnostics = api.check(path)
        found += diagnostics
        if not diagnostics and style == "text":
            click.echo(f"{path}: fine")
    if found or style == "json":
        click.echo(render(found, style))
    sys.exit(1 if found else 0)


@archspec.command("fmt")
@_paths
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit with 1 if it would."
)
def fmt_(*, paths: tuple[str, ...], only_check: bool) -> None:
    """Align the tables of spec files; words and comments stay."""
    from archspec import files, zoo  # noqa: PLC0415
    from archspec.fmt import fmt  # noqa: PLC0415
    from archspec.source import read_text  # noqa: PLC0415

    found, problems = zoo.files(paths)
    changed: list[str] = []
    for path in found:
        try:
            before = read_text(Path(path), path)
            after = fmt(before, path)
            if after == before:
                continue
            if not only_check:
                files.write_whole(path, after.encode())
        except SpecError as reason:
            problems += reason.diagnostics
        else:
            changed.append(path)
            click.echo(f"{path}: {'would change' if only_check else 'formatted'}")
    if problems:
        raise SpecError(problems)
    sys.exit(1 if changed and only_check else 0)


@archspec.command()
@_spec
@_format("text", "json", "csv")
@click.option("--graph", "as_graph", is_flag=True, help="Print the graph, a line for each op.")
def show(*, spec: str, settings: tuple[str, ...], style: Any, as_graph: bool) -> None:  # noqa: ANN401
    """Print the resolved table: shapes, parameters and MACs by row."""
    from archspec import api, tables, views  # noqa: PLC0415

    if as_graph and style != "text":
        raise click.UsageError("--graph is printed as text only.")
    loaded = _load(spec, settings)
    if as_graph:
        click.echo(str(api.to_graph(loaded)))
        return
    records, total = views.table(loaded)
    click.echo(tables.render(records, style, total))


@archspec.command()
@_spec
@click.argument("path", default="")
@click.option("--all", "everything", is_flag=True, help="Also what nobody says: the blocks' own.")
@_format("text", "json", "csv")
def explain(
    *,
    spec: str,
    path: str,
    settings: tuple[str, ...],
    everything: bool,
    style: Any,  # noqa: ANN401
) -> None:
    """Say where each number comes from, and how it was rounded.

    PATH narrows it: stages.s3, stages.s3.expand, stages.*.channels.
    """
    from archspec import tables, views  # noqa: PLC0415

    records = views.explain(_load(spec, settings), path, everything=everything)
    click.echo(tables.render(records, style))


@archspec.command("compile")
@_spec
@_output("A .keras or .safetensors file, or a folder for a SavedModel.")
@_weights
def compile_(*, spec: str, settings: tuple[str, ...], output: str, weights: str | None) -> None:
    """Build the trainable Keras model and save it."""
    from archspec import api  # noqa: PLC0415

    gc.enable()
    loaded = _load(spec, settings)
    api.save(loaded, output, weights)
    cost = api.cost(loaded)
    click.echo(f"{loaded.title} → {output}: {cost.params:,} parameters, {cost.macs:,} MACs")
    click.echo(_origin(weights, "the initializers of the spec"))


@archspec.command()
@_spec
@_output("The .onnx file.")
@_weights
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
    output: str,
    weights: str | None,
    unchecked: bool,
    **options: Any,  # noqa: ANN401  those of api.export
) -> None:
    """Write the ONNX file, checked before it appears.

    ONNX Runtime is compared with the reference interpreter; what tf2onnx made, with Keras.
    """
    from archspec import api  # noqa: PLC0415

    gc.enable()
    loaded = _load(spec, settings)
    given = weights or api.UNTRAINED
    done = api.export(loaded, output, weights=given, check=not unchecked, **options)
    size = f"{done.bytes / 1e6:.1f} MB"
    click.echo(f"{loaded.title} → {done.path}: opset {done.opset}, {done.nodes} nodes, {size}")
    click.echo(_origin(weights, api.UNTRAINED))
    click.echo(_verdict(done.agreement, options["via"]))
    click.echo(f"sha256: {done.sha256}")


def _origin(weights: str | None, default: str) -> str:
    drawn = weights is None or weights.startswith("random:")
    return f"weights: {weights or default}{', untrained' if drawn else ''}"


def _verdict(agreement: "Agreement | None", via: str) -> str:
    if agreement is None:
        return "not checked"
    other = "Keras" if via == "tf2onnx" else "the reference"
    sizes = " and ".join(map(str, agreement.batches))
    return (
        f"checked: ONNX Runtime is within {agreement.difference:.1e} of {other}, in standard"
        f" deviations of the output (bound {agreement.bound:.1e}), at batch {sizes}"
    )


@archspec.command()
@_output("Write it there instead of printing it.", required=False)
def schema(*, output: str | None) -> None:
    """Print the JSON Schema of spec files, for editors."""
    from archspec import api  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    if output:
        write_whole(output, api.schema_text().encode())
    else:
        click.echo(api.schema_text(), nl=False)


def main() -> None:
    """Run the command line in a process of its own."""
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        # A name that the terminal has no letters for is no reason to stop; stderr is so already.
        reconfigure(errors="backslashreplace")
    # A short command makes no garbage, and looking for it is 12 % of the time of `archspec check`.
    gc.disable()
    try:
        archspec()
    finally:
        gc.freeze()
        gc.enable()
