"""One short rule per op: the stock Keras layers that do what it does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from archspec import ops
from archspec.backends.keras import attention, detection
from archspec.backends.keras.channel import (
    channel_convolution,
    pixel_norm,
    response_norm,
    scale,
    shuffle,
)
from archspec.backends.keras.resample import blur, pad, resize
from archspec.backends.keras.steps import Common, Layer, Tensor, operation, part
from archspec.ops import Op, Pads, Shape, Window

# Keras has no types of its own.
layers: Any = keras.layers
operations: Any = keras.ops
Setting: TypeAlias = Any
"""What a layer takes as initializer, regularizer or constant."""


class LayerError(ValueError):
    """Keras has no layer for this; the text says what."""


def _convolution(op: ops.Convolution, image: Shape, common: Common) -> Sequence[Layer]:
    if op.stride > 1 and op.dilation > 1:
        raise LayerError("Keras has no convolution with both a stride and a dilation")
    padding, around = _padding(op, image)
    shared = {
        "kernel_size": op.kernel,
        "strides": op.stride,
        "padding": padding,
        "dilation_rate": op.dilation,
        "use_bias": op.bias,
        **common,
    }
    if op.depthwise(image):
        layer = layers.DepthwiseConv2D(
            depth_multiplier=op.channels // op.groups,
            depthwise_initializer=_initializer(op.init),
            depthwise_regularizer=_penalty(op.l2),
            **shared,
        )
    else:
        layer = layers.Conv2D(
            op.channels,
            groups=op.groups,
            kernel_initializer=_initializer(op.init),
            kernel_regularizer=_penalty(op.l2),
            **shared,
        )
    return [layers.ZeroPadding2D(around, **part(common, "pad")), layer] if around else [layer]


def _padding(op: Window, image: Shape) -> tuple[str, Sequence[Pads]]:
    """Keras's word for the padding, and the pixels to put around the image where it has none."""
    around = op.pads(image)
    if op.padding == "same":
        return "same", ()
    if not any(map(sum, around)):
        return "valid", ()
    if around == replace(op, padding="same").pads(image):
        return "same", ()
    return "valid", around


def _initializer(init: ops.Initializer) -> Setting:
    """A new one each time, because a Keras initializer draws the same values at each use."""
    if init == ops.Initializer():
        return "glorot_uniform"
    return keras.initializers.VarianceScaling(
        init.scale, FANS[init.fan], DISTRIBUTIONS.get(init.distribution, init.distribution)
    )


def _penalty(l2: float) -> Setting:
    return keras.regularizers.L2(l2) if l2 else None


def _dense(op: ops.Dense, _: Shape, common: Common) -> Sequence[Layer]:
    initializer, penalty = _initializer(op.init), _penalty(op.l2)
    return [
        layers.Dense(
            op.channels,
            use_bias=op.bias,
            kernel_initializer=initializer,
            kernel_regularizer=penalty,
            **common,
        )
    ]


def _pool(op: ops.Pool, image: Shape, common: Common) -> Sequence[Layer]:
    padding, around = _padding(op, image)
    if op.count_padding and any(map(sum, op.pads(image))):
        padding, around = "valid", op.pads(image)
    window = {"pool_size": op.kernel, "strides": op.stride, "padding": padding}
    layer = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}[op.type]
    if not around:
        return [layer(**window, **common)]
    if op.type == "max" and not op.count_padding:
        pad = partial(operations.pad, pad_width=((0, 0), *around, (0, 0)), constant_values=-np.inf)
        return [operation(pad, part(common, "pad")), layer(**window, **common)]
    pad = layers.ZeroPadding2D(around, **part(common, "pad"))
    if op.count_padding:
        return [pad, layer(**window, **common)]
    return [
        pad,
        layer(**window, **part(common, "mean")),
        layers.Rescaling(_padded_share(op, image), **common),
    ]


def _padded_share(op: ops.Pool, image: Shape) -> NDArray[np.float64]:
    """(h', w', 1): pixels in the window per pixel of the image in it.

    A mean that counts the zeros around the image, times this, is one that does not.
    """
    axes: list[NDArray[np.float64]] = []
    slides = zip(image[:2], op.kernel, op.pads(image), op.slide(image), strict=True)
    for size, kernel, (before, _), positions in slides:
        start = np.arange(positions) * op.stride - before
        axes.append(kernel / (np.minimum(start + kernel, size) - np.maximum(start, 0)))
    return np.outer(*axes)[..., np.newaxis]


