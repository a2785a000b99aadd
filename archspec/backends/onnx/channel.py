"""The ops that weigh, compare and reorder channels, in ONNX."""

import numpy as np

from archspec.backends.onnx.writer import Site, channels_first
from archspec.ops import ChannelConvolution, PixelNorm, ResponseNorm, Scale, Shape, Shuffle


def scale(site: Site, op: Scale) -> None:
    """Mul, and Add where there is a bias."""

    def operand(name: str) -> str:
        array = site.array(name)
        if op.groups == 1:
            return site.weight(name, array)
        return site.per_channel(name, np.repeat(array, site.shape[-1] // array.size))

    value = site.add("Mul", *site.inputs, operand("gamma"))
    if op.bias:
        site.add("Add", value, operand("beta"))


def pixel_norm(site: Site, op: PixelNorm) -> None:
    """The image over the root of the mean."""
    (x,) = site.inputs
    height, width, channels = (1, 1, *site.shape)[-3:]
    one, value = (1, height, width), x
    if op.about == "mean":
        value = site.add("Sub", x, reduce(site, "ReduceMean", x, (1,), one))
    mean = reduce(site, "ReduceMean", site.add("Mul", value, value), (1,), one)
    if op.about == "mean":
        mean = site.add("Mul", mean, site.number(channels / (channels - 1)), shape=one)
    mean = site.add("Add", mean, site.number(op.epsilon), shape=one)
    site.add("Div", x, site.add("Sqrt", mean, shape=one))


def response_norm(site: Site, op: ResponseNorm) -> None:
    """The norm over height and width, over its mean over the channels."""
    (x,) = site.inputs
    channels = site.shape[2]
    response = reduce(site, "ReduceL2", x, (2, 3), (channels, 1, 1))
    mean = reduce(site, "ReduceMean", response, (1,), (1, 1, 1))
    divisor = site.add("Add", mean, site.number(op.epsilon), shape=(1, 1, 1))
    site.add("Mul", x, site.add("Div", response, divisor, shape=(channels, 1, 1)))


def reduce(site: Site, kind: str, value: str, axes: tuple[int, ...], shape: Shape) -> str:
    """A reduction that keeps its axes, of size 1."""
    if site.opset < 18:  # noqa: PLR2004  the first in which axes are an input
        return site.add(kind, value, axes=axes, shape=shape)
    return site.add(kind, value, site.integers(*axes), shape=shape)


def channel_convolution(site: Site, op: ChannelConvolution) -> None:
    """A convolution of an image one pixel wide: all runtimes have it, not all one of a vector."""
    channels, margin = site.shape[2], op.kernel // 2
    column = (1, channels, 1)
    value = site.add("Reshape", *site.inputs, site.integers(0, *column), shape=column)
    kernel = site.weight("kernel", site.array("kernel").reshape(1, 1, op.kernel, 1))
    window = {"kernel_shape": (op.kernel, 1), "pads": (margin, 0, margin, 0)}
    value = site.add("Conv", value, kernel, shape=column, **window)
    site.add("Reshape", value, site.integers(0, *channels_first(site.shape)))


def shuffle(site: Site, op: Shuffle) -> None:
    """Reshape, Transpose, Reshape: how PyTorch writes it, which runtimes know."""
    height, width, channels = site.shape
    if site.varies:
        order = np.arange(channels).reshape(op.groups, -1).T.ravel()
        site.add("Gather", *site.inputs, site.weight("order", order), axis=1)
        return
    split = (op.groups, channels // op.groups, height, width)
    turned = (split[1], split[0], height, width)
    value = site.add("Reshape", *site.inputs, site.integers(0, *split), shape=split)
    value = site.add("Transpose", value, perm=(0, 2, 1, 3, 4), shape=turned)
    site.add("Reshape", value, site.integers(0, *channels_first(site.shape)))
