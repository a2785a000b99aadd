"""The program: what goes wrong becomes an exit status; options that several commands share."""

import errno
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from archspec.errors import SpecError

if TYPE_CHECKING:
    from archspec.api import Blocks
    from archspec.spec import Spec

Command: TypeAlias = Callable[..., Any]

_SIGNAL = 128  # and its number are the status of what a signal ended: 2 Ctrl-C, 13 a closed pipe


class Program(click.Group):
    """Turns what goes wrong while a command runs into an exit status, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  as click has it
        """Run the command; exit with 1 where the user's input is wrong."""
        try:
            return super().invoke(ctx)
        except SpecError as reason:
            click.echo(str(reason), err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            ctx.exit(_SIGNAL + 2)
        except MemoryError as reason:
            click.echo(f"stopped: out of memory: {reason}".removesuffix(": "), err=True)
            ctx.exit(1)
        except OSError as reason:
            # Files have errors of their own: what fails, and would fail again, is the output.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if reason.errno == errno.EPIPE:
                ctx.exit(_SIGNAL + 13)
            click.echo(f"stopped: {reason}", err=True)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands in the order in which they were added, which is that of the work."""
        return list(self.commands)


@click.group(
    cls=Program,
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


def _assignments(_ctx: object, _option: object, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        path, _equals, said = value.partition("=")
        if not path.strip() or not said.strip():
            raise click.BadParameter(f"{value!r} is not PATH=VALUE, as in scaling.width=0.5.")
    return values


def takes_spec(*, required: bool = True, several: bool = False) -> Callable[[Command], Command]:
    """The argument SPEC, or several, and the options that set values in it and add blocks."""

    def decorated(command: Command) -> Command:
        set_ = click.option(
            "--set",
            "settings",
            multiple=True,
            callback=_assignments,
            metavar="PATH=VALUE",
            help="Set a value: scaling.width=0.5, stages.s4.kernel=5.",
        )
        argument = (
            click.argument("specs", nargs=-1, required=required, metavar="SPEC…")
            if several
            else click.argument("spec", required=required)
        )
        return argument(set_(takes_blocks(command)))

    return decorated


def sides(value: str) -> tuple[int, int]:
    """Height and width: `224`, or `224x192`."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,4}))?", value)
    if not found:
        raise click.BadParameter(f"{value!r} is neither 224 nor 224x192, height and width.")
    return int(found[1]), int(found[2] or found[1])


def takes_blocks(command: Command) -> Command:
    """The option that adds blocks of the user's own."""
    return click.option(
        "--blocks",
        "files",
        multiple=True,
        metavar="FILE",
        help="A Python file with a block of your own; its name is the block's. It is run.",
    )(command)


def writes(text: str, *, required: bool = True) -> Callable[[Command], Command]:
    """The option that names the file to write."""
    return click.option("-o", "--output", required=required, metavar="FILE", help=text)


def prints(*styles: str) -> Callable[[Command], Command]:
    """The option that says how it is printed."""
    return click.option(
        "--format", "style", type=click.Choice(styles), default=styles[0], help="How it is printed."
    )


with_weights = click.option(
    "--weights",
    metavar="FILE",
    help="Of archspec, Keras, timm or torchvision: .safetensors, .keras, .h5, .pth; or"
    " random:SEED.",
)

takes_paths = click.argument("paths", nargs=-1, required=True, metavar="PATH…")


def takes_weights(command: Command) -> Command:
    """The options that say which weights, which rows not, and whether to print what went where."""
    for option in (
        click.option("--coverage", is_flag=True, help="Print what of the file went where."),
        click.option(
            "--reset",
            multiple=True,
            metavar="ROW",
            help="Leave a row's weights, as for another number of classes: classifier.",
        ),
        with_weights,
    ):
        command = option(command)
    return command


def progress(*columns: Any) -> Any:  # noqa: ANN401  of rich
    """A bar on stderr, of these columns or rich's own; drawn on a terminal, and nowhere else."""
    from rich.console import Console  # noqa: PLC0415  where something is drawn
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def load_spec(spec: str, settings: Sequence[str], files: Sequence[str]) -> "Spec":
    """The spec that SPEC, `--set` and `--blocks` stand for."""
    from archspec import api  # noqa: PLC0415

    return api.load_with(spec, [api.setting(text) for text in settings], known_blocks(files))


def known_blocks(files: Sequence[str]) -> "Blocks":
    """The blocks of archspec, and those of the files of `--blocks`."""
    from archspec.api import BLOCKS  # noqa: PLC0415
    from archspec.blocks import from_file  # noqa: PLC0415

    own = {name: block for file in files for name, block in from_file(file).items()}
    return {**BLOCKS, **own} if own else BLOCKS
