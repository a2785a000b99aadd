"""What suppression of boxes, and picking what stays, computes, in plain numpy: batch first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.ops import (
    CountPicks,
    Op,
    PickBoxes,
    PickClasses,
    PickScores,
    Suppress,
    Suppression,
)

Array: TypeAlias = NDArray[Any]
Inputs: TypeAlias = Sequence[Array]
Weights: TypeAlias = Mapping[str, Array]


def _suppress(op: Suppress, inputs: Inputs, _: Weights) -> Array:
    picks = [_picked(op.suppression, *image) for image in zip(*inputs, strict=True)]
    return np.stack(picks) if picks else np.zeros((0, op.suppression.total, 2), np.int64)


def _picked(limits: Suppression, boxes: Array, scores: Array) -> Array:
    """Box and class of what stays in one image, (total, 2)."""
    kept = [_kept(limits, boxes, column) for column in scores.T]
    box = np.concatenate(kept)
    classes = np.repeat(np.arange(len(kept)), list(map(len, kept)))
    best = np.lexsort((box, classes, -scores[box, classes]))[: limits.total]
    picks = np.full((limits.total, 2), -1, np.int64)
    picks[: len(best)] = np.stack([box, classes], axis=-1)[best]
    return picks


def _kept(limits: Suppression, boxes: Array, scores: Array) -> Array:
    """The boxes of one class that stay, in order of falling score."""
    places = np.flatnonzero(scores > scores.dtype.type(limits.score))
    left = places[np.argsort(-scores[places], kind="stable")][: limits.candidates]
    kept = list[int]()
    while len(left) and len(kept) < limits.per_class:
        first, left = left[0], left[1:]
        kept.append(first)
        left = left[~(overlaps(boxes[first], boxes[left]) > boxes.dtype.type(limits.iou))]
    return np.array(kept, np.int64)


def overlaps(box: Array, boxes: Array) -> Array:
    """Intersection over union of one box with each of others (n, 4); 0 where one has no area.

    Boxes are two opposite corners, whichever these are.
    """
    (low, high), (lows, highs) = _corners(box), _corners(boxes)
    sides = np.minimum(high, highs) - np.maximum(low, lows)
    shared = sides[..., 0] * sides[..., 1]
    area, areas = (np.prod(there - here, axis=-1) for here, there in ((low, high), (lows, highs)))
    union = area + areas - shared
    is_there = (sides > 0).all(axis=-1) & (shared > 0) & (area > 0) & (areas > 0) & (union > 0)
    return np.divide(shared, union, out=np.zeros_like(shared), where=is_there)


def _corners(boxes: Array) -> tuple[Array, Array]:
    one, other = boxes[..., :2], boxes[..., 2:]
    return np.minimum(one, other), np.maximum(one, other)


def _pick_boxes(op: PickBoxes, inputs: Inputs, _: Weights) -> Array:
    boxes, picks = inputs
    picked = np.take_along_axis(boxes, picks[..., :1], axis=1).clip(0, 1)
    if op.order == "yxyx":
        picked = picked[..., [1, 0, 3, 2]]
    return np.where(picks[..., :1] >= 0, picked, picked.dtype.type(0))


def _pick_scores(_: PickScores, inputs: Inputs, __: Weights) -> Array:
    scores, picks = inputs
    images = np.arange(len(scores))[:, np.newaxis]
    picked = scores[images, picks[..., 0], picks[..., 1]]
    return np.where(picks[..., 0] >= 0, picked, picked.dtype.type(0))


def _pick_classes(op: PickClasses, inputs: Inputs, _: Weights) -> Array:
    classes = inputs[0][..., 1]
    numbers = np.where(classes >= 0, classes + op.first, 0)
    return numbers.astype(np.float32 if op.as_floats else np.int32)


def _count_picks(op: CountPicks, inputs: Inputs, _: Weights) -> Array:
    count = (inputs[0][..., 0] >= 0).sum(axis=-1)
    return count.astype(np.float32 if op.as_floats else np.int32)


RULES: Mapping[type[Op], Callable[[Any, Inputs, Weights], Array]] = {
    CountPicks: _count_picks,
    PickBoxes: _pick_boxes,
    PickClasses: _pick_classes,
    PickScores: _pick_scores,
    Suppress: _suppress,
}
"""As the table of nets: op class → the array it makes of its inputs."""
