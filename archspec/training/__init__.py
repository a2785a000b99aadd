"""Training: a spec and a folder of pictures in, a Keras model file out.

Keras's `fit` with the loss of the task; what is interrupted goes on at the same step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from archspec.api import Path as PathLike
from archspec.api import Reference, loaded
from archspec.backends import framework

if TYPE_CHECKING:
    from archspec.deploy.export import Exported
    from archspec.deploy.tflite import Converted
    from archspec.training.data import Problem

__all__ = ["Begun", "How", "Record", "Trained", "Watcher", "train"]

Record: TypeAlias = dict[str, float]
"""What is known of an epoch, by name: a line of history.csv."""

SAVE_EVERY = 100
"""Steps from one state that is written to the next."""


class Watcher(Protocol):
    """Is told how far a run is."""

    def step(self, epoch: int, step: int, loss: float) -> None:
        """So many steps of an epoch, from 0, are done; the mean loss of them."""
        ...

    def epoch(self, record: Record) -> None:
        """An epoch is done."""
        ...


@dataclass(frozen=True)
class How:
    """How a net is trained, beyond what its spec says.

    Args:
        weights: a file or random:SEED to start from; None: the initializers of the spec.
        reset: rows that start as their initializers say, whatever the file has.
        export: an ONNX file to write at the end.
        strategy: one device; all devices of this machine; or the processes that TF_CONFIG names.
        restart: throw away what a run before has left.
        save_every: steps from one state that is written to the next.
        reading: told how many files of the data set are read, and how many there are.
        begun: told what is trained, before the first step.
        watcher: told of steps and epochs.
    """

    weights: str | None = None
    reset: Sequence[str] = ()
    export: PathLike | None = None
    strategy: Literal["one", "mirrored", "multi_worker"] = "one"
    restart: bool = False
    save_every: int = SAVE_EVERY
    reading: Callable[[int, int], None] | None = None
    begun: "Callable[[Begun], None] | None" = None
    watcher: Watcher | None = None


@dataclass(frozen=True)
class Begun:
    """What is about to be trained.

    Args:
        task: classification, detection or segmentation.
        classes: their names.
        training: how many pictures are trained with.
        validation: how many are not.
        steps: of an epoch.
        epochs: in all.
        problems: of the data set, each with its file.
        weights: where they come from, in words.
        assumed: whether the spec says nothing of pixels, which are from -1 to 1 then.
        resumed: epoch, from 0, and its step that a run before has come to; None: it is the first.
        devices: that share the work.
    """

    task: str
    classes: Sequence[str]
    training: int
    validation: int
    steps: int
    epochs: int
    problems: "Sequence[Problem]"
    weights: str
    assumed: bool
    resumed: tuple[int, int] | None
    devices: int


@dataclass(frozen=True)
class Trained:
    """What a run has come to.

    Args:
        model: the Keras model file; None in a process that writes none.
        history: what is known of each epoch.
        best: number of the best epoch, from 1, and its score; None: there is no score.
        score: what that is called.
        kept: number of the epoch whose weights the model has.
        done_before: whether there was nothing left to do.
        exported: the ONNX file.
    """

    model: Path | None
    history: Sequence[Record]
    best: tuple[int, float] | None
    score: str
    kept: int
    done_before: bool
    exported: "Exported | Converted | None"


def train(spec: Reference, data: PathLike, output: PathLike, how: How = How()) -> Trained:
    """Train the net of a spec on a folder of pictures.

    Args:
        spec: loaded, or what `archspec.load` takes; with the section `train`.
        data: the folder; its layout is found out.
        output: a folder for the model, the history and the states of the run.
        how: see there.

    Raises:
        SpecError: E110, a file cannot be written; E404, TensorFlow is missing; E5xx, the weights do
            not fit; E7xx, the data, or the run.
    """
    with framework("training"):
        from archspec.training.run import run  # noqa: PLC0415

    return run(loaded(spec), Path(data), Path(output), how)
