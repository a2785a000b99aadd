"""Data sets: folders of pictures in the layouts that people have, read without TensorFlow.

Bad input follows one rule. What is wrong with one picture or one box leaves that out, and is
reported with its file: pictures that do not decode or are not there, boxes without size or outside
of their pictures (others are cut at the border), lines that are no numbers, masks of another size.
What says that the whole is not what it is taken for is refused: classes that there are not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from archspec.errors import cause, error
from archspec.training.data import coco, folders, masks, voc, yolo
from archspec.training.data.pictures import load_image, load_mask, look
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

Find = Callable[[Path, int, Report], Layout | None]

_LAYOUTS: Mapping[Task, Sequence[tuple[Find, str]]] = {
    "classification": [(folders.find, folders.WANTED)],
    "detection": [
        (coco.find, coco.WANTED),
        (voc.find, voc.WANTED),
        (yolo.find, yolo.WANTED),
    ],
    "segmentation": [(masks.find, masks.WANTED)],
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
            labels is broken; E703, a label is none; E704, nothing is left.
    """
    folder = folder.resolve()
    problems: list[Problem] = []

    def report(file: Path | str, what: str) -> None:
        problems.append(Problem(str(file).removeprefix(f"{folder}/"), what))

    found = _found(folder, task, classes, report)
    if len(found.labels) != classes:
        message = f"'{folder}' has {len(found.labels)} classes, and the net has {classes}"
        raise error("E701", message, hint=f"--set classes={len(found.labels)} changes the net")
    train, held = found.train, found.validation
    if held is None:
        train, held = _split(folder, train, validation, seed)
    pictures = look((draft.file for draft in (*train, *held)), progress)
    first, second = (_made(part, pictures, report) for part in (train, held))
    if not first:
        hint = "; ".join(f"{problem.file}: {problem.what}" for problem in problems[:3])
        raise error("E704", f"nothing to train with is left in '{folder}'", hint=hint)
    ids = found.category_ids or tuple(range(1, classes + 1))
    return Dataset(task, found.labels, first, second, tuple(problems), ids)


def _found(folder: Path, task: Task, classes: int, report: Report) -> Layout:
    layouts = _LAYOUTS[task]
    try:
        if not folder.is_dir():
            raise error("E700", f"there is no folder '{folder}'")
        for find, _ in layouts:
            if found := find(folder, classes, report):
                return found
    except OSError as reason:
        raise error("E700", f"cannot read '{folder}': {cause(reason)}") from reason
    wanted = "; or ".join(wanted for _, wanted in layouts)
    raise error("E700", f"'{folder}' is no data set for {task}", hint=f"wanted: {wanted}")


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
    return int.from_bytes(sha256(f"{seed} {name}".encode()).digest()[:8]) / 2**64


def _made(
    drafts: Iterable[Draft], pictures: Mapping[Path, Picture | str], report: Report
) -> Sequence[Sample]:
    made: list[Sample] = []
    for draft in drafts:
        picture = pictures[draft.file]
        if isinstance(picture, str):
            report(draft.file, picture)
        elif sample := draft.make(picture, report):
            made.append(sample)
    return tuple(made)
