"""All of a run in one file: what is learned, what makes steps, how far it is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from archspec.errors import error
from archspec.files import write_whole
from archspec.training import Record
from archspec.training.engine import keras

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

FOLDER = "checkpoint"
STATE = "state.npz"
BEST = "best.npz"
_SAID = "said"
_DAMAGE = (BadZipFile, KeyError, TypeError, ValueError, EOFError)


@dataclass
class State:
    """How far a run is.

    Args:
        about: what it is a run of, see `about`; another run has other words.
        epoch: that it is in, from 0.
        step: of this epoch, the steps that are done.
        history: of the epochs that are done.
        best: the epoch with the best score, from 0, and this.
        done: whether there is nothing left to do.
    """

    about: Mapping[str, str]
    epoch: int = 0
    step: int = 0
    history: list[Record] = field(default_factory=list[Record])
    best: Sequence[float] | None = None
    done: bool = False


def save(folder: Path, state: State, arrays: Arrays) -> None:
    """Write the state of a run, in one step.

    Raises:
        SpecError: E110, the system refuses; the state before is still there.
    """
    said = np.frombuffer(json.dumps(asdict(state)).encode(), np.uint8)
    write_arrays(folder / STATE, {_SAID: said, **arrays})


def load(folder: Path) -> tuple[State, Arrays] | None:
    """The state of a run that was interrupted, or is done; None where there is none.

    Raises:
        SpecError: E721, the file is damaged.
    """
    if not (folder / STATE).exists():
        return None
    arrays = read_arrays(folder / STATE)
    try:
        said: dict[str, Any] = json.loads(arrays.pop(_SAID).tobytes())
        state = State(**said)
    except _DAMAGE as reason:
        raise _damaged(folder / STATE) from reason
    return state, arrays


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays by name, whole or not at all."""
    whole = BytesIO()
    np.savez(whole, allow_pickle=False, **arrays)
    write_whole(path, whole.getvalue())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays by name.

    Raises:
        SpecError: E721, the file is damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, *_DAMAGE) as reason:
        raise _damaged(path) from reason


def _damaged(path: Path) -> Exception:
    hint = "--restart begins anew"
    return error("E721", f"'{path}' is no state of a run, or damaged", hint=hint)


def _variables(model: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """All that a step changes: weights, statistics, generators of chance, optimizer, mean loss."""
    groups: Mapping[str, Sequence[Any]] = {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metric": model.metrics_variables,
    }
    for group, variables in groups.items():
        for number, variable in enumerate(variables):
            yield f"{group}.{number}", variable


def arrays_of(model: Any) -> Arrays:  # noqa: ANN401
    """A copy of all that a step changes; with several processes, all of them must ask at once."""
    return {name: keras.ops.convert_to_numpy(value) for name, value in _variables(model)}


def restore(model: Any, arrays: Arrays, folder: Path) -> None:  # noqa: ANN401
    """Set all that a step changes.

    Raises:
        SpecError: E721, the arrays are not those of the model.
    """
    own = dict(_variables(model))
    if {name: tuple(value.shape) for name, value in own.items()} != {
        name: array.shape for name, array in arrays.items()
    }:
        raise _damaged(folder / STATE)
    for name, variable in own.items():
        variable.assign(arrays[name])
