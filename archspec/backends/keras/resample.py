"""The ops that resample an image, in Keras."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from archspec import ops
from archspec.backends.keras.steps import Common, Layer, Tensor, operation, part
from archspec.ops import Shape

# Keras has no types of its own.
layers: Any = keras.layers
operations: Any = keras.ops


def resize(op: ops.Resize, shape: Shape, common: Common) -> Sequence[Layer]:
    """Keras's layer for whole factors, operations for others.

    `layers.Resizing` would do both, but it puts all layers after it into training mode where a
    model is called without `training`; and its nearest pixel is another where factors are not
    whole.
    """

    def apply(values: Sequence[Tensor]) -> Tensor:
        image, *like = values
        height, width = op.sides(shape, *(value.shape[1:] for value in like))
        if op.mode == "align_corners":
            named = partial(part, common)
            rows = _between(image, 1, (shape[0], height), lambda part: named(f"rows_{part}"))
            image = layers.Add(**named("rows"))(rows)
            return layers.Add(**common)(_between(image, 2, (shape[1], width), named))
        if not (height % shape[0] or width % shape[1]):
            factors = (height // shape[0], width // shape[1])
            return layers.UpSampling2D(factors, interpolation=op.mode, **common)(image)
        if op.mode == "bilinear":
            mix = partial(operations.image.resize, size=(height, width), interpolation="bilinear")
            return operation(mix, common)(image)
        rows = partial(operations.take, indices=ops.nearest(shape[0], height), axis=1)
        columns = partial(operations.take, indices=ops.nearest(shape[1], width), axis=2)
        image = operation(rows, part(common, "rows"))(image)
        return operation(columns, common)(image)

    return [apply]


def _between(
    image: Tensor, axis: int, sizes: tuple[int, int], named: Callable[[str], Common]
) -> Sequence[Tensor]:
    """The two pixels that each lies between along an axis, if corners stay, times their shares."""
    size, wanted = sizes
    places = np.arange(wanted) * (size - 1) / max(wanted - 1, 1)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, size - 1)
    terms: list[Tensor] = []
    for name, pixels, share in (
        ("before", before, 1 - (places - before)),
        ("after", after, places - before),
    ):
        take = partial(operations.take, indices=pixels.tolist(), axis=axis)
        taken = operation(take, named(name))(image)
        scale = share.reshape(-1, *[1] * (3 - axis))
        terms.append(layers.Rescaling(scale, **named(f"{name}_share"))(taken))
    return terms


def pad(op: ops.Pad, _: Shape, common: Common) -> Sequence[Layer]:
    """Keras's layer for zeros, an operation for other values."""
    if not op.value:
        return [layers.ZeroPadding2D((op.rows, op.columns), **common)]
    width = ((0, 0), op.rows, op.columns, (0, 0))
    return [operation(partial(operations.pad, pad_width=width, constant_values=op.value), common)]


def blur(op: ops.Blur, _: Shape, common: Common) -> Sequence[Layer]:
    """Means of 2x2 pixels one after the other: each makes a binomial filter one pixel larger."""
    around = (op.padding, op.padding)
    mode = "reflect" if op.border == "mirror" else "constant"
    pad = partial(operations.pad, pad_width=((0, 0), around, around, (0, 0)), mode=mode)
    means = [
        layers.AveragePooling2D(2, 1, **part(common, f"mean{number}"))
        for number in range(1, op.size - 1)
    ]
    border = [operation(pad, part(common, "pad"))] if op.padding else []
    return [*border, *means, layers.AveragePooling2D(2, op.stride, **common)]