def _rescale(op: ops.Rescale, _: Shape, common: Common) -> Sequence[Layer]:
    return [layers.Rescaling(_number(op.scale), _number(op.offset), **common)]


def _number(values: Sequence[float]) -> Setting:
    """Numpy's, because TensorFlow rounds Python's to float32 on the way to float64."""
    return np.float64(values[0]) if len(values) == 1 else [np.float64(value) for value in values]


def _rows(op: ops.Rows, _: Shape, common: Common) -> Sequence[Layer]:
    def apply(values: Sequence[Tensor]) -> Tensor:
        if len(values) == 1:
            return layers.Reshape((-1, op.size), **common)(values[0])
        rows = [
            layers.Reshape((-1, op.size), **part(common, f"rows{number}"))(value)
            for number, value in enumerate(values, 1)
        ]
        return layers.Concatenate(axis=1, **common)(rows)

    return [apply]


def _slice(op: ops.Slice, _: Shape, common: Common) -> Sequence[Layer]:
    return [operation(lambda value: value[..., op.start : op.stop], common)]


def _activation(op: ops.Activation, _: Shape, common: Common) -> Sequence[Layer]:
    if op.function == "gelu_tanh":
        return [operation(partial(operations.gelu, approximate=True), common)]
    if op.function == "leaky_relu":
        return [layers.LeakyReLU(op.slope, **common)]
    layer = ACTIVATIONS.get(op.function, partial(layers.Activation, op.function))
    return [layer(**common)]


def _drop_path(op: ops.DropPath, image: Shape, common: Common) -> Sequence[Layer]:
    return [layers.Dropout(op.rate, noise_shape=(None, *(1 for _ in image)), **common)]


def _global_pool(op: ops.GlobalPool, _: Shape, common: Common) -> Sequence[Layer]:
    pools = {"average": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}
    return [pools[op.type](keepdims=True, **common)]


def _batch_norm(op: ops.BatchNorm, _: Shape, common: Common) -> Sequence[Layer]:
    return [layers.BatchNormalization(momentum=op.momentum, epsilon=op.epsilon, **common)]


FANS = {"in": "fan_in", "out": "fan_out", "average": "fan_avg"}
DISTRIBUTIONS = {"normal": "untruncated_normal"}
"""The words of `ops.Initializer` that Keras says otherwise."""

ACTIVATIONS: Mapping[str, Callable[..., Layer]] = {
    "relu": layers.ReLU,
    "relu6": partial(layers.ReLU, max_value=6.0),
    "swish": partial(layers.Activation, "silu"),
}
"""`Activation.function` → its layer where it has one of its own and no slope; `layers.Activation`
knows the others by the same name."""

RULES: Mapping[type[Op], Callable[[Any, Shape, Common], Sequence[Layer]]] = {
    ops.Activation: _activation,
    ops.Add: lambda _, __, common: [layers.Add(**common)],
    ops.BatchNorm: _batch_norm,
    ops.Blur: blur,
    ops.ChannelConvolution: channel_convolution,
    ops.Concat: lambda _, __, common: [layers.Concatenate(**common)],
    ops.Convolution: _convolution,
    ops.Crop: lambda op, _, common: [layers.Cropping2D((op.rows, op.columns), **common)],
    ops.Dense: _dense,
    ops.DropPath: _drop_path,
    ops.Dropout: lambda op, _, common: [layers.Dropout(op.rate, **common)],
    ops.Flatten: lambda _, __, common: [layers.Flatten(**common)],
    ops.GlobalPool: _global_pool,
    ops.GroupNorm: lambda op, _, common: [
        layers.GroupNormalization(op.groups, epsilon=op.epsilon, **common)
    ],
    ops.LayerNorm: lambda op, _, common: [layers.LayerNormalization(epsilon=op.epsilon, **common)],
    ops.Multiply: lambda _, __, common: [layers.Multiply(**common)],
    ops.Pad: pad,
    ops.Pool: _pool,
    ops.Rescale: _rescale,
    ops.Resize: resize,
    ops.PixelNorm: pixel_norm,
    ops.ResponseNorm: response_norm,
    ops.Rows: _rows,
    ops.Scale: scale,
    ops.Shuffle: shuffle,
    ops.Slice: _slice,
    ops.Standardize: lambda _, __, common: [layers.Normalization(**common)],
    **attention.RULES,
    **detection.RULES,
}
"""Op class → the layers that do it one after the other; the one that holds the arrays, or else the
last one, is named as the node.

A rule sees the op, the shape of its first input, and what every layer is told.
"""
