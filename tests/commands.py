"""The command line in this process: a command, and what it prints."""

import re

from archspec.cli import archspec as program
from click.testing import CliRunner, Result


def run(*arguments: str, status: int = 0, columns: int = 100) -> Result:
    """A command in this process; it ends by itself, with this status."""
    result = CliRunner().invoke(program, arguments, terminal_width=columns)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def printed(*arguments: str) -> str:
    """What a command prints that has nothing to complain of."""
    result = run(*arguments)
    assert result.stderr == ""
    return result.stdout


def refusal(*arguments: str) -> str:
    """What a command says of a spec, a file or weights that are wrong."""
    result = run(*arguments, status=1)
    assert result.stdout == ""
    return result.stderr


def misuse(*arguments: str) -> str:
    """What a command says of a call that is wrong, after the usage."""
    result = run(*arguments, status=2)
    assert result.stdout == ""
    usage, try_, blank, *rest = result.stderr.splitlines()
    assert usage.startswith("Usage: archspec")
    assert re.fullmatch(r"Try 'archspec.* --help' for help\.", try_)
    assert blank == ""
    return "\n".join(rest)
