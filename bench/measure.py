"""What a process or a call costs, and how two of them compare that take turns."""  # noqa: INP001

import os
from collections.abc import Callable, Mapping, Sequence
from statistics import quantiles
from time import perf_counter, process_time
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run costs.

    Args:
        wall: seconds that pass.
        cpu: seconds of processor time, user and system, of all threads.
        peak: bytes of memory at the most; 0 for a call.
    """

    wall: float
    cpu: float
    peak: int = 0


class Spread(NamedTuple):
    """The quartiles of some numbers."""

    low: float
    median: float
    high: float


def environment() -> dict[str, str]:
    """A user's: Python keeps the modules that it compiles, TensorFlow is quiet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3"}


def process(*command: str) -> Cost:
    """Run a program to its end; what it prints is thrown away.

    Raises:
        RuntimeError: it fails.
    """
    silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    began = perf_counter()
    child = os.posix_spawn(command[0], command, environment(), file_actions=silent)
    # The usage of this child alone; resource.getrusage knows only that of all children so far.
    _, status, usage = os.wait4(child, 0)
    wall = perf_counter() - began
    if status:
        raise RuntimeError(f"this fails: {' '.join(command)}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def call(function: Callable[[], object]) -> Cost:
    """Call a function."""
    wall, cpu = perf_counter(), process_time()
    function()
    return Cost(perf_counter() - wall, process_time() - cpu)


def in_turns(cases: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """The costs of every case, each once a round, after a round that does not count."""
    turns = [{name: case() for name, case in cases.items()} for _ in range(1 + rounds)]
    return {name: [turn[name] for turn in turns[1:]] for name in cases}


def spread(values: Sequence[float]) -> Spread:
    """Their quartiles."""
    return Spread(*quantiles(values, n=4, method="inclusive"))
