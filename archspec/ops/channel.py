"""Ops that weigh, compare and reorder channels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from archspec.ops.op import Initializer, Op, Shape, ShapeError, Weight


@dataclass(frozen=True, slots=True)
class Scale(Op):
    """x · gamma + beta, learned, one number for each channel, or for each group of them.

    Args:
        initial: what gamma starts with; beta starts with 0.
        bias: whether there is a beta.
        groups: of neighboring channels that have one gamma and one beta; 1: all of them do. None:
            each channel by itself.
    """

    in_place: ClassVar[bool] = True

    initial: float = 1.0
    bias: bool = False
    groups: int | None = None

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if self.groups and shape[-1] % self.groups:
            raise ShapeError(f"{self.groups} groups do not divide {shape[-1]} channels", "groups")
        return shape

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        (shape,) = inputs
        size = (self.groups or shape[-1],)
        arrays = {"gamma": Weight(size, initial=self.initial)}
        if self.bias:
            arrays["beta"] = Weight(size)
        return arrays


@dataclass(frozen=True, slots=True)
class PixelNorm(Op):
    """x / √(m + epsilon), m the mean over the channels of a pixel of x² or, `about` mean, of more.

    Args:
        epsilon: added to the mean.
        about: zero, the mean of the squares (arXiv:1710.10196, section 4.2; root mean square
            normalization, arXiv:1910.07467, without its gains); mean, the sum of (x - mean)² over
            c - 1, while x itself stays where it is.
    """

    in_place: ClassVar[bool] = True

    epsilon: float = 1e-6
    about: Literal["zero", "mean"] = "zero"

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if self.about == "mean" and shape[-1] == 1:
            raise ShapeError("one channel has no deviation", "norm.type")
        return shape


@dataclass(frozen=True, slots=True)
class ResponseNorm(Op):
    """x · n, n the channel's response over the mean response of all channels plus `epsilon`.

    The response of a channel is its Euclidean norm over height and width. This is global
    response normalization without its affine map and its shortcut (ConvNeXt V2,
    arXiv:2301.00808, section 4).
    """

    in_place: ClassVar[bool] = True

    epsilon: float = 1e-6

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) != 3:  # noqa: PLR2004  h, w, c
            raise ShapeError(f"a response norm needs an image (h, w, c), not {list(shape)}")
        return shape


@dataclass(frozen=True, slots=True)
class ChannelConvolution(Op):
    """(1, 1, c) → (1, 1, c): one filter of `kernel` numbers slides along the channels.

    Zeros stand beyond the first channel and the last (ECA-Net, arXiv:1910.03151, equation 7). Its
    few multiply-accumulates are not counted, as in published counts.
    """

    kernel: int
    init: Initializer = Initializer()

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if shape[:-1] != (1, 1):
            raise ShapeError(f"a channel convolution needs (1, 1, c), not {list(shape)}")
        if not self.kernel % 2:
            raise ShapeError(f"a kernel of {self.kernel} channels has no middle", "kernel")
        return shape

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        """Kernel (k, 1, 1)."""
        del inputs
        return {"kernel": Weight((self.kernel, 1, 1), initial=self.init)}


@dataclass(frozen=True, slots=True)
class Shuffle(Op):
    """(h, w, c) → (h, w, c): the first channel of each group, then the second of each, and so on.

    The channels as a matrix of `groups` rows are transposed (ShuffleNet, arXiv:1707.01083,
    section 3.1).
    """

    groups: int

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) != 3:  # noqa: PLR2004  h, w, c
            raise ShapeError(f"a shuffle needs an image (h, w, c), not {list(shape)}")
        if shape[-1] % self.groups:
            raise ShapeError(
                f"{self.groups} groups do not divide the {shape[-1]} channels", "groups"
            )
        return shape
