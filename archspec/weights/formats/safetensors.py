"""safetensors: archspec's own files, and state dicts of PyTorch."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import safe_open

from archspec.graph import Graph
from archspec.weights.formats.stored import FormatError, Stored

open_safetensors: Any = safe_open  # it has no types of its own

FLOATS = {"F16", "F32", "F64"}
"""What safetensors calls the types that numpy has too."""


@contextmanager
def tensors(path: Path, _: Graph) -> Generator[Mapping[str, Stored]]:
    """The arrays of a `.safetensors` file by name."""
    with open_safetensors(path, framework="np") as file:
        stored: dict[str, Stored] = {}
        for key in file.keys():  # noqa: SIM118  it is no mapping
            header = file.get_slice(key)
            # Counters, which are whole numbers, may lie there; nothing reads them.
            load = partial(file.get_tensor, key)
            if header.get_dtype() not in FLOATS:
                load = partial(_refuse, f"{key} is of type {header.get_dtype()}")
            stored[key] = Stored(tuple(header.get_shape()), load)
        yield stored


def _refuse(why: str) -> NDArray[Any]:
    raise FormatError(why)
