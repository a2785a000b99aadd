"""Measure what README.md claims and print it: `.venv/bin/python bench/run.py`.

It wants a quiet machine, and the Python of an environment in which archspec is installed.
"""  # noqa: INP001  scripts, no package

import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE, run
from tempfile import TemporaryDirectory
from typing import TypeAlias

from measure import Cost, call, environment, in_turns, process, spread

ROUNDS = 21

HERE = Path(__file__).parent
PYTHON = sys.executable
ARCHSPEC = str(Path(PYTHON).with_name("archspec"))

PACKAGES = ("tensorflow", "keras", "tf2onnx", "onnx", "numpy", "jsonschema", "pyyaml", "click")
SPECS = (
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v2_notebook",
    "mobilenet_v3:large",
    "efficientnet:b0",
    "efficientnet:b7",
)
"""One of each family, and the deepest of all."""

QUANTITIES = {
    "wall": ("wall time", 1e3, "ms"),
    "cpu": ("CPU time", 1e3, "ms"),
    "peak": ("memory", 1e-6, "MB"),
}
"""Field of `Cost` → its name, and the unit that it is shown in."""

Line: TypeAlias = Sequence[str]
Costs: TypeAlias = Sequence[Cost]


def main() -> None:
    """Print the machine, then a table for what is compared and one for what is not."""
    os.chdir(HERE.parent)
    show(f"{line}\n" for line in machine())
    ratios = (*starts(), *exports(), *models())
    head = ("this", "against that", "of its", "at most", "median", "quartiles", "this", "that")
    show(table(head, ratios))
    show(table(("load, resolve, lower", "of", "at most", "median", "quartiles"), graphs()))


def starts() -> Iterator[Line]:
    """Processes that need no numpy, against the two libraries that read a spec."""
    cases = {
        "imports": partial(process, PYTHON, "-c", "import yaml, jsonschema"),
        "check": partial(process, ARCHSPEC, "check", "specs/mobilenet_v2.yaml"),
        "help": partial(process, ARCHSPEC, "--help"),
    }
    costs = in_turns(cases, ROUNDS)
    that = "`python -c 'import yaml, jsonschema'`", costs["imports"]
    for command in ("check specs/mobilenet_v2.yaml", "--help"):
