"""Ops that join, cut and reshape, and the dense layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from archspec.ops.op import Initializer, Op, Shape, ShapeError, Weight


@dataclass(frozen=True, slots=True)
class Add(Op):
    """The sum of inputs of one shape."""

    def infer(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) != 1:
            raise ShapeError(f"cannot add {' and '.join(str(list(shape)) for shape in inputs)}")
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Multiply(Op):
    """(h, w, c) times an image of that shape, in which any axis may be 1 instead."""

    def infer(self, *inputs: Shape) -> Shape:
        image, factor = inputs
        if len(image) != len(factor) or any(
            there not in {1, here} for here, there in zip(image, factor, strict=True)
        ):
            raise ShapeError(f"cannot multiply {list(image)} by {list(factor)}")
        return image


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Inputs (h, w, c_i) → (h, w, Σ c_i)."""

    def infer(self, *inputs: Shape) -> Shape:
        if len({shape[:-1] for shape in inputs}) != 1:
            shown = " and ".join(str(list(shape)) for shape in inputs)
            raise ShapeError(f"cannot join {shown} along the channels")
        return (*inputs[0][:-1], sum(shape[-1] for shape in inputs))


@dataclass(frozen=True, slots=True)
class Slice(Op):
    """(h, w, c) → (h, w, stop - start): the channels from `start` up to, not including, `stop`."""

    start: int
    stop: int

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not 0 <= self.start < self.stop <= shape[-1]:
            raise ShapeError(f"channels {self.start} to {self.stop} of {shape[-1]}")
        return (*shape[:-1], self.stop - self.start)


@dataclass(frozen=True, slots=True)
class Flatten(Op):
    """(h, w, c) → (h · w · c,), rows first, channels last."""

    in_place: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        return (prod(inputs[0]),)


@dataclass(frozen=True, slots=True)
class Dense(Op):
    """(c,) → (channels,)."""

    channels: int
    bias: bool = True
    init: Initializer = Initializer()
    l2: float = 0.0

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) != 1:
            raise ShapeError(f"a dense layer needs a vector (c,), not {list(shape)}")
        return (self.channels,)

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        (shape,) = inputs
        arrays = {"kernel": Weight((shape[0], self.channels), initial=self.init, l2=self.l2)}
        if self.bias:
            arrays["bias"] = Weight((self.channels,))
        return arrays

    def macs(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.channels
