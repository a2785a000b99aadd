"""Waiting until one of some files is saved."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from threading import Event

_STEP = 10
"""Milliseconds without another change after which a save is taken for done."""
_LONGEST = 100
"""Milliseconds after which it is read even where the folder does not come to rest."""
_LOOK = 500
"""Milliseconds after which the files are looked at without having been told of a change."""


def wakes(files: Callable[[], Collection[Path]], stop: Event) -> Iterator[bool]:
    """Wakes when a file is likely to have changed (True), and now and then anyhow (False).

    The folders of the files are watched, not the files: an editor that writes beside a file and
    renames would be lost. What the system does not tell, as on a network's disk or when a folder is
    put in the place of another, the looks now and then find.

    Args:
        files: which ones, asked for at each turn; they need not be there.
        stop: ends it, within a fraction of a second.
    """
    from watchfiles import watch  # noqa: PLC0415

    while not stop.is_set():
        names, folders = {path.name for path in _both(files())}, _folders(files())
        try:
            for events in watch(
                *folders,
                watch_filter=lambda _change, path, names=names: Path(path).name in names,
                debounce=_LONGEST,
                step=_STEP,
                rust_timeout=_LOOK,
                yield_on_timeout=True,
                stop_event=stop,
                recursive=False,
            ):
                yield bool(events)
                if _folders(files()) != folders or {path.name for path in _both(files())} != names:
                    break
        except (OSError, RuntimeError):
            # A folder that has just gone, or no more watches to be had: there are the looks.
            stop.wait(_LOOK / 1000)
            yield False


def _both(paths: Collection[Path]) -> set[Path]:
    """The files by their own names and behind symbolic links: either may be replaced."""
    return {*paths, *(Path(os.path.realpath(path)) for path in paths)}


def _folders(paths: Collection[Path]) -> Mapping[Path, tuple[int, int]]:
    """The folders to watch, and which they are now; of one that is gone, the nearest above it."""
    found: dict[Path, tuple[int, int]] = {}
    for path in _both(paths):
        for folder in path.parents:
            try:
                status = folder.stat()
            except OSError:
                continue
            found[folder] = status.st_dev, status.st_ino
            break
    return found
