"""Train on drawn shapes from the command line: `.venv/bin/python bench/train.py`.

What each net comes to on the pictures that it was not trained with, and how long that takes.
"""  # noqa: INP001  scripts, no package

import subprocess
import sys
from collections.abc import Iterator, Mapping
from csv import DictReader
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from measure import environment

from report import Line, load, machine, row, show, table

ROOT = Path(__file__).parents[1]
SPECS = Path(__file__).parent / "shapes"
PACKAGES = ("tensorflow", "keras", "pycocotools")


class Task(NamedTuple):
    """A net that learns what it sees in a layout of so many pictures of so many pixels."""

    net: str
    layout: str
    pictures: int
    pixels: int
    score: str
    bar: float


TASKS: Mapping[str, Task] = {
    "boxes": Task("SSDLite on MobileNetV2, 0.35 wide", "coco", 500, 96, "AP50", 0.8),
    "classes": Task("MobileNetV2, 0.35 wide", "folders", 2400, 64, "top1", 0.95),
    "masks": Task("LR-ASPP on MobileNetV3 small", "masks", 1000, 96, "miou", 0.8),
}


def main() -> None:
    """Print the machine, then a line for each net."""
    show(machine(PACKAGES))
    show([load()])
    show(table("net", "pictures", "score", "bar", "best", "last", "minutes"))
    wanted = sys.argv[1:] or TASKS
    for name in wanted:
        show(map(row, lines(name, TASKS[name])))


def lines(name: str, task: Task) -> Iterator[Line]:
    """What a net comes to, and in what time: the whole command, its start and the ONNX file."""
    with TemporaryDirectory() as folder:
        data, output = Path(folder) / "data", Path(folder) / "run"
        said = (task.layout, str(data), str(task.pictures), str(task.pixels))
        subprocess.run([sys.executable, "-m", "tests.drawn", *said], cwd=ROOT, check=True)  # noqa: S603
        command = [sys.executable, "-m", "archspec", "train", str(SPECS / f"{name}.yaml")]
        command += ["--data", str(data), "-o", str(output), "--export", f"{folder}/net.onnx"]
        began = perf_counter()
        subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)  # noqa: S603
        minutes = (perf_counter() - began) / 60
        with (output / "history.csv").open(encoding="utf-8", newline="") as file:
            scores = [float(epoch[task.score]) for epoch in DictReader(file)]
    pictures = f"{task.pictures} of {task.pixels} x {task.pixels}"
    figures = (f"{task.bar}", f"{max(scores):.3f}", f"{scores[-1]:.3f}", f"{minutes:.1f}")
    yield task.net, pictures, task.score, *figures


main()
