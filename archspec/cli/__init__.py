"""The command line: arguments in, exit status out.

What a command needs is imported when it runs, so that `archspec --help` is no slower than click.
"""

import gc
import signal
import sys

from archspec.cli import build, draw, edit, look, predict, prove, run, watch
from archspec.cli import sweep as sweeps
from archspec.cli import train as training
from archspec.cli.program import archspec

__all__ = ["archspec", "main"]

# The order of the work, and of the help.
for command in (
    look.list_,
    edit.new,
    edit.check,
    edit.fmt_,
    look.show,
    look.explain,
    look.diff,
    draw.report,
    draw.diagram,
    watch.watch,
    sweeps.sweep,
    training.train,
    build.compile_,
    build.export,
    predict.predict,
    prove.verify,
    run.bench,
    look.blocks,
    look.schema,
):
    archspec.add_command(command)


def main() -> None:
    """Run the command line in a process of its own."""
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        # A name that the terminal has no letters for is no reason to stop; stderr is so already.
        reconfigure(errors="backslashreplace")
    # So that files half written go, as they do when Ctrl-C is pressed.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    # A short command makes no garbage, and looking for it is 12 % of the time of `archspec check`.
    gc.disable()
    try:
        archspec()
    finally:
        gc.freeze()
        gc.enable()
