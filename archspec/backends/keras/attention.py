"""The ops of `archspec.ops.attention` in Keras, by its operations.

Its attention layers hold the projections too, which are nodes of their own here.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from operator import getitem
from typing import Any

import keras
import numpy as np

from archspec import ops
from archspec.backends.keras.steps import Common, Layer, Tensor, operation, part
from archspec.ops import Op, Shape

# Keras has no types of its own.
layers: Any = keras.layers
do: Any = keras.ops


class Steps:
    """Applies operations one after the other, the last one named as the node.

    Args:
        common: what every layer of the node is told.
    """

    def __init__(self, common: Common) -> None:
        self.common = common
        self.number = 0

    def __call__(self, function: Callable[..., Tensor], *values: Any, **settings: Any) -> Tensor:  # noqa: ANN401  Keras's
        """What a function of `keras.ops` makes of tensors; `node.function3` is its name."""
        common = self.named(function.__name__)
        return operation(lambda given: function(*given, **settings), common)(values)

    def named(self, what: str) -> Common:
        """What the next layer is told."""
        self.number += 1
        return part(self.common, f"{what}{self.number}")

    def rescaled(self, value: Tensor, scale: Any = 1.0, offset: Any = 0.0) -> Tensor:  # noqa: ANN401  numbers
        """By a layer, which casts constants to the type that it computes in, and to no other."""
        return layers.Rescaling(np.float64(scale), np.float64(offset), **self.named("rescale"))(
            value
        )

    def matrices(self, image: Tensor, heads: int, width: int, patch: int = 1) -> Tensor:
        """(n, h, w, c) → (n, places · heads, rows, width): a row for each pixel of a place.

        Where the width is less than c / heads, that makes several rows of a pixel.
        """
        height, wide, channels = image.shape[1:]
        rows = height * wide // patch**2 * (channels // heads // width)
        if heads * patch > 1:
            image = self(do.reshape, image, _split(image.shape[1:], heads, patch))
            image = self(do.transpose, image, _turns(patch)[0])
        return self(do.reshape, image, (-1, patch * patch * heads, rows, width))

    def image(self, matrices: Tensor, like: Tensor, heads: int, patch: int = 1) -> Tensor:
        """The way back from `matrices`, to the height and width of `like`."""
        height, wide = like.shape[1:3]
        shape = (height, wide, prod(matrices.shape[1:]) // (height * wide))
        if heads * patch > 1:
            split = _split(shape, heads, patch)
            there, back = _turns(patch)
            matrices = self(do.reshape, matrices, tuple(split[place] for place in there))
            matrices = self(do.transpose, matrices, back)
        return operation(partial(do.reshape, newshape=(-1, *shape)), self.common)(matrices)

    def turned(self, matrices: Tensor) -> Tensor:
        """Each matrix with rows for columns."""
        return self(do.transpose, matrices, (0, 1, 3, 2))


def _split(image: Shape, heads: int, patch: int) -> Shape:
    """Axes of an image cut at heads and patches, of rank 6 at most: phones turn no more."""
    height, width, channels = image
    if patch == 1:
        return -1, height * width, heads, channels // heads
    return -1, height // patch, patch, width // patch, patch * heads, channels // heads


def _turns(patch: int) -> tuple[Shape, Shape]:
    """From these axes to those of matrices, and back."""
    if patch == 1:
        return (0, 2, 1, 3), (0, 2, 1, 3)
    return (0, 2, 4, 1, 3, 5), (0, 3, 1, 4, 2, 5)


def _attention(op: ops.Attention, inputs: Sequence[Tensor], step: Steps) -> Tensor:
    heads = op.key_heads(*(tensor.shape[1:] for tensor in inputs))
    width = inputs[0].shape[3] // op.heads
    query, key = (step.matrices(tensor, heads, width, op.patch) for tensor in inputs[:2])
    value = step.matrices(inputs[2], heads, inputs[2].shape[3] // heads, op.patch)
    scores = step(do.matmul, step.rescaled(query, width**-0.5), step.turned(key))
    mean = step(do.matmul, step(do.softmax, scores), value)
    return step.image(mean, inputs[0], heads, op.patch)


def _separable_attention(
    op: ops.SeparableAttention, inputs: Sequence[Tensor], step: Steps
) -> Tensor:
    scores, key, value = (step.matrices(tensor, 1, tensor.shape[3], op.patch) for tensor in inputs)
    weights = step(do.softmax, step.turned(scores))
    context = step(do.multiply, value, step(do.matmul, weights, key))
    return step.image(context, inputs[1], 1, op.patch)


def _linear_attention(op: ops.LinearAttention, image: Tensor, step: Steps) -> Tensor:
    width = image.shape[3] // op.heads // 3
    matrices = step.matrices(image, op.heads, 3 * width)
    query, key, value = (
        step(getitem, matrices, (..., slice(start, start + width)))
        for start in range(0, 3 * width, width)
    )
    query, key = step(do.relu, query), step(do.relu, key)
    # A column of ones makes the sums of the denominator in the same two products.
    value = step(do.pad, value, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=1)
    both = step(do.matmul, query, step(do.matmul, step.turned(key), value))
    above = step(getitem, both, (..., slice(width)))
    below = step.rescaled(step(getitem, both, (..., slice(width, None))), offset=op.epsilon)
    return step.image(step(do.divide, above, below), image, op.heads)


def _channel_attention(op: ops.ChannelAttention, inputs: Sequence[Tensor], step: Steps) -> Tensor:
    width = inputs[0].shape[3] // op.heads
    query, key, value = (step.matrices(tensor, op.heads, width) for tensor in inputs)
    weights = step(do.softmax, step(do.matmul, step.turned(query), key))
    mean = step(do.matmul, value, step.turned(weights))
    return step.image(mean, inputs[0], op.heads)


def _fourier_positions(op: ops.FourierPositions, image: Tensor, step: Steps) -> Tensor:
    """As zero times a channel of the image plus constants, which have as many images."""
    height, width = image.shape[1:3]
    first = step(getitem, image, (..., slice(1)))
    several = step(do.repeat, first, 2 * op.frequencies, axis=-1)
    rows = np.array(op.waves(height))[:, np.newaxis].tolist()
    columns = [op.waves(width)]
    parts = [step.rescaled(several, 0.0, waves) for waves in (rows, columns)]
    return layers.Concatenate(**step.common)(parts)


APPLY: Mapping[type[Op], Callable[[Any, Any, Steps], Tensor]] = {
    ops.Attention: _attention,
    ops.ChannelAttention: _channel_attention,
    ops.FourierPositions: _fourier_positions,
    ops.LinearAttention: _linear_attention,
    ops.SeparableAttention: _separable_attention,
}


def _rule(op: Op, _: Shape, common: Common) -> Sequence[Layer]:
    return [lambda value: APPLY[type(op)](op, value, Steps(common))]


RULES: Mapping[type[Op], Callable[[Any, Shape, Common], Sequence[Layer]]] = {
    **dict.fromkeys(APPLY, _rule),
    ops.UnitNorm: lambda _, __, common: [layers.UnitNormalization(axis=(1, 2), **common)],
}
"""Op class → the layers that do it, the last one named as the node."""
