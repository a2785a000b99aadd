"""Tables in Markdown, and what was measured on."""  # noqa: INP001

import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

Line: TypeAlias = Sequence[str]


def as_written(bar: str, ratio: float) -> str:
    """A ratio in the form of its bar, 1.05 or 1/12."""
    return f"1/{1 / ratio:.1f}" if "/" in bar else f"{ratio:.2f}"


def table(*head: str) -> Iterable[str]:
    """The head of a table in Markdown."""
    return "", row(head), row(["---"] * len(head))


def row(cells: Line) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def machine(packages: Iterable[str]) -> Iterable[str]:
    """What it was measured on."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = f"{os.cpu_count()} cores of {processor[1] if processor else platform.machine()}"
    yield f"{cores}, {platform.system()} {platform.release()}, Python {platform.python_version()};"
    yield ", ".join(f"{name} {version(name)}" for name in packages) + "."


def load() -> str:
    """How busy the machine is."""
    return f"load average {os.getloadavg()[0]:.1f} at the start."


def show(lines: Iterable[str]) -> None:
    """Print lines as they come."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
