"""The ops of detectors in Keras: boxes of what is predicted about default ones."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import getitem
from typing import Any

import keras
import numpy as np

from archspec import ops
from archspec.backends.keras.attention import Steps
from archspec.backends.keras.steps import Common, Layer, Tensor, operation
from archspec.ops import Op, Shape

# Keras has no types of its own.
layers: Any = keras.layers
do: Any = keras.ops


def _decode_boxes(op: ops.DecodeBoxes, _: Shape, common: Common) -> Sequence[Layer]:
    """Centers and sizes apart, in the order of the predictions; corners in that order too."""
    boxes = np.array(list(op.default_boxes()))
    centers, sides = boxes[:, :2], boxes[:, 2:]
    if op.order == "yxhw":
        centers, sides = centers[:, ::-1], sides[:, ::-1]

    def apply(value: Tensor) -> Tensor:
        step = Steps(common)
        near = step(getitem, value, (..., slice(None, 2)))
        near = step.rescaled(near, sides * op.variance[:2], centers)
        log = step(getitem, value, (..., slice(2, None)))
        log = step.rescaled(log, np.array(op.variance[2:]))
        if op.limit is not None:
            log = step(do.minimum, log, op.limit)
        half = step.rescaled(step(do.exp, log), sides / 2)
        low, high = step(do.subtract, near, half), step(do.add, near, half)
        if op.order == "xywh":
            return layers.Concatenate(axis=-1, **common)([low, high])
        joined = layers.Concatenate(axis=-1, **step.named("concatenate"))([low, high])
        return operation(partial(do.take, indices=[1, 0, 3, 2], axis=-1), common)(joined)

    return [apply]


RULES: Mapping[type[Op], Callable[[Any, Shape, Common], Sequence[Layer]]] = {
    ops.DecodeBoxes: _decode_boxes,
}
"""As `rules.RULES`, which these are part of."""
