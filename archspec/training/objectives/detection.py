"""Boxes and their classes: each default box is given to a thing, or to nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from archspec.backends import reference
from archspec.graph import Graph
from archspec.ops import Activation, DecodeBoxes, Suppression
from archspec.recipe import Loss
from archspec.training.engine import tf
from archspec.training.objectives import Scores, Tensor, Tensors

Array = NDArray[Any]

OVERLAP = 0.5
"""Intersection over union from which on a default box is given to a thing."""
PRIOR = 0.01
"""What focal loss lets scores start at (Lin et al. 2017, arXiv:1708.02002, section 3.3)."""
LEAST = 1e-3
"""Scores over it count for the mean precision."""
_CLASS_BIAS = ".classes.conv/bias"
DELTAS, LOGITS = "box_deltas", "class_logits"


@dataclass(frozen=True)
class Detection:
    """See `Objective`.

    A default box is given to the thing that it overlaps most, if that is at least by half; and each
    thing gets the one that overlaps it most, of which it shares none: the first thing has it. What
    overlaps an ignored thing, and no other, does not count.

    Args:
        decoder: with the default boxes.
        classes: how many there are, without the background.
        background: whether the first column is that.
        score: what makes scores of logits.
        weights: of the loss.
        suppression: of what is found, for the scores of an epoch.
    """

    best: ClassVar[str] = "AP50"

    decoder: DecodeBoxes
    classes: int
    background: bool
    score: Literal["sigmoid", "softmax"]
    weights: Loss
    suppression: Suppression

    @cached_property
    def _boxes(self) -> Array:
        """The default boxes: center x, y, width, height."""
        return np.array(list(self.decoder.default_boxes()), np.float32)

    @property
    def focal(self) -> bool:
        """Whether the loss of classes is focal."""
        said = self.weights.detection
        return self.score == "sigmoid" if said == "auto" else said == "focal"

    def targets(self, sample: Mapping[str, Tensor]) -> Tensors:
        """For each default box the column of its class, and what is to be predicted of it.

        The column is 0 for nothing, -1 for what does not count.
        """
        boxes, ignored = sample["boxes"], sample["ignored"]
        # A thing of no size stands where there are none, and is given nothing.
        nothing = tf.zeros((1, 4))
        things = tf.concat([nothing, tf.boolean_mask(boxes, ~ignored)], 0)
        labels = tf.boolean_mask(sample["labels"], ~ignored)
        labels = tf.concat([[tf.constant(0, labels.dtype)], labels], 0)
        given = self._given(self._overlaps(things))
        aside = self._overlaps(tf.concat([nothing, tf.boolean_mask(boxes, ignored)], 0))
        hidden = tf.reduce_max(aside, 0) >= OVERLAP
        columns = tf.gather(tf.cast(labels, tf.int32), given) + 1
        empty = tf.where(hidden, -1, 0)
        return {
            LOGITS: tf.where(given > 0, columns, empty),
            DELTAS: self._encoded(tf.gather(things, given)),
        }

    def _overlaps(self, things: Tensor) -> Tensor:
        """Intersection over union of (n, 4) things and b default boxes, (n, b)."""
        center, size = self._boxes[:, :2], self._boxes[:, 2:]
        low, high = center - size / 2, center + size / 2
        sides = tf.minimum(things[:, None, 2:], high) - tf.maximum(things[:, None, :2], low)
        both = tf.reduce_prod(tf.maximum(sides, 0.0), -1)
        areas = tf.reduce_prod(things[:, 2:] - things[:, :2], -1)[:, None] + size.prod(-1)
        return both / tf.maximum(areas - both, 1e-9)

    def _given(self, overlaps: Tensor) -> Tensor:
        """For each default box the number of its thing, 0 for none."""
        most = tf.argmax(overlaps, 0, tf.int32)
        given = tf.where(tf.reduce_max(overlaps, 0) >= OVERLAP, most, 0)
        count, own = tf.shape(overlaps)[0], tf.argmax(overlaps, 1, tf.int32)
        numbers = tf.range(count)
        wanted = (numbers > 0) & (tf.reduce_max(overlaps, 1) > 0)
        # The first of several things has it: of those that are left the highest of count - number.
        forced = tf.tensor_scatter_nd_max(
            tf.zeros_like(given), own[:, None], tf.where(wanted, count - numbers, 0)
        )
        return tf.where(forced > 0, count - forced, given)

    def _encoded(self, things: Tensor) -> Tensor:
        """What is to be predicted for each default box to become its thing."""
        center, size = self._boxes[:, :2], self._boxes[:, 2:]
        sides = tf.maximum(things[:, 2:] - things[:, :2], 1e-6)
        moved = ((things[:, :2] + things[:, 2:]) / 2 - center) / size
        found = tf.concat([moved, tf.math.log(sides / size)], -1)
        if self.decoder.order == "yxhw":
            found = tf.gather(found, [1, 0, 3, 2], axis=-1)
        return found / np.array(self.decoder.variance, np.float32)

    def loss(self, targets: Tensors, outputs: Tensors) -> tuple[Tensor, Tensor]:
        """The sum over the default boxes that count, and the number of those with a thing.

        Smooth L1 of the coordinates, and of the classes focal loss of sigmoids or cross-entropy of
        the softmax with the worst of the boxes of nothing (arXiv:1512.02325, section 2.2).
        """
        columns = targets[LOGITS]
        logits, deltas = (tf.cast(outputs[name], tf.float32) for name in (LOGITS, DELTAS))
        things = tf.cast(columns > 0, tf.float32)
        away = tf.abs(deltas - targets[DELTAS])
        bent = tf.reduce_sum(tf.where(away < 1, away**2 / 2, away - 0.5), -1)
        total = tf.reduce_sum(bent * things) / self.weights.localization
        total += self._focal(columns, logits) if self.focal else self._mined(columns, logits)
        return total, tf.reduce_sum(things)

    def _focal(self, columns: Tensor, logits: Tensor) -> Tensor:
        """Lin et al. 2017, arXiv:1708.02002, equation 5; nothing is of no class."""
        said = tf.one_hot(columns - 1, self.classes)
        logits = logits[..., int(self.background) :]
        each = tf.nn.sigmoid_cross_entropy_with_logits(said, logits)
        found = tf.sigmoid(logits)
        wrong = tf.where(said > 0, 1 - found, found)
        weight = tf.where(said > 0, self.weights.alpha, 1 - self.weights.alpha)
        counted = tf.cast(columns >= 0, tf.float32)[..., None]
        return tf.reduce_sum(counted * weight * wrong**self.weights.gamma * each)

    def _mined(self, columns: Tensor, logits: Tensor) -> Tensor:
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(columns, 0), logits)
        things, nothing = columns > 0, tf.equal(columns, 0)
        if self.weights.mining is not None:
            wrong = tf.where(nothing, tf.stop_gradient(each), -1.0)
            rank = tf.argsort(tf.argsort(wrong, direction="DESCENDING", stable=True), stable=True)
            count = tf.reduce_sum(tf.cast(things, tf.float32), 1, keepdims=True)
            nothing &= tf.cast(rank, tf.float32) < self.weights.mining * count
        return tf.reduce_sum(tf.where(things | nothing, each, 0.0))

    def first(self, graph: Graph) -> Mapping[str, Array]:
        """Weights that a net starts from where it has none: for focal loss all scores are low."""
        low = -log((1 - PRIOR) / PRIOR)
        biases = {key: weight for key, weight in graph.weights.items() if key.endswith(_CLASS_BIAS)}
        return {key: np.full(weight.shape, low) for key, weight in biases.items() if self.focal}

    def scores(self) -> Scores:
        """Mean precision, as COCO counts it."""
        return _Precision(self)


class _Precision:
    def __init__(self, objective: Detection) -> None:
        from archspec.training.scoring import Detections  # noqa: PLC0415

        self._objective = objective
        self._found = Detections()

    def add(self, samples: Sequence[Any], outputs: Any) -> None:  # noqa: ANN401
        one = self._objective
        boxes = reference.RULES[DecodeBoxes](one.decoder, [outputs[DELTAS]], {})
        rule = reference.RULES[Activation]
        found = rule(Activation(one.score), [outputs[LOGITS]], {})[..., int(one.background) :]
        limits = one.suppression
        kept = tf.image.combined_non_max_suppression(
            np.asarray(boxes, np.float32)[:, :, None, [1, 0, 3, 2]],
            np.asarray(found, np.float32),
            limits.per_class,
            limits.total,
            limits.iou,
            LEAST,
        )
        for number, sample in enumerate(samples):
            count = int(kept.valid_detections[number])
            picture = sample.picture
            pixels = np.array([picture.width, picture.height] * 2)
            self._found.add(
                sample,
                kept.nmsed_boxes[number, :count].numpy()[:, [1, 0, 3, 2]] * pixels,
                kept.nmsed_scores[number, :count].numpy(),
                kept.nmsed_classes[number, :count].numpy().astype(int),
            )

    def result(self) -> Mapping[str, float]:
        return self._found.result()
