"""What each op computes, in plain numpy: batch first, channels last."""

from collections.abc import Callable, Mapping, Sequence
from math import erf, pi, prod, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Blur,
    ChannelConvolution,
    Concat,
    Convolution,
    Crop,
    DecodeBoxes,
    Dense,
    Dropout,
    DropPath,
    Flatten,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    Multiply,
    Op,
    Pad,
    PixelNorm,
    Pool,
    Rescale,
    Resize,
    ResponseNorm,
    Rows,
    Scale,
    Shuffle,
    Slice,
    Standardize,
    Window,
    binomial,
    nearest,
)

Array: TypeAlias = NDArray[Any]
Inputs: TypeAlias = Sequence[Array]
Weights: TypeAlias = Mapping[str, Array]


def _convolution(op: Convolution, inputs: Inputs, weights: Weights) -> Array:
    (image,) = inputs
    windows, kernel = _windows(op, image), weights["kernel"]
    if op.depthwise(image.shape[1:]):
        out = np.einsum("nhwcyx,yxcm->nhwcm", windows, kernel)
        out = out.reshape(*out.shape[:3], op.channels)
    else:
        taken = np.split(windows, op.groups, axis=3)
        filters = np.split(kernel, op.groups, axis=3)
        axes = ((4, 5, 3), (0, 1, 2))
        parts = [np.tensordot(*pair, axes) for pair in zip(taken, filters, strict=True)]
        out = np.concatenate(parts, axis=-1)
    return out + weights["bias"] if op.bias else out


def _pool(op: Pool, inputs: Inputs, _: Weights) -> Array:
    (image,) = inputs
    if op.type == "max":
        fill = 0.0 if op.count_padding else -np.inf
        return _windows(op, image, fill).max(axis=(-2, -1))
    if op.count_padding:
        return _windows(op, image).mean(axis=(-2, -1))
    there = np.ones((1, *image.shape[1:3], 1), image.dtype)
    return _windows(op, image).sum(axis=(-2, -1)) / _windows(op, there).sum(axis=(-2, -1))


def _windows(op: Window, image: Array, fill: float = 0.0) -> Array:
    """The pixels that each position of the window sees: (n, h', w', c, kh, kw), a view."""
    pads = op.pads(image.shape[1:])
    if any(map(sum, pads)):
        image = np.pad(image, ((0, 0), *pads, (0, 0)), constant_values=fill)
    height, width = ((kernel - 1) * op.dilation + 1 for kernel in op.kernel)
    windows = sliding_window_view(image, (height, width), (1, 2))
    return windows[:, :: op.stride, :: op.stride, :, :: op.dilation, :: op.dilation]


def _global_pool(op: GlobalPool, inputs: Inputs, _: Weights) -> Array:
    reduce = np.max if op.type == "max" else np.mean
    return reduce(inputs[0], axis=(1, 2), keepdims=True)


def _batch_norm(op: BatchNorm, inputs: Inputs, weights: Weights) -> Array:
    scale = weights["gamma"] / np.sqrt(weights["moving_variance"] + op.epsilon)
    return (inputs[0] - weights["moving_mean"]) * scale + weights["beta"]


def _layer_norm(op: LayerNorm, inputs: Inputs, weights: Weights) -> Array:
    return _normal(inputs[0], -1, op.epsilon) * weights["gamma"] + weights["beta"]


def _group_norm(op: GroupNorm, inputs: Inputs, weights: Weights) -> Array:
    (values,) = inputs
    batch, *_, channels = values.shape
    split = values.reshape(batch, -1, op.groups, channels // op.groups)
    normal = _normal(split, (1, 3), op.epsilon).reshape(values.shape)
    return normal * weights["gamma"] + weights["beta"]


def _normal(values: Array, axis: int | tuple[int, ...], epsilon: float) -> Array:
    """Mean 0 and variance 1 along `axis`."""
    centred = values - values.mean(axis, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis, keepdims=True) + epsilon)


def _rescale(op: Rescale, inputs: Inputs, _: Weights) -> Array:
    (values,) = inputs
    return values * np.asarray(op.scale, values.dtype) + np.asarray(op.offset, values.dtype)


