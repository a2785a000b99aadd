"""The files of Keras: `.keras` archives, `.weights.h5`, and the HDF5 files of Keras before 3."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import ZipFile

import h5py
import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.weights.formats.stored import ROOM, FormatError, Stored, room

# What has no types of its own.
Item: TypeAlias = Any
DATASET: Any = h5py.Dataset
GROUP: Any = h5py.Group
HARD_LINK: Any = h5py.HardLink
open_hdf5: Any = h5py.File

CONFIG = "config.json"
"""The file that says what the model of a `.keras` archive is."""
MEMBER = "model.weights.h5"
"""The file of arrays in a `.keras` archive."""
TRAINING = "optimizer"
"""The group of a Keras file that holds what only training needs."""
MODEL = "model_weights"
"""The group that has the layers where a file of Keras before 3 holds a whole model."""
KERNEL = "kernel"
DEEPEST = 32
"""So deep models may lie in each other."""
BYTES_OF_BFLOAT16 = 2

Place: TypeAlias = tuple[str, ...]
"""The name of a layer after those of the models that it lies in, the outermost left out."""
Layers: TypeAlias = Mapping[Place, Mapping[str, Stored]]
"""The arrays of each layer by their numbers."""


@contextmanager
def keras(path: Path, graph: Graph) -> Generator[Mapping[str, Stored]]:
    """The arrays of a `.keras` archive, by layer and array."""
    data = _unpacked(path, MEMBER, room(graph), graph.name)
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


def config(path: Path, most: int) -> bytes:
    """The JSON text in a `.keras` archive that says what the model is; `most` bytes at most."""
    return _unpacked(path, CONFIG, most, "a model")


@contextmanager
def nested(path: Path, graph: Graph) -> Generator[Layers]:
    """The arrays of a `.keras` archive, layer by layer, in models that may lie in each other."""
    data = _unpacked(path, MEMBER, room(graph), graph.name)
    with open_hdf5(BytesIO(data), "r") as opened:
        layers: dict[Place, Mapping[str, Stored]] = {}
        _descend(opened, (), layers)
        yield layers


def _unpacked(path: Path, name: str, most: int, who: str) -> bytes:
    with ZipFile(path) as archive:
        if name not in archive.namelist():
            raise FormatError(f"it has no {name}")
        # What a member says of its own size need not be so.
        with archive.open(name) as member:
            data = member.read(most + 1)
    if len(data) > most:
        raise FormatError(f"it unpacks to far more than {who} needs")
    return data


def _descend(model: Item, place: Place, layers: dict[Place, Mapping[str, Stored]]) -> None:
    """The groups of the layers of a model, and of the models among them."""
    if len(place) > DEEPEST:
        raise FormatError("its models lie in each other too deep")
    for group in _groups(model.get("layers")):
        if not _is_held(group, "vars") or not isinstance(group["vars"], GROUP):
            continue
        own = group["vars"]
        held = {number: item for number, item in _held(own) if isinstance(item, DATASET)}
        name = _layer(next(iter(held.values()))) if held else own.attrs.get("name")
        if not isinstance(name, str):
            continue
        layers[*place, name] = {
            number: _stored(f"{name}/{number}", item) for number, item in held.items()
        }
        _descend(group, (*place, name), layers)


def _groups(holder: Item) -> Iterator[Item]:
    if isinstance(holder, GROUP):
        yield from (item for _, item in _held(holder) if isinstance(item, GROUP))


def _held(group: Item) -> Iterator[tuple[str, Item]]:
    """What lies in a group of the file itself: no link out of it is followed."""
    return ((name, group[name]) for name in group if _is_held(group, name))


def _is_held(group: Item, name: str) -> bool:
    return isinstance(group.get(name, getlink=True), HARD_LINK)


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
    if key in stored:
        raise FormatError(f"two of its layers are named {layer}")
    stored[key] = _stored(key, item)


def _stored(key: str, item: Item) -> Stored:
    if item.external or item.is_virtual:
        raise FormatError(f"its array {item.name} lies in another file")
    if item.chunks and prod(item.chunks) * item.dtype.itemsize > ROOM + item.nbytes:
        raise FormatError(f"{key} lies in pieces far larger than itself")
    if item.attrs.get("dtype") == "bfloat16" and item.dtype.itemsize == BYTES_OF_BFLOAT16:
        return Stored(item.shape, partial(_from_bfloat16, item))
    if item.dtype.kind not in "fiu":
        raise FormatError(f"{key} is of type {item.dtype}")
    return Stored(item.shape, partial(np.array, item))


def _from_bfloat16(item: Item) -> NDArray[np.float32]:
    """Numbers of 16 bits, which are the upper half of those of 32, and which numpy lacks."""
    return (np.array(item).view("<u2").astype("<u4") << 16).view("<f4")
