"""How long ONNX models take in ONNX Runtime, all of them in turns, in one process."""

import gc
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.errors import SpecError, cause, error

Model: TypeAlias = Path | bytes
"""An ONNX file, or what would be in it."""

WARM_UP = 3
"""Runs that do not count: ONNX Runtime settles where its memory lies."""

LEAST = 0.01
"""Seconds that a model runs in a round at least, again and again: the clock counts for nothing."""

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


class Spread(NamedTuple):
    """The quartiles of some numbers."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Latency:
    """How long one model takes.

    Args:
        name: of the model.
        seconds: of one run with all its images.
        ratio: what it takes of the first model's time in the same round.
    """

    name: str
    seconds: Spread
    ratio: Spread


@dataclass(frozen=True)
class Conditions:
    """What models run with.

    Args:
        threads: of ONNX Runtime.
        batch: images in a run.
        size: height and width of an image, where the model takes any.
    """

    threads: int = 1
    batch: int = 1
    size: Sequence[int] | None = None


def measure(
    models: Sequence[tuple[str, Model]],
    conditions: Conditions = Conditions(),
    *,
    rounds: int = 51,
    turns: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> list[Latency]:
    """How long models take, and what they take of the first one's time.

    What slows the machine down for a while slows all of them, so the ratio of two in one round is
    worth more than their times.

    Args:
        models: each with its name.
        conditions: what they run with.
        rounds: how often each is measured.
        turns: what gives the rounds one by one, such as a progress bar.

    Raises:
        SpecError: as `times`.
    """
    found = times(models, conditions, rounds=rounds, turns=turns)
    return [
        Latency(name, spread(own), spread([a / b for a, b in zip(own, found[0], strict=True)]))
        for (name, _), own in zip(models, found, strict=True)
    ]


def times(
    models: Sequence[tuple[str, Model]],
    conditions: Conditions = Conditions(),
    *,
    rounds: int = 51,
    turns: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> list[list[float]]:
    """For each model the seconds of one run, in each round; see `measure`.

    In a round each has its turn, another one first each time. The images are random, of the type
    that the model declares.

    Raises:
        SpecError: E100, a file cannot be read; E470, it is not ONNX; E471, ONNX Runtime refuses
            it; E472, a dimension of an input is unknown; E473, it takes another number of images;
            E474, an input is of a type that is not drawn; E475, it is larger than the memory.
    """
    runs = [_Run.of(name, model, conditions) for name, model in models]
    found: list[list[float]] = [[] for _ in runs]
    with _without_garbage_collection():
        repeats = [run.warm_up() for run in runs]
        for turn in turns(range(rounds)):
            for place in range(turn, turn + len(runs)):
                one = place % len(runs)
                found[one].append(runs[one].time(repeats[one]))
    return found


def spread(values: Sequence[float]) -> Spread:
    """Their quartiles."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*quantiles(values, n=4, method="inclusive"))


@dataclass(frozen=True)
class _Run:
    """A model in ONNX Runtime, with its images."""

    name: str
    session: Any
    feed: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, name: str, model: Model, conditions: Conditions) -> "_Run":
        session = _session(name, model, conditions.threads)
        inputs = session.get_inputs()
        for declared in inputs[:1]:
            _need_batch(name, declared, conditions.batch)
        feed = {
            declared.name: _drawn(name, declared, _shape(name, declared, conditions))
            for declared in inputs
        }
        return cls(name, session, feed)

    def warm_up(self) -> int:
        """Run it, and say how often it runs in `LEAST` seconds."""
        try:
            self.session.run(None, self.feed)
        except Exception as reason:  # those of ONNX Runtime have no base class of their own
            raise _refused(self.name, reason) from reason
        return ceil(LEAST / min(self.time(1) for _ in range(WARM_UP)))

    def time(self, repeats: int) -> float:
        """Seconds that one run takes, as the mean of so many."""
        run, feed = self.session.run, self.feed
        began = perf_counter()
        for _ in range(repeats):
            run(None, feed)
        return (perf_counter() - began) / repeats


def _session(name: str, model: Model, threads: int) -> Any:  # noqa: ANN401  it has no types
    import onnxruntime  # noqa: PLC0415

    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    # The threads of the model before must not look for work while another one runs.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        source = model if isinstance(model, bytes) else _readable(name, model)
        return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except SpecError:
        raise
    except Exception as reason:
        if "protobuf" in str(reason).lower():
            raise error("E470", f"'{name}' is no ONNX file") from reason
        raise _refused(name, reason) from reason


def _readable(name: str, path: Path) -> str:
    """The path of a file that is there; ONNX Runtime finds the data beside it."""
    try:
        with path.open("rb"):
            return str(path)
    except (OSError, ValueError) as reason:
        raise error("E100", f"cannot read '{name}': {cause(reason)}") from reason


def _need_batch(name: str, declared: Any, batch: int) -> None:  # noqa: ANN401
    """Refuse another number of images; what else a model may take has no batch, or the same."""
    first = next(iter(declared.shape), None)
    if isinstance(first, int) and first != batch:
        message = f"'{name}' takes {first} images at once, not {batch}"
        raise error("E473", message, hint=f"--batch {first}")


def _shape(name: str, declared: Any, conditions: Conditions) -> tuple[int, ...]:  # noqa: ANN401
    """The shape of an input; without a number the first dimension is the batch, others the size."""
    if not declared.shape:
        return ()
    first, *rest = declared.shape
    batch = first if isinstance(first, int) else conditions.batch
    sizes = iter(conditions.size or ())
    return (batch, *(_known(name, declared, given, sizes) for given in rest))


def _known(name: str, declared: Any, given: int | str | None, sizes: Iterator[int]) -> int:  # noqa: ANN401
    found = given if isinstance(given, int) else next(sizes, None)
    if found is None:
        raise error(
            "E472",
            f"dimension '{given or '?'}' of input '{declared.name}' of '{name}' may be anything",
            hint="--size says how high and wide an image is",
        )
    return found


def _drawn(name: str, declared: Any, shape: tuple[int, ...]) -> NDArray[Any]:  # noqa: ANN401
    """Random numbers of the declared type: normal, or whole ones from 0 to 255."""
    what = f"input '{declared.name}' of '{name}'"
    dtype = _TYPES.get(declared.type)
    if dtype is None:
        raise error("E474", f"{what} is a {declared.type}, of which nothing is drawn")
    generator = np.random.default_rng(0)
    try:
        if issubclass(dtype, np.floating):
            return generator.standard_normal(shape, np.float32).astype(dtype)
        return generator.integers(0, 256, shape).astype(dtype)
    except (MemoryError, ValueError) as reason:
        size = "x".join(map(str, shape))
        raise error("E475", f"there is no memory for {what}, {size}") from reason


def _refused(name: str, reason: Exception) -> SpecError:
    first = str(reason).strip().split("\n", 1)[0]
    return error("E471", f"ONNX Runtime refuses '{name}': {first}")


@contextmanager
def _without_garbage_collection() -> Generator[None]:
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
