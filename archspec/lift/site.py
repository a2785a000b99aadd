"""The place of one call: where its rule reads values and adds nodes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple, TypeAlias

from archspec.errors import error
from archspec.graph import GraphBuilder
from archspec.lift.calls import Call
from archspec.lift.said import RefusedError, Said
from archspec.ops import Activation, Add, DecodeBoxes, Dropout, Flatten, Op, Shape, Slice

LARGEST = 1 << 34
"""Numbers in one value, or in one array; more no computer has room for."""


OF_ROWS = (Activation, Add, DecodeBoxes, Dropout, Slice)
"""Ops that may read rows (n, c); others would take the axis of the rows for another."""

_ROWS = 2


class Tensor(NamedTuple):
    """A value of Keras.

    Args:
        value: its name in the graph.
        shape: as Keras sees it; a vector (c,) may still be an image (1, 1, c) in the graph.
    """

    value: str
    shape: Shape


class Array(NamedTuple):
    """An array of a node, and where it comes from.

    Args:
        place: of the layer in the file.
        number: of the array in the layer.
        shape: in the file; the graph's has as many numbers.
        factor: that it is multiplied with.
    """

    place: tuple[str, ...]
    number: int
    shape: Shape
    factor: float = 1.0


Source: TypeAlias = Array | float
"""An array of the file, or one number that fills it."""


@dataclass
class Draft:
    """What has been lifted so far.

    Attributes:
        build: the graph.
        tensors: of each call.
        sources: where the array of each key comes from.
        kept: calls whose vectors (c,) stay images (1, 1, c), because they become such again.
    """

    build: GraphBuilder
    kept: frozenset[str]
    tensors: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    sources: dict[str, Source] = field(default_factory=dict[str, Source])
    _flat: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, name: str, op: Op, inputs: Sequence[str], sources: Mapping[str, Source]) -> str:
        """Append a node, and say where its arrays come from."""
        name = self._free(name)
        shapes = [self.build.shapes[value] for value in inputs]
        if any(len(shape) == _ROWS for shape in shapes) and not isinstance(op, OF_ROWS):
            raise RefusedError(f"it reads rows {list(shapes[0])}, no image and no vector")
        arrays = op.weights(*shapes)
        if max([prod(op.infer(*shapes)), *(weight.size for weight in arrays.values())]) > LARGEST:
            raise error("E447", f"{name} is larger than a computer")
        for array, weight in arrays.items():
            source = sources[array]
            if isinstance(source, Array) and prod(source.shape) != weight.size:
                raise RefusedError(
                    f"its {array} has {prod(source.shape)} numbers, not {weight.size}"
                )
        self.sources.update({f"{name}/{array}": source for array, source in sources.items()})
        return self.build.add(name, op, inputs)

    def flat(self, tensor: Tensor) -> str:
        """The value as Keras sees it, its only pixel flattened where that is a vector."""
        if len(tensor.shape) == len(self.build.shapes[tensor.value]):
            return tensor.value
        if tensor.value not in self._flat:
            name = self._free(f"{tensor.value}.flatten")
            self._flat[tensor.value] = self.build.add(name, Flatten(), [tensor.value])
        return self._flat[tensor.value]

    def _free(self, name: str) -> str:
        number, free = 1, name
        while free in self.build.shapes:
            number += 1
            free = f"{name}_{number}"
        return free


class Site:
    """Where the rule of one call works.

    Args:
        draft: what has been lifted.
        call: what is to be lifted.

    Attributes:
        said: its settings.
        kept: whether vectors stay images.
    """

    def __init__(self, draft: Draft, call: Call) -> None:
        self.draft = draft
        self.call = call
        self.said = Said(call.settings)
        self.kept = call.name in draft.kept

    @property
    def tensors(self) -> Sequence[Tensor]:
        """All that it reads."""
        return [self.draft.tensors[name] for name in self.call.reads]

    @property
    def shape(self) -> Shape:
        """Of what it reads first, as Keras sees it."""
        return self.tensors[0].shape

    @property
    def channels(self) -> int:
        """Of what it reads first."""
        return self.shape[-1]

    def values(self) -> list[str]:
        """All that it reads, in the graph."""
        if self.kept:
            return [tensor.value for tensor in self.tensors]
        return [self.draft.flat(tensor) for tensor in self.tensors]

    def value(self) -> str:
        """The one value that it reads."""
        values = self.values()
        if len(values) != 1:
            raise RefusedError(f"it reads {len(values)} values")
        return values[0]

    def image(self) -> Shape:
        """The shape (h, w, c) of the one image that it reads."""
        if len(self.shape) != 3:  # noqa: PLR2004  h, w, c
            raise RefusedError(f"it reads {list(self.shape)}, no image (h, w, c)")
        return self.shape

    def array(self, number: int, *shape: int) -> Array:
        """An array of the layer."""
        return Array(self.call.place, number, shape)

    def add(
        self,
        op: Op,
        *inputs: str,
        part: str = "",
        arrays: Mapping[str, Source] | None = None,
    ) -> str:
        """Append a node, named as the call is, or as a part of it."""
        name = f"{self.call.name}.{part}" if part else self.call.name
        return self.draft.add(name, op, inputs, arrays or {})

    def finish(self, value: str, *, flat: bool = False) -> None:
        """Say which value is the result; `flat`: a vector in Keras, whatever it is here."""
        shape = self.draft.build.shapes[value]
        kept = self.kept and len(self.shape) == 1
        if (flat or kept) and shape[:-1] == (1, 1):
            shape = shape[-1:]
        self.draft.tensors[self.call.name] = Tensor(value, shape)


Rule: TypeAlias = Callable[[Site], None]
"""Lifts one call: adds its nodes and says which value is the result."""
