"""State dicts that `torch.save` wrote, read without PyTorch and without running what is in them.

A checkpoint is a pickle that names its tensors; their numbers lie beside it, in the archive or
behind the pickle. The unpickler here knows the few names that a state dict needs and refuses all
others, so that nothing in a file can be called but what builds a description of a tensor.
"""

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, TypeAlias, cast
from zipfile import ZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.weights.formats.stored import FormatError, Stored

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
"""Storage of PyTorch → numpy's type; bfloat16 is not one of them."""
MAGIC = 0x1950A86A20F9469CFC6C
"""What the first pickle of a file holds that is no archive."""
WRAPPERS = ("state_dict", "model")
"""Keys under which a training script puts the state dict."""
PICKLE_ROOM = 64 << 20
"""Bytes of names and shapes."""


@dataclass(frozen=True, slots=True)
class _Storage:
    """Numbers somewhere in the file."""

    type: str
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; a pickle may have put anything into it."""

    storage: Any
    offset: Any
    shape: Any
    strides: Any


def _tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _parameter(data: object, *_: object) -> object:
    return data


KNOWN: Mapping[tuple[str, str], object] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): name for name in TYPES},
}
"""All that a pickle may name."""


class _Unpickler(pickle.Unpickler):  # noqa: S301  it knows no name that does anything
    """Builds descriptions of tensors, and nothing else."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401
        """What a name in the pickle stands for."""
        if (module_name, global_name) not in KNOWN:
            raise FormatError(f"it wants to run {module_name}.{global_name}")
        return KNOWN[module_name, global_name]

    def persistent_load(self, pid: Any, /) -> _Storage:  # noqa: ANN401
        """The storage that the pickle refers to."""
        kind, type_, key, _device, size, *_ = pid
        if kind != "storage" or type_ not in TYPES or not isinstance(size, int):
            raise FormatError("it refers to something that is no tensor")
        return _Storage(type_, str(key), size)


Load: TypeAlias = Callable[[_Storage], bytes]


@contextmanager
def checkpoint(path: Path, _: Graph) -> Generator[Mapping[str, Stored]]:
    """The tensors of a `.pth` file by name."""
    opener = _archive if is_zipfile(path) else _stream
    with opener(path) as (data, load):
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
        if archive.getinfo(index).file_size > PICKLE_ROOM:
            raise FormatError("its names and shapes take more than 64 MiB")
        folder = index.removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in names and archive.read(order) != b"little":
            raise FormatError("its numbers are big-endian")

        def load(storage: _Storage) -> bytes:
            return _checked(storage, archive.read(f"{folder}data/{storage.key}"))

        yield _Unpickler(io.BytesIO(archive.read(index))).load(), load


@contextmanager
def _stream(path: Path) -> Generator[tuple[object, Load]]:
    """Files of PyTorch before 1.6: four pickles, the keys of the storages, and their numbers."""
    with path.open("rb") as file:
        if _Unpickler(file).load() != MAGIC:
            raise FormatError("it is neither an archive nor a file of PyTorch before 1.6")
        _version, _system = _Unpickler(file).load(), _Unpickler(file).load()
        data = _Unpickler(file).load()
        keys = _Unpickler(file).load()
        sizes = {value.storage.key: value.storage for value in _tensors(data).values()}
        places: dict[str, int] = {}
        for key in keys:
            (count,) = struct.unpack("<q", file.read(8))
            places[str(key)] = file.tell()
            width = np.dtype(TYPES[sizes[str(key)].type]).itemsize if str(key) in sizes else 4
            file.seek(count * width, io.SEEK_CUR)

        def load(storage: _Storage) -> bytes:
            file.seek(places[storage.key])
            return _checked(storage, file.read(_bytes(storage)))

        yield data, load


def _tensors(data: object) -> dict[str, _Tensor]:
    """The tensors of a state dict, or of the one inside a training script's checkpoint."""
    outer = _mapping(data)
    inner = next((outer[key] for key in WRAPPERS if _mapping(outer.get(key))), outer)
    tensors = {
        str(name): value for name, value in _mapping(inner).items() if isinstance(value, _Tensor)
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
    numbers = (tensor.offset, *tensor.shape, *tensor.strides)
    if not isinstance(tensor.storage, _Storage) or len(tensor.shape) != len(tensor.strides):
        return False
    if any(not isinstance(number, int) or number < 0 for number in numbers):
        return False
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((size - 1) * stride for size, stride in steps)
    return not prod(tensor.shape) or last < tensor.storage.size


def _array(tensor: _Tensor, load: Load) -> NDArray[Any]:
    flat = np.frombuffer(load(tensor.storage), np.dtype(TYPES[tensor.storage.type]))
    view = np.lib.stride_tricks.as_strided(
        flat[tensor.offset :],
        tensor.shape,
        tuple(stride * flat.itemsize for stride in tensor.strides),
        writeable=False,
    )
    return np.array(view)


def _bytes(storage: _Storage) -> int:
    return storage.size * np.dtype(TYPES[storage.type]).itemsize


def _checked(storage: _Storage, data: bytes) -> bytes:
    if len(data) != _bytes(storage):
        raise FormatError(f"its storage {storage.key} is cut short")
    return data
