"""Measure what README.md says and print it: `.venv/bin/python bench/run.py`.

It wants a quiet machine, and the Python of an environment in which archspec is installed.
"""  # noqa: INP001  scripts, no package

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from subprocess import PIPE, run
from tempfile import TemporaryDirectory
from typing import TypeAlias

from measure import Cost, call, environment, in_turns, process, spread

from report import Line, as_written, load, machine, row, show, table

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

QUANTITIES: Mapping[str, tuple[str, float, str]] = {
    "wall": ("wall time", 1e3, "ms"),
    "cpu": ("CPU time", 1e3, "ms"),
    "peak": ("memory", 1e-6, "MB"),
}
"""Field of `Cost` → what it is called, and the unit that it is shown in."""

Costs: TypeAlias = Sequence[Cost]


def main() -> None:
    """Print the machine, then the table of ratios and that of times."""
    os.chdir(HERE.parent)
    show(machine(PACKAGES))
    show([f"Medians of {ROUNDS} rounds; {load()}"])
    show(
        table("this", "that", "ratio of", "bar", "median", "quartiles", "this takes", "that takes")
    )
    for compare in (starts, exports, models):
        show(map(row, compare()))
    show(table("load, resolve, lower", "time", "bar", "median", "quartiles"))
    show(map(row, graphs()))


def starts() -> Iterator[Line]:
    """Processes that need no numpy, against the two libraries that read a spec."""
    cases = {
        "imports": partial(process, PYTHON, "-c", "import yaml, jsonschema"),
        "check": partial(process, ARCHSPEC, "check", "specs/mobilenet_v2.yaml"),
        "help": partial(process, ARCHSPEC, "--help"),
    }
    costs = in_turns(cases, ROUNDS)
    that = "`python -c 'import yaml, jsonschema'`", costs["imports"]
    yield from ratios("`archspec check specs/mobilenet_v2.yaml`", costs["check"], *that, time="2")
    yield from ratios("`archspec --help`", costs["help"], *that, time="2")


def exports() -> Iterator[Line]:
    """Processes that write MobileNetV2 as ONNX."""
    ours = (ARCHSPEC, "export", "mobilenet_v2", "--weights", "random:0", "--no-check", "-o")
    theirs = (PYTHON, str(HERE / "tf2onnx_export.py"))
    with TemporaryDirectory() as folder:
        cases = {
            "ours": partial(process, *ours, f"{folder}/ours.onnx"),
            "theirs": partial(process, *theirs, f"{folder}/theirs.onnx"),
        }
        costs = in_turns(cases, ROUNDS)
    this = "`archspec export mobilenet_v2 --weights random:0 --no-check`", costs["ours"]
    that = "Keras's MobileNetV2, converted by tf2onnx", costs["theirs"]
    yield from ratios(*this, *that, time="1/12", memory="1/4")


def models() -> Iterator[Line]:
    """Keras models built in one process in which everything is loaded."""
    command = [PYTHON, str(HERE / "keras_models.py"), str(ROUNDS)]
    printed = run(command, stdout=PIPE, check=True, env=environment()).stdout  # noqa: S603
    for spec, application, ours, theirs in json.loads(printed):
        this = f"`archspec.compile('{spec}')`", [Cost(*cost) for cost in ours]
        that = f"`keras.applications.{application}`", [Cost(*cost) for cost in theirs]
        yield from ratios(*this, *that, time="1.05")


def graphs() -> Iterator[Line]:
    """Specs read, resolved and lowered in a process that has done so before."""
    from archspec import load, to_graph  # noqa: PLC0415  what starts processes shall be small

    cases = {spec: partial(call, lambda spec=spec: to_graph(load(spec))) for spec in SPECS}
    for spec, costs in in_turns(cases, ROUNDS).items():
        for quantity in ("wall", "cpu"):
            name, scale, unit = QUANTITIES[quantity]
            times = spread([getattr(cost, quantity) * scale for cost in costs])
            low, middle, high = (f"{time:.1f} {unit}" for time in times)
            yield f"`{spec}`", name, f"10 {unit}", middle, f"{low} to {high}"


def ratios(
    this: str, ours: Costs, that: str, theirs: Costs, *, time: str, memory: str = ""
) -> Iterator[Line]:
    """A line for each quantity that has a bar."""
    for quantity, bar in {"wall": time, "cpu": time, "peak": memory}.items():
        if not bar:
            continue
        name, scale, unit = QUANTITIES[quantity]
        mine, other = ([getattr(cost, quantity) for cost in costs] for costs in (ours, theirs))
        of_rounds = spread([a / b for a, b in zip(mine, other, strict=True)])
        low, middle, high = (as_written(bar, ratio) for ratio in of_rounds)
        typical = [f"{median(values) * scale:.0f} {unit}" for values in (mine, other)]
        yield this, that, name, bar, middle, f"{low} to {high}", *typical


main()
