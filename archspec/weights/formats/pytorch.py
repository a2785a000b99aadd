"""State dicts that `torch.save` wrote, read without PyTorch and without running what is in them.

A checkpoint is a pickle that names its tensors; their numbers lie beside it, in the archive or
behind the pickle.
"""

import io
import struct
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from math import prod
from pathlib import Path
from typing import Any, TypeAlias, cast
from zipfile import ZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.weights.formats.pickled import Name, fill, unpickled
from archspec.weights.formats.stored import FormatError, Stored, room

TYPES: Mapping[str, str] = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
"""Storage of PyTorch → numpy's type."""
BFLOAT16 = "BFloat16Storage"
"""A type that numpy does not have."""
MAGIC = 0x1950A86A20F9469CFC6C
"""What the first pickle of a file holds that is no archive."""
WRAPPERS = ("state_dict", "model")
"""Keys under which a training script puts the state dict."""
PICKLE_ROOM = 4 << 20
"""Bytes of names and shapes; the largest nets have a tenth of that."""


@dataclass(frozen=True, slots=True)
class _Storage:
    """Numbers somewhere in the file."""

    type: str
    key: str
    size: int

    @property
    def bytes(self) -> int:
        """How many it takes in the file."""
        return self.size * np.dtype(TYPES[self.type]).itemsize


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; a pickle may have put anything into it."""

    storage: Any
    offset: Any
    shape: Any
    strides: Any


Load: TypeAlias = Callable[[_Storage], bytes]


def _tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _parameter(data: object, *_: object) -> object:
    return data


def _dict(items: Iterable[tuple[object, object]] = ()) -> dict[object, object]:
    """An OrderedDict, to which Python 2 gave its items as an argument."""
    found: dict[object, object] = {}
    fill(found, items)
    return found


KNOWN: Mapping[Name, object] = {
    ("collections", "OrderedDict"): _dict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): name for name in (*TYPES, BFLOAT16)},
}
"""All that a pickle may name."""


def _storage(reference: Any) -> _Storage:  # noqa: ANN401  whatever the pickle has there
    """The storage that a pickle refers to."""
    kind, type_, key, _device, size, *view = reference
    if type_ == BFLOAT16:
        raise FormatError("its numbers are bfloat16, which is not read")
    sound = isinstance(type_, str) and isinstance(key, str) and isinstance(size, int) and size >= 0
    if kind != "storage" or not sound or type_ not in TYPES or any(view):
        raise FormatError("it refers to something that is no tensor")
    return _Storage(type_, key, size)


@contextmanager
def checkpoint(path: Path, graph: Graph) -> Generator[Mapping[str, Stored]]:
    """The tensors of a `.pth` file by name."""
    opener = _archive if is_zipfile(path) else _stream
    with opener(path) as (data, read):
        load = _bounded(read, graph)
        yield {
            name: Stored(value.shape, partial(_array, value, load))
            for name, value in _tensors(data).items()
        }


@contextmanager
def _archive(path: Path) -> Generator[tuple[object, Load]]:
    """An archive: `NAME/data.pkl` and the storages as `NAME/data/KEY`."""
    with ZipFile(path) as archive:
        names = archive.namelist()
        index = next((name for name in names if name.endswith("/data.pkl")), None)
        if index is None:
            raise FormatError("it has no data.pkl")
        folder = index.removesuffix("data.pkl")

        def read(name: str, most: int) -> bytes:
            # What a member says of its own size need not be so.
            with archive.open(name) as member:
                return member.read(most)

        order = f"{folder}byteorder"
        if order in names and read(order, len(b"little")) != b"little":
            raise FormatError("its numbers are big-endian")
        pickle = read(index, PICKLE_ROOM + 1)
        if len(pickle) > PICKLE_ROOM:
            raise FormatError(f"its names and shapes take more than {PICKLE_ROOM >> 20} MiB")
        data = unpickled(io.BytesIO(pickle), KNOWN, _storage)
        yield data, lambda storage: read(f"{folder}data/{storage.key}", storage.bytes + 1)


@contextmanager
def _stream(path: Path) -> Generator[tuple[object, Load]]:
    """Files of PyTorch before 1.6: five pickles, and the storages, each behind its size.

    The pickles are a magic number, a version, a system, the data, and the keys of the storages in
    the order in which they follow.
    """
    storages: dict[str, _Storage] = {}

    def refer(reference: object) -> _Storage:
        storage = _storage(reference)
        return storages.setdefault(storage.key, storage)

    with path.open("rb") as file:
        head = io.BytesIO(file.read(PICKLE_ROOM))
        if unpickled(head, KNOWN, refer) != MAGIC:
            raise FormatError("it is neither an archive nor a file of PyTorch before 1.6")
        _version, _system, data, keys = (unpickled(head, KNOWN, refer) for _ in range(4))
        places: dict[str, int] = {}
        file.seek(head.tell())
        for key in cast("Iterable[str]", keys):
            (count,) = struct.unpack("<q", file.read(8))
            if count != storages[key].size:
                raise FormatError(f"its storage {key} is of another size than it says")
            places[key] = file.tell()
            file.seek(storages[key].bytes, io.SEEK_CUR)

        def read(storage: _Storage) -> bytes:
            file.seek(places[storage.key])
            return file.read(storage.bytes)

        yield data, read


def _bounded(read: Load, graph: Graph) -> Callable[[_Tensor], bytes]:
    """Read the storages of tensors, and in all no more than a file for the graph may hold."""
    left = room(graph)

    def whole(storage: _Storage) -> bytes:
        data = read(storage)
        if len(data) != storage.bytes:
            raise FormatError(f"its storage {storage.key} is of another size than it says")
        return data

    @cache
    def shared(storage: _Storage) -> bytes:
        nonlocal left
        left -= storage.bytes
        if left < 0:
            raise FormatError(f"its storages hold far more than {graph.name} needs")
        return whole(storage)

    def load(tensor: _Tensor) -> bytes:
        # Where there is more than the tensor, many may share it, and each would read it again.
        one = tensor.storage.size == prod(tensor.shape)
        return whole(tensor.storage) if one else shared(tensor.storage)

    return load


def _tensors(data: object) -> dict[str, _Tensor]:
    """The tensors of a state dict, or of the one inside a training script's checkpoint."""
    outer = _mapping(data)
    inner = next((outer[key] for key in WRAPPERS if _mapping(outer.get(key))), outer)
    tensors = {
        name: value
        for name, value in _mapping(inner).items()
        if isinstance(name, str) and isinstance(value, _Tensor)
    }
    if not tensors:
        raise FormatError("it holds no tensors by name")
    for name, tensor in tensors.items():
        if not _is_sound(tensor):
            raise FormatError(f"{name} reaches beyond its storage")
    return tensors


def _mapping(data: object) -> dict[Any, Any]:
    return cast("dict[Any, Any]", data) if isinstance(data, dict) else {}


def _is_sound(tensor: _Tensor) -> bool:
    """Whether all of a tensor lies within its storage."""
    shape, strides = tensor.shape, tensor.strides
    if {type(shape), type(strides)} != {tuple} or len(shape) != len(strides):
        return False
    numbers = (tensor.offset, *shape, *strides)
    if any(not isinstance(number, int) or number < 0 for number in numbers):
        return False
    steps = zip(shape, strides, strict=True)
    last = tensor.offset + sum((size - 1) * stride for size, stride in steps)
    return isinstance(tensor.storage, _Storage) and (last < tensor.storage.size or prod(shape) == 0)


def _array(tensor: _Tensor, load: Callable[[_Tensor], bytes]) -> NDArray[Any]:
    """A copy of what a tensor views."""
    flat = np.frombuffer(load(tensor), np.dtype(TYPES[tensor.storage.type]))
    view = np.lib.stride_tricks.as_strided(
        flat[tensor.offset :],
        tensor.shape,
        tuple(stride * flat.itemsize for stride in tensor.strides),
        writeable=False,
    )
    return np.array(view)
