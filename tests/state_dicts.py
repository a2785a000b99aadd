"""Files of weights as PyTorch writes them, made without PyTorch."""

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import prod, sqrt
from sys import modules
from types import ModuleType
from unittest.mock import patch
from zipfile import ZipFile

import numpy as np
from archspec.proof import of


def state_dict(reference: str) -> dict[str, np.ndarray]:
    """Random numbers under the names of another implementation, of which there is a vector."""
    rng = np.random.default_rng(0)
    return {
        name: np.float32(
            rng.uniform(0.5, 1.5, shape)
            if len(shape) < 2
            else rng.normal(0, sqrt(2 / prod(shape[1:])), shape)
        )
        for name, shape in of(reference).tensors.items()
    }


def save_pth(arrays: Mapping[str, np.ndarray], path: str) -> None:
    """What torch.save makes of a state dict."""
    with ZipFile(path, "w") as archive, patch.dict(modules, STAND_INS):
        index = BytesIO()
        Pickler(index, protocol=2).dump(OrderedDict(arrays))
        archive.writestr("archive/data.pkl", index.getvalue())
        archive.writestr("archive/version", "3\n")
        for array in arrays.values():
            archive.writestr(f"archive/data/{id(array)}", array.tobytes())


@dataclass(frozen=True)
class Storage:
    """The numbers of an array, which lie beside the pickle."""

    array: np.ndarray


class FloatStorage:
    """A stand-in; a pickle has its name alone."""


def rebuild(*_: object) -> None:
    """A stand-in as well."""


FloatStorage.__module__ = "torch"
rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
STAND_INS = {name: ModuleType(name) for name in ("torch", "torch._utils")}
for thing in (FloatStorage, rebuild):
    setattr(STAND_INS[thing.__module__], thing.__qualname__, thing)


class Pickler(pickle.Pickler):
    """Pickles arrays as PyTorch pickles tensors."""

    def reducer_override(self, obj):
        if not isinstance(obj, np.ndarray):
            return NotImplemented
        strides = tuple(step // obj.itemsize for step in obj.strides)
        return rebuild, (Storage(obj), 0, obj.shape, strides, False, OrderedDict())

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        return ("storage", FloatStorage, str(id(obj.array)), "cpu", obj.array.size)
