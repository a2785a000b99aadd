"""On which devices, and in how many processes, a net is trained."""

import json
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from archspec.errors import error
from archspec.training.engine import tf

Way: TypeAlias = Literal["one", "mirrored", "multi_worker"]


_GONE = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)
"""What TensorFlow raises where another process does not answer."""


@dataclass(frozen=True)
class Place:
    """Where a run takes place.

    Args:
        strategy: of tf.distribute.
        processes: that take part.
        number: of this one, from 0.
    """

    strategy: Any
    processes: int = 1
    number: int = 0

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files."""
        return self.number == 0

    @property
    def devices(self) -> int:
        """How many there are, in all processes."""
        return int(self.strategy.num_replicas_in_sync)

    def mean(self, values: Sequence[float]) -> Sequence[float]:
        """Of all processes, whose machines may compute a little differently; they ask at once."""
        if self.processes == 1:
            return values
        return list(map(float, self._mean(tf.constant(values, tf.float64))))

    @cached_property
    def _mean(self) -> Any:  # noqa: ANN401
        """What takes the mean: traced once, not in each epoch."""

        @tf.function
        def mean(own: Any) -> Any:  # noqa: ANN401
            every = self.strategy.run(tf.identity, (own,))
            return self.strategy.reduce(tf.distribute.ReduceOp.MEAN, every, axis=None)

        return mean

    @contextmanager
    def together(self) -> Generator[None]:
        """Where processes wait for each other.

        Raises:
            SpecError: E730, one is gone.
        """
        try:
            yield
        except _GONE as reason:
            if self.processes == 1:
                raise
            first = str(reason.message).partition("\n")[0]
            hint = "the same commands go on from the state that was written last"
            raise error("E730", f"a process is gone: {first}", hint=hint) from reason


def place_of(way: Way) -> Place:
    """Where to train; to be called before TensorFlow does anything else.

    Raises:
        SpecError: E726, TF_CONFIG does not say what the processes are.
    """
    if way == "one":
        return Place(tf.distribute.get_strategy())
    if way == "mirrored":
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        devices = [device.name for device in tf.config.list_logical_devices(kind)]
        return Place(tf.distribute.MirroredStrategy(devices))
    workers, number = _workers()
    return Place(tf.distribute.MultiWorkerMirroredStrategy(), workers, number)


def _workers() -> tuple[int, int]:
    """How many processes TF_CONFIG names, and which of them this one is."""
    text = os.environ.get("TF_CONFIG", "")
    hint = """as in {"cluster": {"worker": ["host1:2222", "host2:2222"]}, """
    hint += """"task": {"type": "worker", "index": 0}}"""
    try:
        said: Any = json.loads(text)
        cluster, task = said["cluster"], said["task"]
        count, number = len(cluster["worker"]), int(task["index"])
        sound = task["type"] == "worker" and set(cluster) == {"worker"} and 0 <= number < count
    except (ValueError, KeyError, TypeError):
        sound, count, number = False, 0, 0
    if not sound:
        message = "TF_CONFIG does not name the workers, and which of them this process is"
        raise error("E726", message if text else "TF_CONFIG is not set", hint=hint)
    return count, number
