"""Weight files: archspec's own, which are safetensors, and the two kinds that Keras writes.

A file is read whole or not at all. Its headers are compared with the graph before any array is
loaded, so that no claim of a file can fill the memory; nothing in a file is ever evaluated.
"""

import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile, ZipFile

import h5py
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from archspec.errors import cause, error
from archspec.files import write_whole
from archspec.graph import Graph
from archspec.ops import Shape
from archspec.weights.fit import check_shapes, fit

# What has no types of its own.
Item: TypeAlias = Any
DATASET: Any = h5py.Dataset
open_hdf5: Any = h5py.File
open_safetensors: Any = safe_open

METADATA = {"format": "archspec"}
MEMBER = "model.weights.h5"
"""The file of arrays in a `.keras` archive."""
TRAINING = "optimizer"
"""The group of a Keras file that holds what only training needs."""
FLOATS = {"F16", "F32", "F64"}
"""What safetensors calls the types that numpy has too."""
ROOM_PER_NUMBER = 32
"""Bytes: one number in float64, with three moments of an optimizer."""
ROOM = 16 << 20
"""Bytes for the headers of any file."""


class FormatError(ValueError):
    """A file is not what its name promises; the text says why."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An array in a file that is open: its shape as the file states it, and how to load it."""

    shape: Shape
    load: Callable[[], NDArray[Any]]


Reader: TypeAlias = Callable[[Path, Graph], AbstractContextManager[Mapping[str, Stored]]]

# What h5py, zipfile, zlib and safetensors raise on bytes that are not what they should be.
DAMAGE = (
    ArithmeticError,
    BadZipFile,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    zlib.error,
)


def read(path: str | PathLike[str], graph: Graph) -> dict[str, NDArray[Any]]:
    """The arrays of a graph from a file that has all of them and no others.

    Args:
        path: a `.safetensors`, `.keras` or `.weights.h5` file.
        graph: what the arrays are for; the file calls them as it does.

    Returns:
        float32 arrays by key, float64 where the file has float64.

    Raises:
        SpecError: E501, the system does not give the file; E502, another suffix; E503, the file
            is damaged or no weight file; E504 to E507, its arrays are not those of the graph.
    """
    path = Path(path)
    source = repr(str(path))
    suffix = next((suffix for suffix in READERS if path.name.endswith(suffix)), None)
    if suffix is None:
        kinds = " or ".join(READERS)
        raise error(
            "E502", f"cannot read weights from {source}", hint=f"its name must end in {kinds}"
        )
    _need_file(path, source)
    try:
        with READERS[suffix](path, graph) as stored:
            check_shapes({key: array.shape for key, array in stored.items()}, graph, source)
            arrays = {key: stored[key].load() for key in graph.weights}
    except DAMAGE as reason:
        why = f": {reason}" if isinstance(reason, FormatError) else ""
        raise error("E503", f"{source} is no intact {suffix} file{why}") from reason
    return fit(arrays, graph, source)


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


@contextmanager
def _safetensors(path: Path, _: Graph) -> Generator[Mapping[str, Stored]]:
    with open_safetensors(path, framework="np") as file:
        stored: dict[str, Stored] = {}
        for key in file.keys():  # noqa: SIM118  it is no mapping
            header = file.get_slice(key)
            if header.get_dtype() not in FLOATS:
                raise FormatError(f"{key} is of type {header.get_dtype()}")
            stored[key] = Stored(tuple(header.get_shape()), partial(file.get_tensor, key))
        yield stored


@contextmanager
def _keras(path: Path, graph: Graph) -> Generator[Mapping[str, Stored]]:
    with ZipFile(path) as archive:
        if MEMBER not in archive.namelist():
            raise FormatError(f"it has no {MEMBER}")
        size = archive.getinfo(MEMBER).file_size
        if size > ROOM + ROOM_PER_NUMBER * sum(weight.size for weight in graph.weights.values()):
            raise FormatError(f"it unpacks to {size} bytes, far more than {graph.name} needs")
        data = archive.read(MEMBER)
    with _hdf5(BytesIO(data), graph) as stored:
        yield stored


@contextmanager
def _hdf5(file: Path | BytesIO, graph: Graph) -> Generator[Mapping[str, Stored]]:
    """The groups `…/vars` of Keras: each bears the name of its layer, its arrays are numbered."""
    arrays = {node.name: tuple(graph.weights_of(node)) for node in graph.nodes}
    stored: dict[str, Stored] = {}

    def visit(path: str, item: Item) -> None:
        *groups, number = path.split("/")
        if not isinstance(item, DATASET) or TRAINING in groups:
            return
        layer = _layer(item)
        names = arrays.get(layer, ())
        name = names[int(number)] if number.isdecimal() and int(number) < len(names) else number
        key = f"{layer}/{name}"
        if key in stored:
            raise FormatError(f"two of its layers are named {layer}")
        if item.dtype.kind not in "fiu":
            raise FormatError(f"{key} is of type {item.dtype}")
        stored[key] = Stored(item.shape, partial(np.array, item))

    with open_hdf5(file, "r") as opened:
        opened.visititems(visit)  # each object once, and no link out of the file
        yield stored


def _layer(dataset: Item) -> str:
    if dataset.external or dataset.is_virtual:
        raise FormatError(f"its array {dataset.name} lies in another file")
    name = dataset.parent.attrs.get("name")
    if not isinstance(name, str):
        raise FormatError(
            f"it does not say whose {dataset.name} is, as old versions of Keras do not"
        )
    return name


READERS: Mapping[str, Reader] = {
    ".safetensors": _safetensors,
    ".keras": _keras,
    ".weights.h5": _hdf5,
}
"""Suffix → how a file is opened."""
