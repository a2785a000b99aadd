"""Epoch after epoch: Keras's `fit`, or its steps one by one where several processes share them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from archspec.backends.keras import read_weights
from archspec.errors import error
from archspec.recipe import Train
from archspec.training import How, Record
from archspec.training import state as states
from archspec.training.engine import keras, tf
from archspec.training.history import EVENTS, Events, write_table
from archspec.training.pipeline import Pictures
from archspec.training.state import Arrays, State
from archspec.training.strategy import Place
from archspec.training.trainee import Trainee


@dataclass
class Run:
    """A model on its way through the epochs.

    Args:
        model: that is trained.
        pictures: that it is shown.
        train: the hyper-parameters.
        place: where.
        folder: in which everything is written.
        state: how far it is.
        evaluate: gives loss and scores; None: there are no pictures for that.
        how: how often the state is written, and who is told how far it is.
    """

    model: Trainee
    pictures: Pictures
    train: Train
    place: Place
    folder: Path
    state: State
    evaluate: Callable[[], Record] | None
    how: How

    def go(self, arrays: Arrays | None) -> None:
        """Train from where the state is to the end.

        Args:
            arrays: what belongs to the state; None: the model is as it should be.

        Raises:
            SpecError: E724, the loss is no finite number any more; E729, E730, several processes do
                not work together; E110, a file cannot be written.
        """
        if arrays is not None:
            states.restore(self.model, arrays, self.folder / states.FOLDER)
        else:
            self._save()
        events = Events(self.folder / EVENTS if self.place.is_chief else None)
        with self.place.together(), self.pictures.reading():
            self._agree()
            while not self.state.done:
                self._steps()
                record = self._record()
                events.add(record)
                self._close(record)
                if self.how.watcher:
                    self.how.watcher.epoch(record)

    def _agree(self) -> None:
        """See that all processes are about the same.

        Raises:
            SpecError: E729, they are not.
        """
        state = self.state
        own = [int(digest[:9], 16) for digest in state.about.values()]  # a sum of many is exact
        own += [state.epoch, state.step]
        mean = self.place.mean(own)
        squares = self.place.mean([(value - of) ** 2 for value, of in zip(own, mean, strict=True)])
        if any(squares):
            message = "the processes have not the same spec, data, first weights and state"
            hint = "the folders of --data and -o must be the same for all of them"
            raise error("E729", message, hint=hint)

    def _steps(self) -> None:
        """The steps of this epoch that are left."""
        if self.state.step == self.pictures.steps:
            return
        epoch, begin = self.state.epoch, self.state.step
        if self.place.processes > 1:
            self._own_steps(epoch, begin)
            return
        self.model.fit(
            self.pictures.training(epoch, begin),
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=0,
            callbacks=[_Steps(self, begin)],
        )

    def _own_steps(self, epoch: int, begin: int) -> None:
        """As `fit`, which Keras 3.15 refuses to do in several processes."""
        strategy = self.place.strategy

        def of_this(context: Any) -> Any:  # noqa: ANN401
            part, parts = context.input_pipeline_id, context.num_input_pipelines
            return self.pictures.training(epoch, begin, part, parts)

        if not begin:
            self.model.reset_metrics()
        batches = iter(strategy.distribute_datasets_from_function(of_this))
        for _ in range(begin, self.pictures.steps):
            self.stepped(float(self._own_step(next(batches))))

    @cached_property
    def _own_step(self) -> Any:  # noqa: ANN401
        strategy = self.place.strategy

        @tf.function(reduce_retracing=True)
        def step(batch: Any) -> Any:  # noqa: ANN401
            logs = strategy.run(self.model.train_step, (batch,))
            return strategy.reduce(tf.distribute.ReduceOp.MEAN, logs["loss"], axis=None)

        return step

    def stepped(self, loss: float) -> None:
        """A step is done; `loss` is the mean of the epoch so far."""
        self.state.step += 1
        if not math.isfinite(loss):
            where = f"in step {self.state.step} of epoch {self.state.epoch + 1}"
            hint = "a lower train.learning_rate, or a train.clip_norm, may help"
            raise error("E724", f"the loss is no finite number any more {where}", hint=hint)
        if self.how.watcher:
            self.how.watcher.step(self.state.epoch, self.state.step, loss)
        if self.state.step % self.how.save_every == 0:
            self._save()

    def _save(self) -> None:
        arrays = states.arrays_of(self.model)
        if self.place.is_chief:
            states.save(self.folder / states.FOLDER, self.state, arrays)

    def _record(self) -> Record:
        """What is known of this epoch; the same in every process."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        loss = float(self.model.get_metrics_result()["loss"])
        found = {"learning_rate": rate, "loss": loss, **(self.evaluate() if self.evaluate else {})}
        mean = self.place.mean(list(found.values()))
        return {"epoch": self.state.epoch + 1, **dict(zip(found, mean, strict=True))}

    def _close(self, record: Record) -> None:
        """Keep what is known of this epoch, and go on to the next, or end."""
        state, score = self.state, record.get(self.model.objective.best)
        if score is not None and (state.best is None or score > state.best[1]):
            state.best = [state.epoch, score]
            if self.train.early_stop and self.place.is_chief:
                best = self.folder / states.FOLDER / states.BEST
                states.write_arrays(best, read_weights(self.model))
        waited = state.epoch - int(state.best[0]) if state.best else 0
        stops = self.train.early_stop is not None and waited >= self.train.early_stop
        state.history.append(record)
        state.epoch, state.step = state.epoch + 1, 0
        state.done = stops or state.epoch == self.train.epochs
        if self.place.is_chief:
            write_table(self.folder, state.history)
        self._save()


class _Steps(keras.callbacks.Callback):  # pyright: ignore[reportUntypedBaseClass]
    """Tells a run of each step of `fit`."""

    def __init__(self, run: Run, begin: int) -> None:
        keras.callbacks.Callback.__init__(self)
        self._run = run
        # `fit` forgets the mean loss at first; what went before in this epoch is part of it.
        kept = run.model.metrics_variables if begin else ()
        self._before = [keras.ops.convert_to_numpy(variable) for variable in kept]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ANN401, ARG002
        kept = self._run.model.metrics_variables
        for variable, value in zip(kept, self._before, strict=False):
            variable.assign(value)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ANN401, ARG002
        self._run.stepped(float(logs["loss"]))