def _standardize(_: Standardize, inputs: Inputs, weights: Weights) -> Array:
    return (inputs[0] - weights["mean"]) / np.maximum(np.sqrt(weights["variance"]), 1e-7)


def _scale(op: Scale, inputs: Inputs, weights: Weights) -> Array:
    factors = [np.repeat(array, inputs[0].shape[-1] // array.size) for array in weights.values()]
    out = inputs[0] * factors[0]
    return out + factors[1] if op.bias else out


def _pixel_norm(op: PixelNorm, inputs: Inputs, _: Weights) -> Array:
    (image,) = inputs
    if op.about == "mean":
        return image / np.sqrt(image.var(axis=-1, ddof=1, keepdims=True) + op.epsilon)
    return image / np.sqrt(np.square(image).mean(axis=-1, keepdims=True) + op.epsilon)


def _response_norm(op: ResponseNorm, inputs: Inputs, _: Weights) -> Array:
    (image,) = inputs
    response = np.sqrt(np.square(image).sum(axis=(1, 2), keepdims=True))
    return image * (response / (response.mean(axis=-1, keepdims=True) + op.epsilon))


def _channel_convolution(op: ChannelConvolution, inputs: Inputs, weights: Weights) -> Array:
    padded = np.pad(inputs[0], ((0, 0), (0, 0), (0, 0), (op.kernel // 2, op.kernel // 2)))
    return sliding_window_view(padded, op.kernel, axis=-1) @ weights["kernel"][:, 0, 0]


def _shuffle(op: Shuffle, inputs: Inputs, _: Weights) -> Array:
    (image,) = inputs
    *sides, channels = image.shape
    split = image.reshape(*sides, op.groups, channels // op.groups)
    return split.swapaxes(-2, -1).reshape(image.shape)


def _resize(op: Resize, inputs: Inputs, _: Weights) -> Array:
    height, width = op.sides(*(value.shape[1:] for value in inputs))
    resize = RESIZES[op.mode]
    return resize(resize(inputs[0], 1, height), 2, width)


def _take_nearest(image: Array, axis: int, wanted: int) -> Array:
    return image.take(nearest(image.shape[axis], wanted), axis)


def _interpolate(image: Array, axis: int, wanted: int) -> Array:
    """Linear between neighbors along an axis, at the centers of `wanted` pixels."""
    size = image.shape[axis]
    # Places are computed as all else is: runtimes round them too, and the factor, up if need be,
    # so that it makes as many pixels as are wanted.
    half, factor = image.dtype.type(0.5), image.dtype.type(wanted / size)
    if size * float(factor) < wanted:
        factor = np.nextafter(factor, image.dtype.type(np.inf))
    places = np.arange(wanted).astype(image.dtype) + half
    return _between(image, axis, np.clip(places / factor - half, 0, size - 1))


def _interpolate_corners(image: Array, axis: int, wanted: int) -> Array:
    """The same where the first and the last pixels stay what they are."""
    size = image.shape[axis]
    steps = np.arange(wanted).astype(image.dtype) * image.dtype.type(size - 1)
    return _between(image, axis, np.clip(steps / max(wanted - 1, 1), 0, size - 1))


def _between(image: Array, axis: int, place: Array) -> Array:
    """What lies at places along an axis, on lines between pixels."""
    size = image.shape[axis]
    before = np.floor(place).astype(int)
    after = np.minimum(before + 1, size - 1)
    share = (place - before).astype(image.dtype)
    share = share.reshape(-1, *[1] * (image.ndim - axis - 1))
    return image.take(before, axis) * (1 - share) + image.take(after, axis) * share


RESIZES: Mapping[str, Callable[[Array, int, int], Array]] = {
    "nearest": _take_nearest,
    "bilinear": _interpolate,
    "align_corners": _interpolate_corners,
}
"""`Resize.mode` → what it does along an axis, for so many pixels."""


def _pad(op: Pad, inputs: Inputs, _: Weights) -> Array:
    around = ((0, 0), op.rows, op.columns, (0, 0))
    return np.pad(inputs[0], around, constant_values=op.value)


def _crop(op: Crop, inputs: Inputs, _: Weights) -> Array:
    _, height, width, _ = inputs[0].shape
    (top, bottom), (left, right) = op.rows, op.columns
    return inputs[0][:, top : height - bottom, left : width - right]


def _blur(op: Blur, inputs: Inputs, _: Weights) -> Array:
    around = (op.padding, op.padding)
    mode = "reflect" if op.border == "mirror" else "constant"
    image = np.pad(inputs[0], ((0, 0), around, around, (0, 0)), mode=mode)
    windows = sliding_window_view(image, (op.size, op.size), (1, 2))
    weights = np.asarray(binomial(op.size), image.dtype)
    return np.einsum("nhwcyx,y,x->nhwc", windows[:, :: op.stride, :: op.stride], weights, weights)


def _dense(op: Dense, inputs: Inputs, weights: Weights) -> Array:
    out = inputs[0] @ weights["kernel"]
    return out + weights["bias"] if op.bias else out


def _slice(op: Slice, inputs: Inputs, _: Weights) -> Array:
    return inputs[0][..., op.start : op.stop]


def _rows(op: Rows, inputs: Inputs, _: Weights) -> Array:
    return np.concatenate([image.reshape(len(image), -1, op.size) for image in inputs], axis=1)


def _decode_boxes(op: DecodeBoxes, inputs: Inputs, _: Weights) -> Array:
    (predicted,) = inputs
    boxes = np.array(list(op.default_boxes()), predicted.dtype)
    scaled = predicted * np.array(op.variance, predicted.dtype)
    if op.order == "yxhw":
        scaled = scaled[..., [1, 0, 3, 2]]
    logs = scaled[..., 2:] if op.limit is None else np.minimum(scaled[..., 2:], op.limit)
    center = boxes[:, :2] + scaled[..., :2] * boxes[:, 2:]
    half = np.exp(logs) * boxes[:, 2:] / 2
    return np.concatenate([center - half, center + half], axis=-1)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))  # where exp overflows, 1 / infinity is right


def _hard_sigmoid(x: Array) -> Array:
    return np.clip(x + 3, 0, 6) / 6


# numpy has no erf; the C library's is exact to 1e-15, and 100 ns a value will do.
_erf = np.vectorize(erf, otypes=["float64"])


def _gelu(x: Array) -> Array:
    return x * (1 + _erf(x / sqrt(2)).astype(x.dtype)) / 2


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _activation(op: Activation, inputs: Inputs, _: Weights) -> Array:
    (x,) = inputs
    if op.function == "leaky_relu":
        return np.where(x > 0, x, x * op.slope)
    return FUNCTIONS[op.function](x)


FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "sigmoid": _sigmoid,
    "swish": lambda x: x * _sigmoid(x),
    "tanh": np.tanh,
    "gelu": _gelu,
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))),
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softmax": _softmax,
}
"""`Activation.function` → what it computes of an array with the channels last; leaky_relu, which
has a slope, is not among them."""

