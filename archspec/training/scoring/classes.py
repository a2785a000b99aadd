"""How often the class of a picture is found."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.records import Labelled

TOP = 5


class Top:
    """Shares of the pictures whose class is the likeliest, and among the five likeliest.

    Args:
        classes: how many there are; of fewer than five, all of them.
    """

    def __init__(self, classes: int) -> None:
        self._most = min(TOP, classes)
        self._ranks: list[int] = []

    def add(self, samples: Sequence[Labelled], outputs: NDArray[Any]) -> None:
        """Take a batch of logits (n, classes); of equal ones the first is the likelier."""
        for sample, logits in zip(samples, outputs, strict=True):
            own = logits[sample.label]
            # What is no number is beaten by all.
            beaten = (logits < own) | ((logits == own) & (np.arange(len(logits)) >= sample.label))
            self._ranks.append(int(np.sum(~beaten)))

    def result(self) -> Mapping[str, float]:
        """`top1`, and `top5`."""
        ranks, count = np.array(self._ranks), max(len(self._ranks), 1)
        return {
            f"top{most}": float(np.sum(ranks < most) / count)
            for most in dict.fromkeys((1, self._most))
        }
