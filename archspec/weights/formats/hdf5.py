"""The files of Keras: `.keras` archives, `.weights.h5`, and the HDF5 files of Keras before 3."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import ZipFile

import h5py
import numpy as np

from archspec.graph import Graph
from archspec.weights.formats.stored import ROOM, FormatError, Stored, room

# What has no types of its own.
Item: TypeAlias = Any
DATASET: Any = h5py.Dataset
HARD_LINK: Any = h5py.HardLink
open_hdf5: Any = h5py.File

MEMBER = "model.weights.h5"
"""The file of arrays in a `.keras` archive."""
TRAINING = "optimizer"
"""The group of a Keras file that holds what only training needs."""
MODEL = "model_weights"
"""The group that has the layers where a file of Keras before 3 holds a whole model."""
KERNEL = "kernel"


@contextmanager
def keras(path: Path, graph: Graph) -> Generator[Mapping[str, Stored]]:
    """The arrays of a `.keras` archive, by layer and array."""
    with ZipFile(path) as archive:
        if MEMBER not in archive.namelist():
            raise FormatError(f"it has no {MEMBER}")
        # What a member says of its own size need not be so.
        with archive.open(MEMBER) as member:
            data = member.read(room(graph) + 1)
        if len(data) > room(graph):
            raise FormatError(f"it unpacks to far more than {graph.name} needs")
    with numbered(BytesIO(data), graph) as stored:
        yield stored


@contextmanager
def numbered(file: Path | BytesIO, graph: Graph) -> Generator[Mapping[str, Stored]]:
    """The groups `…/vars` of Keras 3: each bears the name of its layer, its arrays are numbered."""
    arrays = {node.name: tuple(graph.weights_of(node)) for node in graph.nodes}
    stored: dict[str, Stored] = {}

    def visit(path: str, item: Item) -> None:
        *groups, number = path.split("/")
        if not isinstance(item, DATASET) or TRAINING in groups:
            return
        layer = _layer(item)
        names = arrays.get(layer, ())
        name = names[int(number)] if number.isdecimal() and int(number) < len(names) else number
        _store(stored, f"{layer}/{name}", layer, item)

    with open_hdf5(file, "r") as opened:
        opened.visititems(visit)  # each object once, and no link out of the file
        yield stored


def _layer(dataset: Item) -> str:
    name = dataset.parent.attrs.get("name")
    if not isinstance(name, str):
        raise FormatError(
            f"it does not say whose {dataset.name} is, as old versions of Keras do not"
        )
    return name


@contextmanager
def legacy(path: Path, _: Graph) -> Generator[Mapping[str, Stored]]:
    """The groups of Keras before 3, one a layer: `conv1/conv1/kernel:0` is `conv1/kernel`."""
    stored: dict[str, Stored] = {}

    def visit(path: str, item: Item) -> None:
        layer, _, inner = path.partition("/")
        if isinstance(item, DATASET):
            name = inner.rpartition("/")[2].partition(":")[0]
            name = KERNEL if name.endswith(KERNEL) else name
            if f"{layer}/{name}" in stored:
                why = f"its layer {layer} has two arrays {name}, as a model in a model has"
                raise FormatError(why)
            _store(stored, f"{layer}/{name}", layer, item)

    with open_hdf5(path, "r") as opened:
        linked = isinstance(opened.get(MODEL, getlink=True), HARD_LINK)  # no other file is opened
        layers = opened[MODEL] if linked else opened
        if "layer_names" not in layers.attrs:
            raise FormatError("it does not name its layers")
        layers.visititems(visit)
        yield stored


def _store(stored: dict[str, Stored], key: str, layer: str, item: Item) -> None:
    if item.external or item.is_virtual:
        raise FormatError(f"its array {item.name} lies in another file")
    if key in stored:
        raise FormatError(f"two of its layers are named {layer}")
    if item.chunks and prod(item.chunks) * item.dtype.itemsize > ROOM + item.nbytes:
        raise FormatError(f"{key} lies in pieces far larger than itself")
    if item.dtype.kind not in "fiu":
        raise FormatError(f"{key} is of type {item.dtype}")
    stored[key] = Stored(item.shape, partial(np.array, item))
