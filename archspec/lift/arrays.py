"""The arrays of a lifted graph, from the file of the model."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.errors import error
from archspec.graph import Graph
from archspec.lift.site import Array, Source
from archspec.ops import Shape
from archspec.weights.fit import listed
from archspec.weights.formats import Stored
from archspec.weights.formats.hdf5 import Layers, nested


def read(path: Path, graph: Graph, sources: Mapping[str, Source]) -> dict[str, NDArray[Any]]:
    """An array for each key of a graph, float32, or float64 where the file has that.

    Raises:
        SpecError: E445, arrays are missing or have other shapes.
    """
    shapes = {key: weight.shape for key, weight in graph.weights.items()}
    with nested(path, graph) as layers:
        problems = [
            f"{key} {why}"
            for key, source in sources.items()
            if isinstance(source, Array) and (why := _wrong(layers, source, shapes[key]))
        ]
        if problems:
            total = f"{len(problems)} of the {len(shapes)} arrays"
            message = f"{str(path)!r} lacks {total} that its own config asks for"
            raise error("E445", f"{message}: {listed(problems)}")
        return {key: _array(layers, sources[key], shape) for key, shape in shapes.items()}


def _stored(layers: Layers, source: Array) -> Stored | None:
    return layers.get(source.place, {}).get(str(source.number))


def _wrong(layers: Layers, source: Array, shape: Shape) -> str:
    """What is wrong with an array, if anything is."""
    assert prod(source.shape) == prod(shape), (source, shape)  # noqa: S101
    stored = _stored(layers, source)
    if stored is None:
        return "is not there"
    if stored.shape != source.shape:
        return f"is {list(stored.shape)} and not {list(source.shape)}"
    return ""


def _array(layers: Layers, source: Source, shape: Shape) -> NDArray[Any]:
    if not isinstance(source, Array):
        return np.full(shape, source, np.float32)
    stored = _stored(layers, source)
    assert stored  # noqa: S101
    array = stored.load().reshape(shape)
    array = array.astype(np.float64 if array.dtype == np.float64 else np.float32, copy=False)
    return array * np.asarray(source.factor, array.dtype) if source.factor != 1 else array
