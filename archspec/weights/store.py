"""Weight files, read whole or not at all; and archspec's own, which are safetensors."""

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from archspec.errors import cause, error
from archspec.files import write_whole
from archspec.graph import Graph
from archspec.weights.fit import check_shapes, finite, fit
from archspec.weights.foreign import Placed, Table, assign, fitting, placed, tables
from archspec.weights.formats import DAMAGE, READERS, FormatError, Stored

METADATA = {"format": "archspec"}
OF_KERAS = {".keras", ".weights.h5", ".h5"}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What went where.

    Args:
        source: the file.
        names: whose names it has: `archspec`, `timm efficientnet`.
        theirs: our key → the name in the file.
        ignored: names in the file that carry nothing that a graph needs.
        reset: keys that were drawn anew.
    """

    source: str
    names: str
    theirs: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()


class Loaded(dict[str, NDArray[Any]]):
    """Arrays by key, and where they come from.

    Attributes:
        coverage: what of the file went where.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], coverage: Coverage) -> None:
        super().__init__(arrays)
        self.coverage = coverage


def read(
    path: str | PathLike[str], graph: Graph, reset: Mapping[str, NDArray[Any]] | None = None
) -> Loaded:
    """The arrays of a graph from a file that has all of them and no others.

    The file may be archspec's own or Keras's of a model that archspec built, or have the names of
    timm, torchvision or keras.applications.

    Args:
        path: a file of one of the kinds in `READERS`.
        graph: what the arrays are for.
        reset: arrays by key that the file need not have, and that are not taken from it.

    Returns:
        float32 arrays by key, float64 where the file has float64.

    Raises:
        SpecError: E501, the system does not give the file; E502, another suffix; E503, the file
            is damaged or no weight file; E504 to E507, its arrays are not those of the graph.
    """
    path, reset = Path(path), reset or {}
    source = repr(str(path))
    with _opened(path, graph) as (stored, suffix):
        found = _found(stored, graph, source, suffix in OF_KERAS, reset)
        arrays = _arrays(stored, found)
    names = str(found.table) if isinstance(found, Placed) else "archspec"
    theirs = found.theirs if isinstance(found, Placed) else {key: key for key in found}
    ignored = found.ignored if isinstance(found, Placed) else ()
    coverage = Coverage(str(path), names, theirs, ignored, tuple(reset))
    return Loaded(fit({**arrays, **reset}, graph, source), coverage)


@contextmanager
def _opened(path: Path, graph: Graph) -> Generator[tuple[Mapping[str, Stored], str]]:
    """What is in a file, by the names there, and the suffix that says its kind.

    Raises:
        SpecError: E501, the system does not give it; E502, another suffix; E503, it is damaged, as
            may turn out inside the `with`.
    """
    source = repr(str(path))
    suffix = next((suffix for suffix in READERS if path.name.endswith(suffix)), None)
    if suffix is None:
        kinds = ", ".join(READERS)
        raise error("E502", f"cannot read weights from {source}", hint=f"its name ends in {kinds}")
    _need_file(path, source)
    try:
        with READERS[suffix](path, graph) as stored:
            yield stored, suffix
    except DAMAGE as reason:
        why = f": {reason}" if isinstance(reason, FormatError) else ""
        raise error("E503", f"{source} is no intact {suffix} file{why}") from reason


def read_fitting(path: str | PathLike[str], graph: Graph) -> dict[str, NDArray[Any]]:
    """The arrays that a file of any kind has for the rows of a graph, each row all of them or none.

    Args:
        path: as in `read`; what else is in it does not matter.
        graph: what the arrays are for.

    Raises:
        SpecError: E501 to E503, as `read`; E507, there is NaN, infinity or no number.
    """
    path = Path(path)
    with _opened(path, graph) as (stored, suffix):
        shapes = {key: array.shape for key, array in stored.items()}
        wanted = {key: weight.shape for key, weight in graph.weights.items()}
        if wanted.keys() & shapes.keys():
            found: Placed | list[str] = [key for key in wanted if shapes.get(key) == wanted[key]]
        else:
            found = fitting(assign(shapes, graph, _tables(suffix in OF_KERAS)), shapes, graph)
        keys = found.theirs if isinstance(found, Placed) else found
        lacking = {graph.named[_node(key)].row for key in wanted if key not in keys}
        arrays = _arrays(stored, found)
    kept = [key for key in keys if graph.named[_node(key)].row not in lacking]
    return finite({key: arrays[key] for key in kept}, repr(str(path)))


def _node(key: str) -> str:
    return key.rpartition("/")[0]


def _found(
    stored: Mapping[str, Stored],
    graph: Graph,
    source: str,
    of_keras: bool,  # noqa: FBT001
    reset: Collection[str],
) -> Placed | list[str]:
    """Where everything goes, by the names of another library or by the graph's own."""
    shapes = {key: array.shape for key, array in stored.items()}
    if not graph.weights.keys() & shapes.keys():
        foreign = assign(shapes, graph, _tables(of_keras))
        if foreign.theirs:
            return placed(foreign, shapes, graph, source, reset)
    wanted = {key: shape for key, shape in shapes.items() if key not in reset}
    check_shapes(wanted, graph, source, reset)
    return list(wanted)


def _tables(of_keras: bool) -> Sequence[Table]:  # noqa: FBT001
    """The names that a file may have which are not our own."""
    libraries = ("keras",) if of_keras else ("timm", "torchvision")
    return [table for library in libraries for table in tables(library).values()]


def _arrays(stored: Mapping[str, Stored], found: Placed | list[str]) -> dict[str, NDArray[Any]]:
    if isinstance(found, list):
        return {key: stored[key].load() for key in found}
    return {key: found.array(key, lambda name: stored[name].load()) for key in found.theirs}


def write(path: str | PathLike[str], weights: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by key as a `.safetensors` file; the same arrays are the same bytes.

    Raises:
        SpecError: E110, the system refuses; there is no part of a file then.
    """
    # `save` takes the memory of an array as it lies there, whatever its strides.
    arrays = {key: np.asarray(array, order="C") for key, array in weights.items()}
    write_whole(path, save(arrays, METADATA))


def _need_file(path: Path, source: str) -> None:
    try:
        with path.open("rb"):
            pass
    except (OSError, ValueError) as reason:
        raise error("E501", f"cannot read {source}: {cause(reason)}") from reason
