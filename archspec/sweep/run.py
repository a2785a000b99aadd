"""A sweep from beginning to end: pieces done, kept as they come, put together at last."""

import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import active_children, get_context
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal

from archspec.errors import SpecError, error
from archspec.files import write_whole
from archspec.sweep.results import Tally, assemble, check_ending, tally_of
from archspec.sweep.space import MAX_COUNT, Space
from archspec.sweep.task import Draw, Task, run

MAX_POINTS = 100_000_000
"""Of one sweep."""
FEW = 2
"""Pieces that are done here sooner than by processes, which take a second to start."""

Progress = Callable[[int, int], None]
"""Is told how many points are done, of how many."""


@dataclass(frozen=True, slots=True)
class How:
    """How a sweep is done.

    Args:
        jobs: processes; None: one a core.
        cluster: address of a Dask scheduler, whose workers do it in their stead.
        restart: throw away what a run before has left.
        progress: is told how far it is.
    """

    jobs: int | None = None
    cluster: str | None = None
    restart: bool = False
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did.

    Args:
        space: that it ran through.
        outputs: the files.
        tally: what became of the points.
        kept: how many points were done by a run before.
    """

    space: Space
    outputs: tuple[str, ...]
    tally: Tally
    kept: int


def sweep(
    space: Space, outputs: Sequence[str], draw: Draw | None = None, how: How = How()
) -> Swept:
    """Cost all points of a space, or some that are drawn, and write those within the budget.

    What is done is kept beside the first file, in a folder with `.parts` behind its name, until all
    is; the same call goes on from there. The files are the same wherever and however often the
    work was done.

    Args:
        space: see `open_space`.
        outputs: files to write, `.csv` or `.parquet`.
        draw: which points; None: all, in order.
        how: in how many processes, or where.

    Raises:
        SpecError: E110, a file cannot be written; E622, too many points; E623, a process was ended
            from outside; E624, what is left is of other work; E626, the name of a file says no
            format; E628, the cluster is lost.
    """
    for output in outputs:
        check_ending(output)
    if draw and draw.count > space.count:
        draw = replace(draw, count=space.count)
    _check_count(space, draw)
    task, folder = Task.of(space, draw), parts_of(outputs)
    with _keeping(folder):
        done = _begin(folder, task, restart=how.restart)
        _work(task, [piece for piece in range(task.pieces) if piece not in done], folder, how)
        parts = [folder / _name(piece) for piece in range(task.pieces)]
        tally = Tally()
        for path in parts:
            tally.add(tally_of(path))
        for output in outputs:
            assemble(parts, task.axes, output)
    shutil.rmtree(folder)
    return Swept(space, tuple(outputs), tally, sum(map(task.size, done)))


def parts_of(outputs: Sequence[str]) -> Path:
    """The folder in which is kept what is done."""
    return Path(f"{outputs[0]}.parts")


def _check_count(space: Space, draw: Draw | None) -> None:
    if space.count > MAX_COUNT:
        message = f"the space has {space.count:,} points, more than 2^63"
        raise error("E622", message, hint="give some of its paths fewer values")
    asked = draw.count if draw else space.count
    if asked > MAX_POINTS:
        what = "are asked for" if draw else "are in the space"
        message = f"{asked:,} points {what}; at most {MAX_POINTS:,} are tried in one sweep"
        raise error("E622", message, hint="--sample N draws some of them")


@contextmanager
def _keeping(folder: Path) -> Generator[None]:
    """Say with an error what is kept, and where."""
    try:
        yield
    except SpecError as reason:
        if not any(folder.glob("*.parquet")) or reason.diagnostics[0].code == "E624":
            raise
        first, *others = reason.diagnostics
        cure = f"what is done is kept in '{folder}'; the same command goes on from there"
        hint = f"{first.hint}; {cure}" if first.hint else cure
        raise SpecError([first._replace(hint=hint), *others]) from reason


def _begin(folder: Path, task: Task, *, restart: bool) -> set[int]:
    """The pieces that a run before has done; the folder is there then."""
    manifest = folder / "manifest.json"
    if folder.exists() and restart:
        shutil.rmtree(folder)
    if folder.exists():
        said: object = None
        with suppress(OSError, ValueError):
            said = json.loads(manifest.read_text())
        if said != {"work": task.fingerprint}:
            message = f"'{folder}' holds what another sweep has done"
            hint = "--restart throws it away; or write to another file"
            raise error("E624", message, hint=hint)
    else:
        with suppress(FileExistsError, FileNotFoundError):
            folder.mkdir()
        write_whole(manifest, json.dumps({"work": task.fingerprint}).encode())
    return {piece for piece in range(task.pieces) if (folder / _name(piece)).is_file()}


def _name(piece: int) -> str:
    return f"{piece:06}.parquet"


def _work(task: Task, pieces: Sequence[int], folder: Path, how: How) -> None:
    """Do pieces and keep each as it comes."""
    count = min(how.jobs or os.cpu_count() or 1, len(pieces))
    if how.cluster is not None:
        from archspec.sweep.cluster import on_cluster  # noqa: PLC0415  distributed is an extra

        found = on_cluster(how.cluster, task, pieces)
    elif count <= 1 or len(pieces) <= FEW:
        found = ((piece, run(task, piece)) for piece in pieces)
    else:
        found = _in_processes(task, pieces, count)
    done = task.count - sum(map(task.size, pieces))
    if how.progress:
        how.progress(done, task.count)
    for piece, data in found:
        write_whole(folder / _name(piece), data)
        done += task.size(piece)
        if how.progress:
            how.progress(done, task.count)


def _in_processes(task: Task, pieces: Sequence[int], count: int) -> Iterator[tuple[int, bytes]]:
    """Pieces in processes of their own; few are under way at a time, so that memory is bounded."""
    context = get_context("spawn")
    # Ctrl-C reaches every process, and this one ends the others.
    with ProcessPoolExecutor(count, context, signal, (SIGINT, SIG_IGN)) as pool:
        waiting = iter(pieces)
        pending: list[tuple[int, Future[bytes]]] = []
        try:
            while True:
                more = list(islice(waiting, 2 * count - len(pending)))
                pending += [(piece, pool.submit(run, task, piece)) for piece in more]
                if not pending:
                    return
                piece, future = pending.pop(0)
                yield piece, future.result()
        except BrokenProcessPool as reason:
            hint = "memory may have been short; --jobs 1 takes the least"
            raise error("E623", "a process was ended from outside", hint=hint) from reason
        except BaseException:
            for process in active_children():
                process.terminate()
            raise
