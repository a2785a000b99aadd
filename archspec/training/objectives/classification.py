"""One class for a picture: softmax cross-entropy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from archspec.graph import Graph
from archspec.training.engine import tf
from archspec.training.objectives import Scores, Tensor

TOP = 5


@dataclass(frozen=True)
class Classification:
    """See `Objective`.

    Args:
        classes: how many there are.
        smoothing: share of certainty that all classes share out (arXiv:1512.00567, section 7).
    """

    best: ClassVar[str] = "top1"

    classes: int
    smoothing: float

    def first(self, graph: Graph) -> Mapping[str, Any]:
        """None."""
        del graph
        return {}

    def targets(self, sample: Mapping[str, Tensor]) -> Tensor:
        """The probability of each class."""
        certain = tf.one_hot(sample["label"], self.classes)
        return certain * (1 - self.smoothing) + self.smoothing / self.classes

    def loss(self, targets: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of cross-entropies, and the number of pictures."""
        logits = tf.cast(outputs, tf.float32)
        each = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
        return tf.reduce_sum(each), tf.cast(tf.shape(logits)[0], tf.float32)

    def scores(self) -> Scores:
        """Shares of the pictures whose class is the likeliest, or among the five likeliest."""
        return _Top(min(TOP, self.classes))


class _Top:
    def __init__(self, most: int) -> None:
        self._most = most
        self._right = np.zeros(2)
        self._seen = 0

    def add(self, samples: Sequence[Any], outputs: Any) -> None:  # noqa: ANN401
        labels = np.array([sample.label for sample in samples])
        own = np.take_along_axis(outputs, labels[:, None], axis=1)
        # Among equals the first; a class that is no number is never right.
        before = np.arange(outputs.shape[1]) < labels[:, None]
        above = ~(outputs <= own) | ((outputs == own) & before)
        rank = above.sum(axis=1)
        self._right += [(rank < 1).sum(), (rank < self._most).sum()]
        self._seen += len(labels)

    def result(self) -> Mapping[str, float]:
        top1, more = self._right / max(self._seen, 1)
        return {"top1": float(top1), f"top{self._most}": float(more)}
