"""A sweep from beginning to end: pieces done, kept as they come, put together at last."""

import json
import os
import shutil
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from signal import SIG_BLOCK, SIG_IGN, SIG_SETMASK, SIGINT, pthread_sigmask, signal
from threading import Thread
from typing import Any, cast

from archspec.errors import SpecError, error
from archspec.files import write_whole
from archspec.sweep.results import Tally, assemble, check_output, is_part, tally_of
from archspec.sweep.space import MAX_COUNT, Space
from archspec.sweep.task import Draw, Task, run

MAX_POINTS = 100_000_000
"""Of one sweep."""
FEW = 2
"""Pieces that are done here sooner than by processes, which take a second to start."""

MANIFEST = "manifest.json"

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
        check_output(output)
    if draw and draw.count > space.count:
        draw = replace(draw, count=space.count)
    _check_count(space, draw)
    task, folder = Task.of(space, draw), parts_of(outputs)
    done = _begin(folder, task, restart=how.restart)
    with _keeping(folder):
        _work(task, [piece for piece in range(task.pieces) if piece not in done], folder, how)
        parts = [folder / _name(piece) for piece in range(task.pieces)]
        tally = Tally()
        for path in parts:
            tally.add(tally_of(path))
        for output in outputs:
            assemble(parts, task.axes, output)
    _discard(folder)
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
    """Say with an error what is kept, and where; where nothing is, no folder stays."""
    try:
        yield
    except BaseException as reason:
        if not any(folder.glob("*.parquet")):
            with suppress(OSError):
                _discard(folder)
        elif isinstance(reason, SpecError):
            first, *others = reason.diagnostics
            cure = f"what is done is kept in '{folder}'; the same command goes on from there"
            hint = f"{first.hint}; {cure}" if first.hint else cure
            raise SpecError([first._replace(hint=hint), *others]) from reason
        raise


def _begin(folder: Path, task: Task, *, restart: bool) -> set[int]:
    """The pieces that a run before has done; the folder is there then."""
    work = {"work": task.fingerprint}
    left = _work_in(folder)
    if restart and left:
        _discard(folder)
        left = None
    if left is None:
        folder.mkdir(exist_ok=True)
        with _keeping(folder):
            write_whole(folder / MANIFEST, json.dumps(work).encode())
    elif not left:
        hint = "move it away, or write to another file"
        raise error("E624", f"'{folder}' is there, and no sweep has made it", hint=hint)
    elif left != work:
        hint = "--restart throws it away; or write to another file"
        raise error("E624", f"'{folder}' holds what another sweep has done", hint=hint)
    return {piece for piece in range(task.pieces) if is_part(folder / _name(piece))}


def _work_in(folder: Path) -> dict[str, Any] | None:
    """What a folder says that a sweep has left in it; empty: no sweep has; None: nothing is left.

    A sweep that was killed before it could say so has left at most a hidden file.
    """
    try:
        if all(path.name.startswith(".archspec-") for path in folder.iterdir()):
            return None
        said: Any = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        return {} if folder.exists() else None
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _discard(folder: Path) -> None:
    """Take away what is left, the manifest after the parts: a folder without it is no sweep's."""
    for path in folder.glob("*.parquet"):
        path.unlink()
    shutil.rmtree(folder)


def _name(piece: int) -> str:
    return f"{piece:06}.parquet"


def _work(task: Task, pieces: Sequence[int], folder: Path, how: How) -> None:
    """Do pieces and keep each as it comes."""
    count = min(how.jobs or os.cpu_count() or 1, len(pieces))
    if how.cluster is not None:
        kept = _on_cluster(task, pieces, folder, how.cluster)
    elif count <= 1 or len(pieces) <= FEW:
        kept = (_keep(task, piece, folder) for piece in pieces)
    else:
        kept = _in_processes(task, pieces, folder, count)
    done = task.count - sum(map(task.size, pieces))
    if how.progress:
        how.progress(done, task.count)
    with closing(kept):  # which ends the processes, whatever happens here
        for piece in kept:
            done += task.size(piece)
            if how.progress:
                how.progress(done, task.count)


def _keep(task: Task, piece: int, folder: Path) -> int:
    """Do a piece and keep it."""
    write_whole(folder / _name(piece), run(task, piece))
    return piece


def _on_cluster(
    task: Task, pieces: Sequence[int], folder: Path, address: str
) -> Generator[int, None, None]:
    """Keep pieces that the workers of a cluster do, which may not see the folder."""
    from archspec.sweep.cluster import on_cluster  # noqa: PLC0415  distributed is an extra

    with closing(on_cluster(address, task, pieces)) as found:
        for piece, data in found:
            write_whole(folder / _name(piece), data)
            yield piece


def _in_processes(
    task: Task, pieces: Sequence[int], folder: Path, count: int
) -> Generator[int, None, None]:
    """Keep pieces in processes of their own; few are under way at a time: memory is bounded.

    They keep what they do themselves. Sent here, it would fill the pipe, and this process would
    wait forever for the rest of what one that is killed has begun to send.
    """
    waiting = iter(pieces)
    under_way: set[Future[int]] = set()
    with ProcessPoolExecutor(count, get_context("spawn"), _prepare) as pool:
        try:
            while True:
                with _no_interrupt():
                    for piece in islice(waiting, 2 * count - len(under_way)):
                        under_way.add(pool.submit(_keep, task, piece, folder))
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as reason:
            hint = "memory may have been short; --jobs 1 takes the least"
            raise error("E623", "a process was ended from outside", hint=hint) from reason
        except BaseException:
            for process in active_children():
                process.terminate()
            raise


@contextmanager
def _no_interrupt() -> Generator[None]:
    """Keep Ctrl-C waiting; a process that starts here never hears of it, not even as it starts.

    A terminal sends it to every process, and this one ends the others.
    """
    before = pthread_sigmask(SIG_BLOCK, [SIGINT])
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def _prepare() -> None:
    """Leave Ctrl-C to the process that has started this one, and end when that is killed."""
    signal(SIGINT, SIG_IGN)
    Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = parent_process()
    assert parent is not None  # noqa: S101  there is one where this runs
    parent.join()
    os._exit(1)
