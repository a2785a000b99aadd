"""Data sets: folders of pictures in the layouts that people have, read without TensorFlow.

Bad input follows one rule. What is wrong with one picture or one box leaves that out, and is
reported with its file: pictures that do not decode or are not there, boxes without size or outside
of their pictures (others are cut at the border), lines that are no numbers, masks of another size.
What says that the whole is not what it is taken for is refused: classes that there are not.
A class that is left without anything is reported, too.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from archspec.errors import SpecError, cause, error, quoted
from archspec.training.data import coco, folders, masks, voc, yolo
from archspec.training.data.pictures import load_image, load_mask
from archspec.training.data.records import (
    Boxed,
    Dataset,
    Draft,
    Labelled,
    Layout,
    Masked,
    Picture,
    Problem,
    Report,
    Sample,
    Task,
)
from archspec.training.data.samples import made

__all__ = [
    "Boxed",
    "Dataset",
    "Labelled",
    "Masked",
    "Picture",
    "Problem",
    "Sample",
    "Task",
    "load_image",
    "load_mask",
    "read",
]

_FEW = 3
"""Problems that are named where nothing is left."""


class _Reader(NamedTuple):
    """A layout.

    Args:
        there: whether a folder has it.
        find: reads a folder that has it; is told how many classes the net has.
        wanted: what it looks like, for messages.
    """

    there: Callable[[Path], bool]
    find: Callable[[Path, int, Report], Layout]
    wanted: str


_READERS: Mapping[Task, Sequence[_Reader]] = {
    "detection": (
        _Reader(coco.there, coco.find, coco.WANTED),
        _Reader(voc.there, voc.find, voc.WANTED),
        _Reader(yolo.there, yolo.find, yolo.WANTED),
    ),
    "segmentation": (_Reader(masks.there, masks.find, masks.WANTED),),
    "classification": (_Reader(folders.there, folders.find, folders.WANTED),),
}


def read(
    folder: Path,
    task: Task,
    classes: int,
    *,
    seed: int = 0,
    validation: float = 0.2,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """The data set in a folder, whose layout is found out.

    Args:
        folder: the top of it.
        task: what it is for.
        classes: how many the net has.
        seed: of the part that is held back where the data has none for it.
        validation: share of the pictures in that part; which, follows from their names.
        progress: told how many pictures were looked at, and how many there are.

    Raises:
        SpecError: E700, no layout fits; E701, there are more or fewer classes; E702, a file of
            labels is broken; E703, a label is none; E704, nothing is left; E705, the data is for
            another task.
    """
    problems: list[Problem] = []
    top = _resolved(folder)

    def report(file: Path | str, what: str) -> None:
        name = str(file).removeprefix(f"{top}/")
        problems.append(Problem(_printable(name), _printable(what)))

    found = _found(top, task, classes, report)
    if len(found.labels) != classes:
        message = f"'{top}' has {len(found.labels)} classes, and the net has {classes}"
        raise error("E701", message, hint=f"--set classes={len(found.labels)} changes the net")
    train, held = found.train, found.validation
    if held is None:
        train, held = _split(top, train, validation, seed)
    samples = made([*train, *held], report, progress)
    first, second = (_kept(part) for part in (samples[: len(train)], samples[len(train) :]))
    if not first or (found.validation is not None and not second):
        raise _nothing_left("validate" if first else "train", top, problems)
    _report_unused(found.labels, first, report)
    ids = found.category_ids or tuple(range(1, classes + 1))
    return Dataset(task, found.labels, first, second, tuple(problems), ids)


def _kept(samples: Sequence[Sample | None]) -> Sequence[Sample]:
    return tuple(sample for sample in samples if sample is not None)


def _nothing_left(aim: str, top: Path, problems: Sequence[Problem]) -> SpecError:
    hint = "; ".join(f"{problem.file}: {problem.what}" for problem in problems[:_FEW])
    return error("E704", f"nothing to {aim} with is left in '{top}'", hint=hint)


def _resolved(folder: Path) -> Path:
    try:
        return Path(os.path.realpath(folder))
    except ValueError as reason:
        raise error("E700", f"cannot read {str(folder)!r}: {cause(reason)}") from reason


def _printable(text: str) -> str:
    """A text of one line, whatever the names in it are made of."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _found(folder: Path, task: Task, classes: int, report: Report) -> Layout:
    try:
        if not folder.is_dir():
            raise error("E700", f"there is no folder '{folder}'")
        fitting = _fitting(folder)
        if task in fitting:
            found = fitting[task].find(folder, classes, report)
            return found._replace(labels=tuple(map(_printable, found.labels)))
    except OSError as reason:
        place = reason.filename or folder
        raise error("E700", f"cannot read '{place}': {cause(reason)}") from reason
    hint = "wanted: " + "; or ".join(reader.wanted for reader in _READERS[task])
    if fitting:
        message = f"'{folder}' is a data set for {next(iter(fitting))}, and the net is for {task}"
        raise error("E705", message, hint=hint)
    raise error("E700", f"'{folder}' is no data set for {task}", hint=hint)


def _fitting(folder: Path) -> Mapping[Task, _Reader]:
    """What a folder may be for; its folders are classes only where they are nothing else."""
    found: dict[Task, _Reader] = {}
    for task, readers in _READERS.items():
        if task == "classification" and found:
            break
        there = next((reader for reader in readers if reader.there(folder)), None)
        if there:
            found[task] = there
    return found


def _split(
    folder: Path, drafts: Sequence[Draft], share: float, seed: int
) -> tuple[Sequence[Draft], Sequence[Draft]]:
    """Those to train with, and a share to validate with; each by its name, whatever others do."""
    places = {draft.file: _place(folder, draft.file, seed) for draft in drafts}
    held = [draft for draft in drafts if places[draft.file] < share]
    if share and not held and len(drafts) > 1:
        held = [min(drafts, key=lambda draft: places[draft.file])]
    if len(held) == len(drafts):
        held = held[1:]
    taken = {draft.file for draft in held}
    return [draft for draft in drafts if draft.file not in taken], held


def _place(folder: Path, file: Path, seed: int) -> float:
    """From 0 to 1, as a hash of the name decides."""
    name = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name
    words = f"{seed} {name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(words).digest()[:8]) / 2**64


def _report_unused(labels: Sequence[str], samples: Sequence[Sample], report: Report) -> None:
    """Name the classes that nothing is of; what masks show is not known."""
    used: set[int] = set()
    for sample in samples:
        if isinstance(sample, Masked):
            return
        used.update((sample.label,) if isinstance(sample, Labelled) else sample.labels)
    for number, label in enumerate(labels):
        if number not in used:
            report(f"class {number}, {quoted(label)}", "there is nothing to train with of it")
