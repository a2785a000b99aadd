"""Ops that treat every value, or every channel, by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from archspec.ops.op import Op, Shape, ShapeError, Weight

Function: TypeAlias = Literal[
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "hard_sigmoid",
    "hard_swish",
    "sigmoid",
    "swish",
    "tanh",
    "gelu",
    "gelu_tanh",
    "mish",
    "softplus",
    "softmax",
]
"""hard_sigmoid is min(max(x + 3, 0), 6) / 6, hard_swish x times that (MobileNetV3, equation 5);
swish is x · sigmoid(x); gelu is exact, gelu_tanh its approximation; softmax is over channels."""

FUNCTIONS: tuple[str, ...] = get_args(Function)


@dataclass(frozen=True, slots=True)
class Activation(Op):
    """A function of one value (softmax: of all channels).

    Args:
        function: which.
        slope: of leaky_relu below zero; 0.01 is PyTorch's.
    """

    in_place: ClassVar[bool] = True

    function: Function
    slope: float = 0.01


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """(x - moving_mean) / √(moving_variance + epsilon) · gamma + beta per channel.

    Args:
        epsilon: added to the variance.
        momentum: share of the old statistics kept at each training step (Keras's sense; PyTorch's
            is 1 - it).
    """

    in_place: ClassVar[bool] = True

    epsilon: float = 1e-3
    momentum: float = 0.99

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        (shape,) = inputs
        channels = shape[-1:]
        return {
            "gamma": Weight(channels, initial=1.0),
            "beta": Weight(channels),
            "moving_mean": Weight(channels, trainable=False),
            "moving_variance": Weight(channels, trainable=False, initial=1.0),
        }


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """Mean 0 and variance 1 over the channels of each pixel, then · gamma + beta."""

    in_place: ClassVar[bool] = True

    epsilon: float = 1e-6

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        return _scale_and_shift(inputs[0])


@dataclass(frozen=True, slots=True)
class GroupNorm(Op):
    """Mean 0 and variance 1 over each group of channels and all pixels, then · gamma + beta."""

    in_place: ClassVar[bool] = True

    groups: int = 32
    epsilon: float = 1e-5

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if shape[-1] % self.groups:
            raise ShapeError(
                f"{self.groups} groups do not divide the {shape[-1]} channels", "norm.groups"
            )
        return shape

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        return _scale_and_shift(inputs[0])


def _scale_and_shift(shape: Shape) -> Mapping[str, Weight]:
    return {"gamma": Weight(shape[-1:], initial=1.0), "beta": Weight(shape[-1:])}


@dataclass(frozen=True, slots=True)
class Rescale(Op):
    """x · scale + offset, one number for all channels or one each."""

    in_place: ClassVar[bool] = True

    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        for name, values in (("scale", self.scale), ("offset", self.offset)):
            if len(values) not in {1, shape[-1]}:
                raise ShapeError(f"{name} has {len(values)} numbers for {shape[-1]} channels", name)
        return shape


@dataclass(frozen=True, slots=True)
class Standardize(Op):
    """(x - mean) / max(√variance, 1e-7) per channel, with the statistics of a data set.

    `count` is how many values the statistics come from; Keras's Normalization stores it beside
    them.
    """

    in_place: ClassVar[bool] = True

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        (shape,) = inputs
        channels = shape[-1:]
        return {
            "mean": Weight(channels, trainable=False),
            "variance": Weight(channels, trainable=False, initial=1.0),
            "count": Weight((), trainable=False),
        }


@dataclass(frozen=True, slots=True)
class Dropout(Op):
    """In training each value is zero with probability `rate`."""

    in_place: ClassVar[bool] = True

    rate: float


@dataclass(frozen=True, slots=True)
class DropPath(Op):
    """Stochastic depth: in training the whole image is zero with probability `rate`."""

    in_place: ClassVar[bool] = True

    rate: float
