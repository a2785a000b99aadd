"""Measure sweeps, on one core: `python bench/sweep.py`.

Variants of MobileNetV2's table, drawn from a space, are costed by `archspec sweep`, then built and
counted in Keras, and in timm with fvcore where `--torch PYTHON FILE…` names a Python that has both
and files to run first.
"""  # noqa: INP001  scripts, no package

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

from archspec import cost, sweep
from archspec.source import plain
from measure import Cost, environment, in_turns, process, spread

from report import Line, load, machine, row, show, table

HERE = Path(__file__).parent
ROWS = range(2, 8)
SPACE = (
    "scaling.width=0.35,0.5,0.75,1.0,1.3,1.4",
    "stages.s3.repeats=1,2,3,4",
    "stages.s6.repeats=1,2,3,4",
    "input=160,192,224",
    *(f"stages.s{row}.kernel=3,5,7" for row in ROWS),
    *(f"stages.s{row}.expansion=2,3,4,6" for row in ROWS),
)
MANY, MORE = 100_000, 1_000_000
ROUNDS = 5
BUILT = 5
"""Variants that are built in a round."""
BAR = 25_000
"""Variants a second."""
PACKAGES = ("numpy", "pyarrow", "keras", "tensorflow")


def main() -> None:
    """Print the machine, the rates and memory of sweeps, and how long one takes to build them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", nargs="+", default=[], metavar="PYTHON")
    torch: list[str] = parser.parse_args().torch
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # and those that are started here
    show(machine(PACKAGES))
    show([f"One core; medians of {ROUNDS} rounds; {load()}"])
    with TemporaryDirectory() as folder:
        swept = [partial(process, *command(count, folder)) for count in (MANY, MORE)]
        others = {"Keras": [sys.executable, str(HERE / "keras_sweep.py")]}
        if torch:
            others["timm and fvcore"] = [torch[0], str(HERE / "torch_sweep.py"), *torch[1:]]
        built = {name: partial(timed, start) for name, start in others.items()}
        costs = in_turns({"many": swept[0], "more": swept[1], **built}, ROUNDS)
    show(table("sweep of", "bar", "variants a second", "quartiles", "memory"))
    show(map(row, (rate(costs[name], count) for name, count in (("many", MANY), ("more", MORE)))))
    show(table("variants", "in", "a variant takes", "times as long", "quartiles"))
    show(map(row, ratios(costs, others)))


def command(count: int, folder: str) -> Sequence[str]:
    """A sweep of so many variants, the start of the process and the files included."""
    program = str(Path(sys.executable).with_name("archspec"))
    settings = [word for said in SPACE for word in ("--set", said)]
    output = str(Path(folder, f"{count}.parquet"))
    return (
        program,
        "sweep",
        "mobilenet_v2",
        *settings,
        "--sample",
        str(count),
        "--jobs",
        "1",
        "-o",
        output,
    )


def timed(start: Sequence[str]) -> Cost:
    """A variant's part of what a script takes to build and count some, its own start left out.

    Raises:
        RuntimeError: it counts other parameters or MACs than a sweep does.
    """
    space = sweep.open_space("mobilenet_v2", SPACE)
    points = [number * space.count // BUILT + number for number in range(BUILT)]
    wanted = [
        {str(path.value): plain(value) for path, value in space.cells(space.digits(point))}
        for point in points
    ]
    command = [*start, json.dumps(wanted)]
    found = run(command, capture_output=True, check=True, env=environment())  # noqa: S603  ours
    said = json.loads(found.stdout.splitlines()[-1])
    ours = [cost(space.spec(point)) for point in points]
    if said["params"] != [one.trainable for one in ours]:
        raise RuntimeError(f"{start[1]} counts {said['params']}")
    return Cost(said["seconds"] / BUILT, said["seconds"] / BUILT)


def rate(costs: Sequence[Cost], count: int) -> Line:
    """How many variants a second, and the memory of the process."""
    low, median, high = spread([count / cost.wall for cost in costs])
    peak = spread([cost.peak / 1e6 for cost in costs]).median
    return (
        f"{count:,}",
        f"{BAR:,}",
        f"{median:,.0f}",
        f"{low:,.0f} to {high:,.0f}",
        f"{peak:.0f} MB",
    )


def ratios(costs: dict[str, list[Cost]], others: dict[str, list[str]]) -> Iterator[Line]:
    """How long a variant takes otherwise, of what it takes in a sweep."""
    for name in others:
        each = [
            built.wall / (swept.wall / MANY)
            for built, swept in zip(costs[name], costs["many"], strict=True)
        ]
        low, median, high = spread(each)
        took = spread([cost.wall for cost in costs[name]]).median
        yield str(BUILT), name, f"{took:.2f} s", f"{median:,.0f}", f"{low:,.0f} to {high:,.0f}"


main()
