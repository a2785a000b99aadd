"""Conformance vectors: what another implementation made of weights that anyone can draw.

A file holds the names and shapes of its arrays and the first values of its output; the arrays
themselves follow from a rule. A graph that makes the same of the same arrays computes the same.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, prod, sqrt
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from archspec.errors import cause, error, quoted
from archspec.graph import Graph
from archspec.ops import Shape
from archspec.weights.foreign import LIBRARIES, assign, placed, tables
from archspec.zoo import folder

SEED = 20261122
IMAGE_SEED = 7
NAME = r"[\w.:=(), ]+"
"""Of an implementation, with arguments where the library has no name for it."""
VECTORS = "vectors"
"""The folder of the zoo that has a file for each implementation."""
ROOM = 16 << 20
"""Bytes of a file; the largest nets take a hundredth of that."""
LARGEST_IMAGE = 1 << 24
"""Numbers in it, 64 MiB of them; nets are run on a tenth."""
KEPT = 3
"""Entries of so many elements keep what the reference has there: index buffers."""


@dataclass(frozen=True, slots=True)
class Vector:
    """What one implementation computed.

    Args:
        reference: `timm:mobilenetv2_100`.
        input: (h, w, c) of the one image.
        params: parameters, batch norm's statistics not counted.
        tensors: name → shape, in the order that decides what is drawn.
        kept: names of tensors that are not drawn.
        output: the first values of the flattened output.
        output_std: standard deviation of the whole output.
        output_shape: of the whole output.
    """

    reference: str
    input: tuple[int, int, int]
    params: int
    tensors: Mapping[str, Shape]
    kept: frozenset[str]
    output: NDArray[np.float64]
    output_std: float
    output_shape: Shape

    @property
    def library(self) -> str:
        """What made it: `timm`, `torchvision`."""
        return self.reference.partition(":")[0]

    def image(self) -> NDArray[np.float32]:
        """The image, (1, h, w, c)."""
        generator = Generator(PCG64(IMAGE_SEED))
        return generator.standard_normal((1, *self.input)).astype(np.float32)

    def weights(self, graph: Graph) -> dict[str, NDArray[Any]]:
        """The arrays of a graph for the same net, in Keras layout.

        Raises:
            SpecError: E504 to E506, the tensors are not those of the graph.
        """
        places = {name: place for place, name in enumerate(self.tensors)}
        shapes = {name: shape for name, shape in self.tensors.items() if name not in self.kept}
        known = assign(shapes, graph, tables(self.library).values())
        found = placed(known, shapes, graph, self.reference)
        return {
            key: found.array(key, lambda name: _drawn(name, self.tensors[name], places[name]))
            for key in found.theirs
        }

    def difference(self, output: NDArray[Any]) -> float:
        """max|a - b| / std(b) of the values that are known; infinite for another shape."""
        ours = np.asarray(output, np.float64).ravel()
        if ours.size != prod(self.output_shape):
            return float("inf")
        return float(np.abs(ours[: self.output.size] - self.output).max() / self.output_std)


def _drawn(name: str, shape: Shape, place: int) -> NDArray[np.float32]:
    generator = Generator(PCG64([SEED, place]))
    if name.endswith("running_var"):
        values = generator.uniform(0.5, 1.5, shape)
    elif name.endswith(("running_mean", "bias")):
        values = generator.normal(0.0, 0.1, shape)
    elif len(shape) < 2:  # noqa: PLR2004  factors
        values = generator.uniform(0.3, 0.9, shape)
    else:
        values = generator.normal(0.0, sqrt(2 / prod(shape[1:])), shape)
    return np.asarray(values, np.float32)


def of(reference: str) -> Vector:
    """The vector of the zoo for an implementation, `timm:mobilenetv2_100`.

    Raises:
        SpecError: E512, there is none.
    """
    path = folder() / VECTORS / f"{reference.replace(':', '__')}.json"
    if not re.fullmatch(NAME, reference) or not path.is_file():
        raise error(
            "E512", f"there is no vector of {quoted(reference)}", hint="--vector FILE gives one"
        )
    return read(path)


def read(path: str | PathLike[str]) -> Vector:
    """A vector from its file.

    Raises:
        SpecError: E510, the file cannot be read or is no vector.
    """
    try:
        with Path(path).open("rb") as file:
            return _vector(json.loads(file.read(ROOM)))
    except OSError as reason:
        raise error("E510", f"cannot read {str(path)!r}: {cause(reason)}") from reason
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as reason:
        message = f"{str(path)!r} is no conformance vector"
        hint = (
            "a JSON object with reference, input, params, tensors, output, output_std, output_shape"
        )
        raise error("E510", message, hint=hint) from reason


def _vector(data: Any) -> Vector:  # noqa: ANN401  whatever JSON holds
    entries = data["tensors"]
    tensors = {_text(name): _shape(shape) for name, shape, *_ in entries}
    height, width, channels = _shape(data["input"])
    vector = Vector(
        reference=_text(data["reference"]),
        input=(height, width, channels),
        params=_count(data["params"]),
        tensors=tensors,
        kept=frozenset(entry[0] for entry in entries if len(entry) == KEPT),
        output=np.array(data["output"], np.float64),
        output_std=float(data["output_std"]),
        output_shape=_shape(data["output_shape"]),
    )
    sound = (
        re.fullmatch(NAME, vector.reference)
        and vector.library in LIBRARIES
        and len(tensors) == len(entries)
        and prod(vector.input) <= LARGEST_IMAGE
        and vector.output.ndim == 1
        and 1 <= vector.output.size <= prod(vector.output_shape)
        and np.isfinite(vector.output).all()
        and 0 < vector.output_std < inf
    )
    if not sound:
        raise ValueError
    return vector


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError
    return value


def _shape(value: list[object]) -> Shape:
    return tuple(map(_count, value))
