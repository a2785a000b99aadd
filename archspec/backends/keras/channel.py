"""The ops that weigh, compare and reorder channels, in Keras."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from archspec import ops
from archspec.backends.keras.steps import Common, Layer, Tensor, operation, part
from archspec.ops import Shape

# Keras has no types of its own.
layers: Any = keras.layers
operations: Any = keras.ops


def scale(op: ops.Scale, shape: Shape, common: Common) -> Sequence[Layer]:
    """Einstein's notation for a product along the last axis, to which groups are turned."""
    *sides, channels = shape
    groups = op.groups or channels
    size = (*sides, channels // groups, groups) if op.groups else shape
    axes = "abcde"[: len(size) + 1]
    layer = layers.EinsumDense(
        f"{axes},{axes[-1]}->{axes}",
        size,
        bias_axes=axes[-1] if op.bias else None,
        kernel_initializer=keras.initializers.Constant(op.initial),
        **common,
    )
    if not op.groups:
        return [layer]
    join = layers.Reshape(shape, **part(common, "join"))
    if groups == 1:
        return [layers.Reshape(size, **part(common, "split")), layer, join]
    order = (*range(1, len(shape)), len(shape) + 1, len(shape))
    return [
        layers.Reshape((*sides, groups, channels // groups), **part(common, "split")),
        layers.Permute(order, **part(common, "turn")),
        layer,
        layers.Permute(order, **part(common, "back")),
        join,
    ]


def pixel_norm(op: ops.PixelNorm, shape: Shape, common: Common) -> Sequence[Layer]:
    """The image times what is one over the root of the mean."""
    channels = shape[-1]
    over = partial(operations.mean, axis=-1, keepdims=True)

    def apply(image: Tensor) -> Tensor:
        def step(name: str, function: Layer, value: Tensor) -> Tensor:
            return operation(function, part(common, name))(value)

        value = image
        if op.about == "mean":
            mean = step("mean", over, image)
            value = layers.Subtract(**part(common, "deviation"))([image, mean])
        mean = step("mean_square", over, step("square", operations.square, value))
        if op.about == "mean":
            mean = step("corrected", lambda value: value * (channels / (channels - 1)), mean)
        share = step("epsilon", lambda value: value + op.epsilon, mean)
        return layers.Multiply(**common)([image, step("share", operations.rsqrt, share)])

    return [apply]


def response_norm(op: ops.ResponseNorm, _: Shape, common: Common) -> Sequence[Layer]:
    """The norm over height and width, over its mean over the channels."""

    def apply(image: Tensor) -> Tensor:
        def step(name: str, function: Layer, value: Tensor) -> Tensor:
            return operation(function, part(common, name))(value)

        total = partial(operations.sum, axis=(1, 2), keepdims=True)
        mean = partial(operations.mean, axis=-1, keepdims=True)
        square = step("square", operations.square, image)
        response = step("root", operations.sqrt, step("sum", total, square))
        divisor = step("epsilon", lambda value: value + op.epsilon, step("mean", mean, response))
        share = step("share", lambda pair: operations.divide(*pair), [response, divisor])
        return layers.Multiply(**common)([image, share])

    return [apply]


def channel_convolution(
    op: ops.ChannelConvolution, shape: Shape, common: Common
) -> Sequence[Layer]:
    """A convolution of the channels as a sequence."""
    channels = shape[-1]
    return [
        layers.Reshape((channels, 1), **part(common, "split")),
        layers.Conv1D(1, op.kernel, padding="same", use_bias=False, **common),
        layers.Reshape(shape, **part(common, "join")),
    ]


def shuffle(op: ops.Shuffle, shape: Shape, common: Common) -> Sequence[Layer]:
    """Split the channels to a matrix, turn it, join them."""
    *sides, channels = shape
    split = (*sides, op.groups, channels // op.groups)
    return [
        layers.Reshape(split, **part(common, "split")),
        layers.Permute((1, 2, 4, 3), **part(common, "turn")),
        layers.Reshape(shape, **common),
    ]
