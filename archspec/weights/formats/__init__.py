"""Weight files of several kinds, each as a mapping from the names in it to arrays not yet loaded.

Nothing in a file is ever evaluated, and headers are read before any array.
"""

import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from pickle import UnpicklingError
from typing import TypeAlias
from zipfile import BadZipFile

from safetensors import SafetensorError

from archspec.graph import Graph
from archspec.weights.formats.hdf5 import keras, legacy, numbered
from archspec.weights.formats.pytorch import checkpoint
from archspec.weights.formats.safetensors import tensors
from archspec.weights.formats.stored import FormatError, Stored

__all__ = ["DAMAGE", "READERS", "FormatError", "Stored"]

Reader: TypeAlias = Callable[[Path, Graph], AbstractContextManager[Mapping[str, Stored]]]

# What h5py, zipfile, zlib, pickle and safetensors raise on bytes that are not what they should be.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    BadZipFile,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    UnpicklingError,
    ValueError,
    zlib.error,
)

READERS: Mapping[str, Reader] = {
    ".safetensors": tensors,
    ".keras": keras,
    ".weights.h5": numbered,
    ".h5": legacy,
    ".pth": checkpoint,
    ".pt": checkpoint,
}
"""Suffix → how a file is opened."""
