"""Pictures are looked at, and become what there is to train with."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from archspec.pictures import PictureError
from archspec.training.data.pictures import look
from archspec.training.data.records import Draft, Report, Sample


class _Made(NamedTuple):
    """What became of a draft, and what was wrong with it: files and words."""

    sample: Sample | None
    problems: Sequence[tuple[Path | str, str]]


def made(
    drafts: Sequence[Draft], report: Report, progress: Callable[[int, int], None] | None
) -> Sequence[Sample | None]:
    """Each draft as a sample, None where it is left out; several at once.

    Args:
        drafts: in any number.
        report: told in the order of the drafts.
        progress: told how many are done, and how many there are.
    """
    found: list[Sample | None] = []
    pool = ThreadPoolExecutor(os.cpu_count())
    # Damaged files warn of what is odd in them, whatever becomes of it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for sample, problems in pool.map(_one, drafts):
                found.append(sample)
                for file, what in problems:
                    report(file, what)
                if progress:
                    progress(len(found), len(drafts))
        finally:
            # Whoever interrupts does not wait for what is left.
            pool.shutdown(cancel_futures=True)
    return found


def _one(draft: Draft) -> _Made:
    problems: list[tuple[Path | str, str]] = []

    def report(file: Path | str, what: str) -> None:
        problems.append((file, what))

    try:
        picture = look(draft.file)
    except PictureError as reason:
        report(draft.file, str(reason))
        return _Made(None, problems)
    return _Made(draft.make(picture, report), problems)
