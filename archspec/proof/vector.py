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
from archspec.weights.foreign import LIBRARIES, Assignment, assign, placed, tables
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
class Output:
    """What is known of one output, in PyTorch's layout.

    Args:
        shape: of the whole output.
        std: standard deviation of it.
        first: the first values of it, flattened.
        last: the last values, perhaps none.
    """

    shape: Shape
    std: float
    first: NDArray[np.float64]
    last: NDArray[np.float64]

    def difference(self, output: NDArray[Any]) -> float:
        """max|a - b| / std(b) of the values that are known; infinite for another shape."""
        ours = np.asarray(output, np.float64).ravel()
        if ours.size != prod(self.shape):
            return inf
        ends = ours[: self.first.size] - self.first, ours[ours.size - self.last.size :] - self.last
        return float(np.abs(np.concatenate(ends)).max() / self.std)


@dataclass(frozen=True, slots=True)
class Vector:
    """What one implementation computed.

    Args:
        reference: `timm:mobilenetv2_100`.
        input: (h, w, c) of the one image.
        params: parameters, batch norm's statistics not counted.
        tensors: name → shape, in the order that decides what is drawn.
        kept: names of tensors that are not drawn.
        outputs: name → what is known of it; "" for the one output of a net that has no names.
    """

    reference: str
    input: tuple[int, int, int]
    params: int
    tensors: Mapping[str, Shape]
    kept: frozenset[str]
    outputs: Mapping[str, Output]

    @property
    def library(self) -> str:
        """What made it: `timm`, `torchvision`."""
        return self.reference.partition(":")[0]

    def image(self) -> NDArray[np.float32]:
        """The image, (1, h, w, c)."""
        generator = Generator(PCG64(IMAGE_SEED))
        return generator.standard_normal((1, *self.input)).astype(np.float32)

    def assigned(self, graph: Graph) -> Assignment:
        """Which of the tensors are the arrays of a graph, and by whose names."""
        return assign(self._drawn(), graph, tables(self.library).values())

    def weights(self, graph: Graph) -> dict[str, NDArray[Any]]:
        """The arrays of a graph for the same net, in Keras layout.

        Raises:
            SpecError: E504 to E506, the tensors are not those of the graph.
        """
        places = {name: place for place, name in enumerate(self.tensors)}
        found = placed(self.assigned(graph), self._drawn(), graph, self.reference)
        return {
            key: found.array(key, lambda name: _drawn(name, self.tensors[name], places[name]))
            for key in found.theirs
        }

    def _drawn(self) -> dict[str, Shape]:
        return {name: shape for name, shape in self.tensors.items() if name not in self.kept}

    def difference(self, outputs: Mapping[str, NDArray[Any]], names: Mapping[str, str]) -> float:
        """The largest of the differences of the outputs; infinite if one is not there.

        Args:
            outputs: ours by name, in PyTorch's layout.
            names: theirs → ours, where they differ.
        """
        one = next(iter(outputs))
        found = {name: outputs.get(names.get(name, name or one)) for name in self.outputs}
        return max(
            inf if ours is None else self.outputs[name].difference(ours)
            for name, ours in found.items()
        )


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
        outputs=_outputs(data),
    )
    sound = (
        re.fullmatch(NAME, vector.reference)
        and vector.library in LIBRARIES
        and len(tensors) == len(entries)
        and prod(vector.input) <= LARGEST_IMAGE
        and vector.outputs
        and all(map(_sound, vector.outputs.values()))
    )
    if not sound:
        raise ValueError
    return vector


def _outputs(data: Any) -> dict[str, Output]:  # noqa: ANN401
    if "outputs" not in data:
        known = {word: data[f"output_{word}"] for word in ("std", "shape")}
        return {"": _output({**known, "first": data["output"], "last": []})}
    return {_text(name): _output(known) for name, known in data["outputs"].items()}


def _output(known: Any) -> Output:  # noqa: ANN401
    first, last = (np.array(known[word], np.float64) for word in ("first", "last"))
    return Output(_shape(known["shape"]), float(known["std"]), first, last)


def _sound(output: Output) -> bool:
    ends = (output.first, output.last)
    return (
        all(end.ndim == 1 and np.isfinite(end).all() for end in ends)
        and 1 <= output.first.size <= prod(output.shape)
        and output.last.size <= prod(output.shape)
        and 0 < output.std < inf
    )


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
