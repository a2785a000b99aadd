"""How far masks are those that were wanted."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.pictures import nearest
from archspec.training.data import load_mask
from archspec.training.data.masks import IGNORED
from archspec.training.data.records import Masked

Logits: TypeAlias = NDArray[Any] | Mapping[str, NDArray[Any]]


class MeanIoU:
    """Intersection over union of each class, over all pixels of all pictures, and the mean of it.

    Of classes that neither stand in a mask nor are found there is none.

    Args:
        classes: how many there are.
    """

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._counts = np.zeros((classes, classes), np.int64)

    def add(self, samples: Sequence[Masked], outputs: Logits) -> None:
        """Take a batch of logits (n, h, w, classes), or the output `output` of a dict.

        They are looked at with the size of the masks, each pixel as the nearest of theirs.
        """
        logits = outputs["output"] if isinstance(outputs, Mapping) else outputs
        for sample, found in zip(samples, np.asarray(logits).argmax(axis=-1), strict=True):
            wanted = load_mask(sample)
            self.count(wanted, nearest(found, wanted.shape))

    def count(self, wanted: NDArray[Any], found: NDArray[Any]) -> None:
        """Take the classes of pixels (h, w)."""
        counted = wanted != IGNORED
        pairs = wanted[counted].astype(np.int64) * self._classes + found[counted]
        self._counts += np.bincount(pairs, minlength=self._classes**2).reshape(self._counts.shape)

    def result(self) -> Mapping[str, float]:
        """The mean, and the share of pixels that are right."""
        right: NDArray[Any] = np.diag(self._counts)
        either: NDArray[Any] = self._counts.sum(axis=0) + self._counts.sum(axis=1) - right
        there = either > 0
        mean = float(np.mean(right[there] / either[there])) if there.any() else 0.0
        return {"miou": mean, "pixels": float(right.sum() / max(self._counts.sum(), 1))}
