"""Measure how soon `archspec watch` shows what is saved: `.venv/bin/python bench/watch.py`.

From the end of a save to the last byte of the event that the page gets, in another process.
"""  # noqa: INP001  scripts, no package

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from statistics import median, quantiles
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from urllib.request import urlopen

from archspec import zoo
from measure import environment

from report import Line, load, machine, row, show, table

SAVES = 30
PACKAGES = ("watchfiles",)
SPECS = ("mobilenet_v2", "efficientnet:b0", "efficientnet:b7")
BAR = "200 ms"


def main() -> None:
    """Print the machine, then a line for each spec and for what is saved."""
    show(machine(PACKAGES))
    show([f"{SAVES} saves each; {load()}"])
    show(table("watched", "saved", "bar", "median", "95 %", "longest"))
    for spec in SPECS:
        show(map(row, lines(spec)))


def lines(spec: str) -> Iterator[Line]:
    """What takes how long with a spec of the zoo."""
    name, _, variant = spec.partition(":")
    text = (zoo.folder() / f"{name}.yaml").read_text(encoding="utf-8")
    if "\nclasses: 1000\n" not in text:
        raise ValueError(spec)
    fine = [text.replace("\nclasses: 1000\n", f"\nclasses: {n}\n") for n in range(1, SAVES + 1)]
    wrong = [text.replace("\nstem:", f"\nstemm{n}: 1\nstem:") for n in range(1, SAVES + 1)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        with watching(f"{path}:{variant}".removesuffix(":")) as stream:
            for name, texts in {"another count of classes": fine, "a mistake": wrong}.items():
                times = [1e3 * shown(path, text, stream) for text in texts]
                worst = quantiles(times, n=20)[-1]
                figures = (f"{time:.0f} ms" for time in (median(times), worst, max(times)))
                yield f"`{spec}`", name, BAR, *figures


@contextmanager
def watching(spec: str) -> Iterator[HTTPResponse]:
    """The events of a process that watches a spec; the first is read already."""
    command = [sys.executable, "-m", "archspec", "watch", spec]
    with Popen(command, stdout=PIPE, text=True, env=environment()) as process:  # noqa: S603
        try:
            assert process.stdout  # noqa: S101  it is a pipe
            address = process.stdout.readline().split()[-1]
            with urlopen(f"{address}events", timeout=30) as stream:  # noqa: S310  of our own
                event(stream)
                yield stream
        finally:
            process.terminate()


def shown(path: Path, text: str, stream: HTTPResponse) -> float:
    """Seconds from the save to the event."""
    sleep(0.3)
    path.write_text(text, encoding="utf-8")
    began = perf_counter()
    event(stream)
    return perf_counter() - began


def event(stream: HTTPResponse) -> object:
    """The next event."""
    for line in stream:
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))
    raise EOFError


main()
