"""Ops that slide a window over an image: convolution and pooling, and their padding."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Literal, Self, TypeAlias

from archspec.ops.op import Initializer, Op, Shape, ShapeError, Weight

Padding: TypeAlias = Literal["same", "symmetric", "even", "ceil", "valid"]
"""How an image is padded, k the kernel's extent (dilation counted), s the stride, n the size:

same:      so that ⌈n/s⌉ positions fit, the odd pixel after (TensorFlow).
symmetric: ⌊(k - 1)/2⌋ before and after (PyTorch).
even:      as `same` where s divides n, at every n: k - s in all, the odd pixel after
           (keras.applications MobileNet).
ceil:      none before; after, what the last window that begins in the image lacks, so that
           ⌈(n - k)/s⌉ + 1 positions fit (PyTorch's ceil_mode).
valid:     none.
"""

Pads: TypeAlias = tuple[int, int]
"""Pixels before and after."""

Around: TypeAlias = tuple[Pads, Pads]
"""Pixels around an image: before and after, of height and of width."""


def pads(padding: Padding | Pads, size: int, kernel: int, stride: int, dilation: int = 1) -> Pads:
    """Pixels that `padding` puts before and after an axis of `size` pixels.

    >>> pads("same", 224, 3, 2), pads("same", 225, 3, 2), pads("even", 225, 3, 2)
    ((0, 1), (1, 1), (0, 1))
    >>> pads("symmetric", 224, 3, 2), pads("ceil", 224, 3, 2), pads("valid", 224, 3, 2)
    ((1, 1), (0, 1), (0, 0))
    """
    extent = (kernel - 1) * dilation + 1
    if isinstance(padding, tuple):
        return padding
    if padding == "valid":
        return 0, 0
    if padding == "symmetric":
        return (extent - 1) // 2, (extent - 1) // 2
    if padding == "ceil":
        last = min(-(-max(size - extent, 0) // stride), (size - 1) // stride)
        return 0, max(last * stride + extent - size, 0)
    total = (
        extent - stride if padding == "even" else (-(-size // stride) - 1) * stride + extent - size
    )
    total = max(total, 0)
    return total // 2, total - total // 2


@lru_cache(maxsize=1024)
def positions(padding: Padding | Pads, size: int, kernel: int, stride: int, dilation: int) -> int:
    """Positions of a window along an axis of `size` pixels.

    >>> positions("same", 225, 3, 2, 1), positions("valid", 225, 3, 2, 1)
    (113, 112)

    Raises:
        ShapeError: not one.
    """
    before, after = pads(padding, size, kernel, stride, dilation)
    room = before + size + after - ((kernel - 1) * dilation + 1)
    if room < 0:
        raise ShapeError(
            f"a window of {kernel} pixels (dilation {dilation}) does not fit"
            f" {size} pixels with padding {before} and {after}",
            "kernel",
        )
    return room // stride + 1


@dataclass(frozen=True, slots=True)
class Window(Op):
    """A window of `kernel` (h, w) pixels that moves by `stride`.

    `padding` is a word, or so many pixels where no word puts them there.
    """

    kernel: tuple[int, int]
    stride: int = 1
    padding: Padding | Around = "same"
    dilation: int = 1

    def pads(self, image: Shape) -> Around:
        """Pixels before and after, of height and of width, for an image (h, w, c)."""
        height, width = (
            pads(padding, size, kernel, self.stride, self.dilation)
            for padding, size, kernel in zip(self._axes(), image[:2], self.kernel, strict=True)
        )
        return height, width

    def slide(self, image: Shape) -> tuple[int, int]:
        """Positions of the window along height and width."""
        _need_image(self, image)
        height, width = (
            positions(padding, size, kernel, self.stride, self.dilation)
            for padding, size, kernel in zip(self._axes(), image[:2], self.kernel, strict=True)
        )
        return height, width

    def _axes(self) -> Around | tuple[Padding, Padding]:
        return self.padding if isinstance(self.padding, tuple) else (self.padding, self.padding)

    def padded(self, around: Around, image: Shape) -> Self:
        """The same window with so many pixels around an image, by the first word that says so."""
        words = (replace(self, padding=word) for word in ("valid", "same", "symmetric", "even"))
        said = (window for window in words if window.pads(image) == around)
        return next(said, replace(self, padding=around))


def _need_image(op: Op, shape: Shape) -> None:
    if len(shape) != 3:  # noqa: PLR2004  h, w, c
        raise ShapeError(f"{op.__class__.__name__} needs an image (h, w, c), not {list(shape)}")


@dataclass(frozen=True, slots=True)
class Convolution(Window):
    """(h, w, c) → (h', w', channels), each of `groups` slices of the input by itself.

    A depthwise convolution is one with groups equal to c.
    """

    channels: int = 1
    groups: int = 1
    bias: bool = False
    init: Initializer = Initializer()
    l2: float = 0.0

    def depthwise(self, image: Shape) -> bool:
        """Whether each input channel has filters of its own."""
        return self.groups == image[2] > 1

    def infer(self, *inputs: Shape) -> Shape:
        (image,) = inputs
        _need_image(self, image)
        for count, name in ((image[2], "input"), (self.channels, "output")):
            if count % self.groups:
                raise ShapeError(
                    f"{self.groups} groups do not divide the {count} {name} channels", "groups"
                )
        return (*self.slide(image), self.channels)

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        """Kernel (kh, kw, c / groups, channels), depthwise (kh, kw, c, channels / c); bias."""
        (image,) = inputs
        last = (
            (image[2], self.channels // image[2])
            if self.depthwise(image)
            else (image[2] // self.groups, self.channels)
        )
        arrays = {"kernel": Weight((*self.kernel, *last), initial=self.init, l2=self.l2)}
        if self.bias:
            arrays["bias"] = Weight((self.channels,))
        return arrays

    def macs(self, *inputs: Shape) -> int:
        """Kh · kw · c / groups · channels for each output pixel; the bias is not counted."""
        (image,) = inputs
        return prod(self.kernel) * image[2] // self.groups * prod(self.infer(image))


@dataclass(frozen=True, slots=True)
class Pool(Window):
    """(h, w, c) → (h', w', c), the largest or the mean of each window.

    Args:
        type: the largest value, or the mean.
        count_padding: what is padded counts, as zeros; else the largest value, or the mean, is
            that of the pixels of the image.
    """

    type: Literal["max", "average"] = "max"
    count_padding: bool = False

    def infer(self, *inputs: Shape) -> Shape:
        (image,) = inputs
        if self.dilation != 1:
            raise ShapeError(f"a pool has no dilation, not {self.dilation}")
        return (*self.slide(image), image[2])


@dataclass(frozen=True, slots=True)
class GlobalPool(Op):
    """(h, w, c) → (1, 1, c), the mean or the largest over the image."""

    type: Literal["average", "max"] = "average"

    def infer(self, *inputs: Shape) -> Shape:
        (image,) = inputs
        _need_image(self, image)
        return (1, 1, image[2])
