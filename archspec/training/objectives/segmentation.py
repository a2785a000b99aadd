"""A class for each pixel: softmax cross-entropy, and Dice if wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from archspec.graph import Graph
from archspec.recipe import Loss
from archspec.training.engine import tf
from archspec.training.objectives import Scores, Tensor, Tensors

IGNORED = 255
"""The label of a pixel that does not count."""
AUX = "aux"
"""The output of a head that only trains."""


@dataclass(frozen=True)
class Segmentation:
    """See `Objective`.

    Args:
        classes: how many there are.
        weights: of Dice and of the output `aux`.
    """

    best: ClassVar[str] = "miou"

    classes: int
    weights: Loss

    def first(self, graph: Graph) -> Mapping[str, Any]:
        """None."""
        del graph
        return {}

    def targets(self, sample: Mapping[str, Tensor]) -> Tensor:
        """The class of each pixel, (h, w)."""
        return sample["mask"]

    def loss(self, targets: Tensor, outputs: Tensors) -> tuple[Tensor, Tensor]:
        """The sum over all pixels that count, and their number."""
        several = isinstance(outputs, dict)
        heads = cast("Mapping[str, Tensor]", outputs) if several else {"output": outputs}
        counted = tf.not_equal(targets, IGNORED)
        number = tf.reduce_sum(tf.cast(counted, tf.float32))
        total = 0.0
        for name, logits in heads.items():
            weight = self.weights.aux if name == AUX else 1.0
            total += weight * self._of_head(targets, counted, tf.cast(logits, tf.float32))
        return total, number

    def _of_head(self, targets: Tensor, counted: Tensor, logits: Tensor) -> Tensor:
        """The loss of one output, summed over the pixels that count."""
        labels = tf.where(counted, targets, 0)
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        shown = tf.cast(counted, tf.float32)
        total = tf.reduce_sum(each * shown)
        if not self.weights.dice:
            return total
        return total + self.weights.dice * self._dice(labels, shown, tf.nn.softmax(logits))

    def _dice(self, labels: Tensor, shown: Tensor, found: Tensor) -> Tensor:
        """1 - Dice of the classes that a picture holds, as often as it has pixels that count."""
        there = tf.one_hot(labels, self.classes) * shown[..., None]
        both = tf.reduce_sum(there * found, (1, 2))
        areas = tf.reduce_sum(there + found * shown[..., None], (1, 2))
        held = tf.cast(tf.reduce_any(there > 0, (1, 2)), tf.float32)
        dice = tf.reduce_sum(held * tf.math.divide_no_nan(2 * both, areas), 1)
        mean = tf.math.divide_no_nan(dice, tf.reduce_sum(held, 1))
        return tf.reduce_sum((1 - mean) * tf.reduce_sum(shown, (1, 2)))

    def scores(self) -> Scores:
        """Intersection over union, the mean over the classes."""
        from archspec.training.scoring import MeanIoU  # noqa: PLC0415

        return MeanIoU(self.classes)