RULES: Mapping[type[Op], Callable[[Any, Inputs, Weights], Array]] = {
    Activation: _activation,
    Add: lambda _, inputs, __: sum(inputs[1:], start=inputs[0]),
    BatchNorm: _batch_norm,
    Blur: _blur,
    ChannelConvolution: _channel_convolution,
    Concat: lambda _, inputs, __: np.concatenate(inputs, axis=-1),
    Convolution: _convolution,
    Crop: _crop,
    DecodeBoxes: _decode_boxes,
    Dense: _dense,
    DropPath: lambda _, inputs, __: inputs[0],
    Dropout: lambda _, inputs, __: inputs[0],
    Flatten: lambda _, inputs, __: inputs[0].reshape(len(inputs[0]), prod(inputs[0].shape[1:])),
    GlobalPool: _global_pool,
    GroupNorm: _group_norm,
    LayerNorm: _layer_norm,
    Pad: _pad,
    Multiply: lambda _, inputs, __: inputs[0] * inputs[1],
    Pool: _pool,
    Rescale: _rescale,
    Resize: _resize,
    PixelNorm: _pixel_norm,
    ResponseNorm: _response_norm,
    Rows: _rows,
    Scale: _scale,
    Shuffle: _shuffle,
    Slice: _slice,
    Standardize: _standardize,
}
"""Op class → the array it makes of its inputs and weights, batch first, channels last."""
