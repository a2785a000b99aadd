"""What an op is: its attributes, its shape rule, its weights, its multiply-accumulates."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import ClassVar, NamedTuple, TypeAlias

Shape: TypeAlias = tuple[int, ...]
"""(h, w, c) of an image, (c,) of a vector, (n, c) of rows; the batch is never written."""


class ShapeError(ValueError):
    """An op cannot take these inputs; `about` is the attribute at fault."""

    def __init__(self, message: str, about: str = "") -> None:
        super().__init__(message)
        self.about = about


@dataclass(frozen=True, slots=True)
class Initializer:
    """Variance scaling: a distribution of variance scale / fan.

    Args:
        distribution: "uniform", "normal" or "truncated_normal" (cut at two standard deviations).
        scale: factor on the variance; 1 with "uniform" and "average" is Glorot's, 2 with "in" is
            He's.
        fan: "in", "out" or "average" of both.
    """

    distribution: str = "uniform"
    scale: float = 1.0
    fan: str = "average"

    def __str__(self) -> str:
        return f"{self.distribution}({self.scale:g}/{self.fan})"


class Weight(NamedTuple):
    """One array of an op.

    Args:
        shape: in Keras layout.
        trainable: false for statistics of the data.
        initial: the constant that it starts with, or how it is drawn.
        l2: factor of the L2 penalty on it in training.
    """

    shape: Shape
    trainable: bool = True
    initial: float | Initializer = 0.0
    l2: float = 0.0

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of the closed set; a subclass per kind, its fields are the attributes."""

    in_place: ClassVar[bool] = False
    """Whether the output can take the place of the input in memory: activation, norm, reshape."""

    def infer(self, *inputs: Shape) -> Shape:
        """Shape of the output; `ShapeError` where the inputs do not fit."""
        return inputs[0]

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        """Arrays by name, in the order in which they are stored."""
        del inputs
        return {}

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates for one image; only convolutions and dense layers have them."""
        del inputs
        return 0

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers, which no precision rounds."""
        return False

    def __str__(self) -> str:
        """The kind, then each attribute that is not its default."""
        said = [
            f"{field.name}={_word(getattr(self, field.name))}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return " ".join([kind(type(self)), *said])


def kind(op: type[Op]) -> str:
    """The name of an op in printed graphs: `BatchNorm` is `batch_norm`."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in op.__name__)[1:]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_word(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value)
