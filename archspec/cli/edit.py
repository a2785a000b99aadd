"""Commands for spec files: new, check, fmt."""

import re
import sys
from pathlib import Path

import click

from archspec.cli.program import known_blocks, prints, takes_blocks, takes_paths
from archspec.errors import SpecError, error, render


def _name(_ctx: object, _option: object, value: str) -> str:
    from archspec.schema import NAME  # noqa: PLC0415

    if not re.match(NAME, value):
        raise click.BadParameter(f"{value!r} is no name: letters, digits and _, a letter first.")
    return value


@click.command()
@click.argument("name", callback=_name)
@click.option(
    "--from",
    "reference",
    metavar="SPEC",
    default="mobilenet_v2",
    help="What it extends; of an .onnx file, the spec in it.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@takes_blocks
def new(*, name: str, reference: str, force: bool, files: tuple[str, ...]) -> None:
    """Write NAME.yaml, a spec to start from.

    The JSON Schema of specs, by which editors complete and check them, is put beside it.
    """
    from archspec import api, zoo  # noqa: PLC0415
    from archspec.draft import SCHEMA, draft, recovered  # noqa: PLC0415
    from archspec.files import write_whole  # noqa: PLC0415

    blocks = known_blocks(files)
    path = Path(f"{name}.yaml")
    if zoo.split(reference)[0] == str(path):
        raise click.UsageError(f"{path} cannot extend itself.")
    spec = api.load(reference, blocks=blocks)
    text = recovered(name, spec) if reference.endswith(api.ONNX) else draft(name, reference, spec)
    if not force and path.exists():
        raise error("E110", f"'{path}' is there already", hint="--force replaces it")
    write_whole(path.with_name(SCHEMA), api.schema_text(blocks).encode())
    write_whole(path, text.encode())
    click.echo(f"wrote {path} and {SCHEMA}; edit the table, then")
    said = " ".join([str(path), *(f"--blocks {file}" for file in files)])
    for rest in ("check {0}", "show {0}", "compile {0} -o {1}.keras", "export {0} -o {1}.onnx"):
        click.echo(f"  archspec {rest.format(said, name)}")


@click.command()
@takes_paths
@takes_blocks
@prints("text", "json", "github")
def check(*, paths: tuple[str, ...], files: tuple[str, ...], style: str) -> None:
    """Validate spec files, folders of them, or specs of the zoo.

    Every variant is checked. In a folder, the YAML files with a line `archspec: …` are specs.
    """
    from archspec import inspection, zoo  # noqa: PLC0415

    blocks = known_blocks(files)
    specs, found = zoo.files(paths)
    for path in specs:
        diagnostics = inspection.check(path, blocks=blocks)
        found += diagnostics
        if not diagnostics and style == "text":
            click.echo(f"{path}: fine")
    if found or style == "json":
        click.echo(render(found, style))
    sys.exit(1 if found else 0)


@click.command("fmt")
@takes_paths
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
