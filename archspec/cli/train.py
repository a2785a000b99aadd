"""The command train."""

import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import click

from archspec.cli.program import load_spec, progress, takes_spec, with_weights

if TYPE_CHECKING:
    from archspec.training import Begun, Record, Trained

SHOWN = 5
"""Problems of a data set that are printed."""


def _onnx(_ctx: object, _option: object, value: str | None) -> str | None:
    if value is not None and not value.endswith(".onnx"):
        raise click.BadParameter(f"{value!r} is no .onnx file.")
    return value


@click.command()
@takes_spec()
@click.option("--data", required=True, metavar="DIR", help="The pictures, with what is in them.")
@click.option(
    "-o", "--output", required=True, metavar="DIR", help="For the model, its history and states."
)
@with_weights
@click.option("--reset", multiple=True, metavar="ROW", help="Start a row anew all the same.")
@click.option("--export", callback=_onnx, metavar="FILE", help="An .onnx file to write at the end.")
@click.option(
    "--strategy",
    type=click.Choice(["one", "mirrored", "multi_worker"]),
    default="one",
    help="One device, all of this machine, or the processes that TF_CONFIG names.",
)
@click.option(
    "--save-every",
    type=click.IntRange(1),
    metavar="N",
    default=100,
    help="Steps from one state that is kept to the next.",
)
@click.option("--restart", is_flag=True, help="Throw away what a run before has left.")
def train(
    *,
    spec: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    data: str,
    output: str,
    export: str | None,
    **asked: Any,  # noqa: ANN401  how it is done
) -> None:
    """Train SPEC on pictures, and save the Keras model.

    How is the section `train` of the spec: --set train.epochs=100. What the data is for, the net
    says: a folder for each class; boxes as COCO, VOC or YOLO have them; or masks. What is
    interrupted goes on at the same step when the same command is given again.
    """
    from archspec import training  # noqa: PLC0415

    gc.enable()
    loaded = load_spec(spec, settings, files)
    with _Bar(loaded.title) as bar, _interrupted(output):
        how = training.How(
            export=export,
            reading=bar.reading,
            begun=bar.begun,
            watcher=bar,
            **asked,
        )
        done = training.train(loaded, data, output, how)
    click.echo("\n".join(_summary(loaded.title, done)))


@contextmanager
def _interrupted(output: str) -> Generator[None]:
    """With Ctrl-C, say what becomes of what is done."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"'{output}' keeps what is done; the same command goes on from there", err=True)
        raise


def _introduction(title: str, begun: "Begun") -> Iterator[str]:
    """What is about to be trained, line by line."""
    count = len(begun.problems)
    yield (
        f"{title}: {begun.task}, {len(begun.classes)} classes, {begun.training:,} pictures to train"
        f" with, {begun.validation:,} to validate"
    )
    if count:
        yield f"left out: {_counted(count, 'thing')}"
        yield from (f"  {problem.file}: {problem.what}" for problem in begun.problems[:SHOWN])
        if count > SHOWN:
            yield f"  and {count - SHOWN:,} more"
    yield f"weights: {begun.weights}"
    if begun.assumed:
        yield "pixels: from -1 to 1, as the spec does not say `normalization`"
    devices = f", {begun.devices} devices" if begun.devices > 1 else ""
    yield f"steps: {_counted(begun.epochs, 'epoch')} of {begun.steps:,}{devices}"
    if begun.resumed:
        epoch, step = begun.resumed
        if epoch < begun.epochs:
            yield f"goes on in epoch {epoch + 1} after step {step:,}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _summary(title: str, done: "Trained") -> Iterator[str]:
    """What a run has come to, line by line."""
    if done.done_before:
        yield "it was done before"
    if done.best:
        epoch, score = done.best
        yield f"best epoch: {epoch}, {done.score} {score:.4f}"
    if done.model:
        which = f"epoch {done.kept} of {len(done.history)}"
        yield f"{title} → {done.model}: {which}"
    if done.exported and done.exported.agreement:  # it is checked always
        agreement = done.exported.agreement
        yield (
            f"{title} → {done.exported.path}: ONNX Runtime is within {agreement.difference:.1e} of"
            f" the reference (bound {agreement.bound:.1e})"
        )


def _line(record: "Record", seconds: float) -> str:
    """What is known of an epoch."""
    said = {name: value for name, value in record.items() if name not in {"epoch", "learning_rate"}}
    each = ", ".join(f"{name} {value:.4f}" for name, value in said.items())
    return f"epoch {record['epoch']}: {each}, {seconds:.1f} s"


class _Bar:
    """Prints a line an epoch, and shows on a terminal how far it is inside of one."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Any = None
        self._task: Any = None
        self._steps = self._epochs = 0
        self._began = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _opened(self, what: str, total: int) -> Any:  # noqa: ANN401  of rich
        """The bar, a new one where there is none."""
        if self._bar is not None:
            return self._bar
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
        )
        self._bar = progress(*columns)
        self._bar.start()
        self._task = self._bar.add_task(what, total=total, loss="")
        return self._bar

    def reading(self, done: int, total: int) -> None:
        """So many files of the data set are read."""
        self._opened("read", total).update(self._task, completed=done)

    def begun(self, begun: "Begun") -> None:
        """Say what is trained."""
        self._close()
        click.echo("\n".join(_introduction(self._title, begun)))
        self._steps, self._epochs = begun.steps, begun.epochs
        self._began = perf_counter()

    def step(self, epoch: int, step: int, loss: float) -> None:
        """So many steps of an epoch are done."""
        what = f"epoch {epoch + 1} of {self._epochs}"
        bar = self._opened(what, self._steps)
        bar.update(self._task, completed=step, loss=f"loss {loss:.4f}")

    def epoch(self, record: "Record") -> None:
        """Print what is known of an epoch that is done."""
        self._close()
        click.echo(_line(record, perf_counter() - self._began))
        self._began = perf_counter()
