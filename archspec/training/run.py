"""A run from beginning to end: what is read, what is resumed, what is written."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from archspec.api import to_graph
from archspec.backends.keras import emit, read_weights, save, write_weights
from archspec.errors import cause, error
from archspec.exports import export
from archspec.files import folder_beside, write_whole
from archspec.graph import Graph
from archspec.spec import CENTERED, Spec
from archspec.training import Begun, How, Trained
from archspec.training import state as states
from archspec.training.augment import Augmentation
from archspec.training.data import Dataset, read
from archspec.training.engine import keras
from archspec.training.evaluate import evaluation
from archspec.training.history import EVENTS
from archspec.training.loop import Run
from archspec.training.objectives import Objective, Task, objective_of, task_of
from archspec.training.pipeline import Pictures
from archspec.training.start import First, first
from archspec.training.state import State
from archspec.training.strategy import Place, place_of
from archspec.training.subject import subject
from archspec.training.trainee import trainee

MODEL = "model.keras"
LABELS = "labels.txt"


@dataclass(frozen=True)
class _Task:
    """What is to be done.

    Args:
        spec: with the normalization of its pixels.
        graph: that is trained, giving logits.
        task: that it is for.
        objective: of the task.
        assumed: whether the normalization is ours, as the spec does not say it.
    """

    spec: Spec
    graph: Graph
    task: Task
    objective: Objective
    assumed: bool


def run(spec: Spec, data: Path, output: Path, how: How) -> Trained:
    """See `archspec.training.train`."""
    place = place_of(how.strategy)
    job = _task(spec)
    train = job.spec.train
    found = read(
        data,
        job.task,
        spec.classes,
        seed=train.seed,
        validation=train.validation,
        progress=how.reading,
    )
    begin = first(how.weights, job.graph, how.reset)
    about = _about(job.spec, found, data, begin)
    before = _before(output, about, place, how)
    state, arrays = before or (State(about), None)
    pictures = _pictures(job, found, place)
    if how.begun:
        resumed = (state.epoch, state.step) if before else None
        how.begun(_begun(job, pictures, begin, resumed, place))
    keras.utils.set_random_seed(train.seed)
    with place.strategy.scope():
        steps = pictures.steps * train.epochs
        arrays_first = {**job.objective.first(job.graph), **begin.arrays}
        model = trainee(job.graph, arrays_first, train, job.objective, steps)
    evaluate = evaluation(model, pictures) if found.validation else None
    done_before = state.done
    going = Run(model, pictures, train, place, output, state, evaluate, how)
    going.go(arrays)
    return _finished(job, going, done_before, how)


def _task(spec: Spec) -> _Task:
    """What is to be done, decided by what the net gives."""
    graph = to_graph(spec)
    task = task_of(spec, graph)
    graph = subject(spec, graph, task)
    if graph.input[2] not in {1, 3}:
        span = spec.settings["input"].span if "input" in spec.settings else None
        raise error("E723", f"pictures have 1 or 3 channels, the net takes {graph.input[2]}", span)
    assumed = spec.normalization is None
    if assumed:
        said = {"mean": 0.5, "std": 0.5}
        document = {**spec.document, "normalization": said}
        spec = replace(spec, normalization=CENTERED, written=lambda: document)
    return _Task(spec, graph, task, objective_of(task, spec), assumed)


def _pictures(job: _Task, found: Dataset, place: Place) -> Pictures:
    """The batches; a data set that is smaller than a batch is one.

    Raises:
        SpecError: E727, the devices cannot share a batch equally; E728, early stop without scores.
    """
    train = job.spec.train
    batch = min(train.batch, len(found.train))
    span = _said(job.spec, "batch")
    if batch % place.devices:
        message = f"{place.devices} devices cannot share a batch of {batch} pictures equally"
        raise error("E727", message, span)
    if train.early_stop and not found.validation:
        message = "train.early_stop needs scores, and no pictures are held back to give them"
        raise error("E728", message, _said(job.spec, "early_stop"))
    height, width, _ = shape = job.graph.input
    augmentation = Augmentation(train.augment, height, width)
    normalization = job.spec.normalization or CENTERED
    return Pictures(found, shape, normalization, augmentation, job.objective, batch, train.seed)


def _said(spec: Spec, word: str) -> Any:  # noqa: ANN401
    setting = spec.settings.get(f"train.{word}")
    return setting.span if setting else None


def _about(spec: Spec, found: Dataset, data: Path, begin: First) -> Mapping[str, str]:
    """What a run is of, each in a few letters that differ where it does."""
    samples = [found.labels, *found.train, *found.validation]
    names = "\n".join(repr(sample).replace(str(data.resolve()), ".") for sample in samples)
    said = {
        "spec": json.dumps(spec.document, sort_keys=True, default=str),
        "data set": names,
        "first weights": begin.digest,
    }
    return {name: sha256(text.encode()).hexdigest() for name, text in said.items()}


def _before(
    output: Path, about: Mapping[str, str], place: Place, how: How
) -> tuple[State, states.Arrays] | None:
    """The state that a run before has left in the folder, which is made where it is not there.

    Raises:
        SpecError: E110, it cannot be made; E720, the run was of something else; E721, damaged.
    """
    folder = output / states.FOLDER
    if place.is_chief:
        _make(folder, output / EVENTS if how.restart else None)
        if how.export:
            with folder_beside(how.export):  # what would fail at the end fails now
                pass
    before = None if how.restart else states.load(folder)
    if before is None:
        return None
    others = [name for name, digest in about.items() if before[0].about.get(name) != digest]
    if others:
        message = f"'{output}' holds a run with another {' and another '.join(others)}"
        hint = "write to another folder, or give --restart to begin anew"
        raise error("E720", message, hint=hint)
    return before


def _make(folder: Path, events: Path | None) -> None:
    """Make the folder of states; `events`: throw away what it has, and this."""
    try:
        if events:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(events, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as reason:
        raise error("E110", f"cannot write '{folder}': {cause(reason)}") from reason


def _begun(
    job: _Task, pictures: Pictures, begin: First, resumed: tuple[int, int] | None, place: Place
) -> Begun:
    return Begun(
        task=job.task,
        classes=pictures.data.labels,
        training=len(pictures.data.train),
        validation=len(pictures.data.validation),
        steps=pictures.steps,
        epochs=job.spec.train.epochs,
        problems=pictures.data.problems,
        weights=begin.words,
        assumed=job.assumed,
        resumed=resumed,
        devices=place.devices,
    )


def _finished(job: _Task, going: Run, done_before: bool, how: How) -> Trained:  # noqa: FBT001
    """Write the model, and what it is exported to."""
    state, folder, train = going.state, going.folder, job.spec.train
    kept = int(state.best[0]) if state.best and train.early_stop else state.epoch - 1
    model = exported = None
    if going.place.is_chief:
        weights = read_weights(going.model)
        if kept < state.epoch - 1:
            weights = states.read_arrays(folder / states.FOLDER / states.BEST)
        model, labels = folder / MODEL, folder / LABELS
        net = emit(to_graph(job.spec))
        whole = {**read_weights(net), **weights}  # what no loss is about is as it was at first
        write_weights(net, whole)
        save(net, model)
        names = (name.replace("\n", " ") for name in going.pictures.data.labels)
        write_whole(labels, "".join(f"{name}\n" for name in names).encode())
        if how.export:
            exported = export(job.spec, how.export, weights=whole, labels=labels)
    best = (int(state.best[0]) + 1, state.best[1]) if state.best else None
    score = job.objective.best
    return Trained(model, state.history, best, score, kept + 1, done_before, exported)
