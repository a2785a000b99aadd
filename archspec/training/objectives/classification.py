"""One class for a picture: softmax cross-entropy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from archspec.graph import Graph
from archspec.training.engine import tf
from archspec.training.objectives import Scores, Tensor


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
        from archspec.training.scoring import Top  # noqa: PLC0415

        return Top(self.classes)
