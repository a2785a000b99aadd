"""What the ops of `archspec.ops.attention` compute, of matrices of pixels and channels."""

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import numpy as np

from archspec.backends.reference.rules import FUNCTIONS, Array, Inputs, Weights
from archspec.ops import (
    Attention,
    ChannelAttention,
    FourierPositions,
    LinearAttention,
    Op,
    SeparableAttention,
    UnitNorm,
)

softmax = FUNCTIONS["softmax"]


def _attention(op: Attention, inputs: Inputs, _: Weights) -> Array:
    heads = op.key_heads(*(values.shape[1:] for values in inputs))
    query = _matrices(inputs[0], op.heads, op.patch)
    key, value = (_matrices(values, heads, op.patch) for values in inputs[1:])
    scores = query @ key.swapaxes(-1, -2) / sqrt(query.shape[-1])
    return _image(softmax(scores) @ value, inputs[0], op.patch)


def _separable_attention(op: SeparableAttention, inputs: Inputs, _: Weights) -> Array:
    scores, key, value = (_matrices(values, 1, op.patch) for values in inputs)
    weights = softmax(scores.swapaxes(-1, -2))
    return _image(value * (weights @ key), inputs[0], op.patch)


def _linear_attention(op: LinearAttention, inputs: Inputs, _: Weights) -> Array:
    query, key, value = np.split(_matrices(inputs[0], op.heads), 3, axis=-1)
    query, key = np.maximum(query, 0), np.maximum(key, 0)
    above = query @ (key.swapaxes(-1, -2) @ value)
    below = query @ key.sum(axis=-2)[..., np.newaxis]
    return _image(above / (below + op.epsilon), inputs[0])


def _channel_attention(op: ChannelAttention, inputs: Inputs, _: Weights) -> Array:
    query, key, value = (_matrices(values, op.heads) for values in inputs)
    weights = softmax(query.swapaxes(-1, -2) @ key)
    return _image(value @ weights.swapaxes(-1, -2), inputs[0])


def _matrices(image: Array, heads: int, patch: int = 1) -> Array:
    """(n, h, w, c) → (n, patch · patch, heads, h / patch · w / patch, c / heads)."""
    batch, height, width, channels = image.shape
    split = image.reshape(
        batch, height // patch, patch, width // patch, patch, heads, channels // heads
    )
    places, pixels = patch * patch, height * width // (patch * patch)
    turned = split.transpose(0, 2, 4, 5, 1, 3, 6)
    return turned.reshape(batch, places, heads, pixels, channels // heads)


def _image(matrices: Array, like: Array, patch: int = 1) -> Array:
    """The way back, to the height and width of `like`."""
    batch, _, heads, _, channels = matrices.shape
    height, width = like.shape[1:3]
    split = matrices.reshape(batch, patch, patch, heads, height // patch, width // patch, channels)
    return split.transpose(0, 4, 1, 5, 2, 3, 6).reshape(batch, height, width, heads * channels)


def _unit_norm(_: UnitNorm, inputs: Inputs, __: Weights) -> Array:
    (values,) = inputs
    norms = np.sqrt(np.square(values).sum(axis=(1, 2), keepdims=True))
    return values / np.maximum(norms, 1e-12)


def _fourier_positions(op: FourierPositions, inputs: Inputs, _: Weights) -> Array:
    batch, height, width = inputs[0].shape[:3]
    rows, columns = (np.asarray(op.waves(size), inputs[0].dtype) for size in (height, width))
    shape = (batch, height, width, rows.shape[-1])
    parts = [np.broadcast_to(rows[:, np.newaxis], shape), np.broadcast_to(columns, shape)]
    return np.concatenate(parts, axis=-1)


RULES: Mapping[type[Op], Callable[[Any, Inputs, Weights], Array]] = {
    Attention: _attention,
    ChannelAttention: _channel_attention,
    FourierPositions: _fourier_positions,
    LinearAttention: _linear_attention,
    SeparableAttention: _separable_attention,
    UnitNorm: _unit_norm,
}
"""Op class → the array it makes of its inputs and weights, batch first, channels last."""
