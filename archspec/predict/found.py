"""What a net finds in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray


@dataclass(frozen=True)
class Boxes:
    """Boxes around things, the surest first.

    Args:
        boxes: corners x1, y1, x2, y2 in pixels of the picture.
        scores: of each, from 0 to 1.
        labels: the name of the class of each.
        classes: the number of it, from 0.
    """

    boxes: Sequence[tuple[float, float, float, float]]
    scores: Sequence[float]
    labels: Sequence[str]
    classes: Sequence[int]

    def __str__(self) -> str:
        return _listed(self.labels, self.scores) or "nothing"

    @property
    def record(self) -> list[dict[str, Any]]:
        """As plain data."""
        each = zip(self.boxes, self.scores, self.labels, strict=True)
        return [{"label": label, "score": score, "box": list(box)} for box, score, label in each]


@dataclass(frozen=True)
class Mask:
    """A class for each pixel.

    Args:
        classes: (h, w), of the picture's size.
        labels: names of all classes.
    """

    classes: NDArray[Any]
    labels: Sequence[str]

    @property
    def shares(self) -> dict[int, float]:
        """The share of the pixels of each class that has any, the largest first."""
        size = self.classes.size
        counts = [
            (number, int((self.classes == number).sum())) for number in range(len(self.labels))
        ]
        there = sorted((item for item in counts if item[1]), key=lambda item: -item[1])
        return {number: count / size for number, count in there}

    def __str__(self) -> str:
        return ", ".join(
            f"{self.labels[number]} {share:.0%}" for number, share in self.shares.items()
        )

    @property
    def record(self) -> list[dict[str, Any]]:
        """As plain data."""
        return [
            {"label": self.labels[number], "share": share} for number, share in self.shares.items()
        ]


@dataclass(frozen=True)
class Classes:
    """The likeliest classes of a picture, the likeliest first.

    Args:
        scores: of each, from 0 to 1.
        labels: the name of each.
    """

    scores: Sequence[float]
    labels: Sequence[str]

    def __str__(self) -> str:
        return _listed(self.labels, self.scores)

    @property
    def record(self) -> list[dict[str, Any]]:
        """As plain data."""
        each = zip(self.scores, self.labels, strict=True)
        return [{"label": label, "score": score} for score, label in each]


def _listed(labels: Sequence[str], scores: Sequence[float]) -> str:
    pairs = zip(labels, scores, strict=True)
    return ", ".join(f"{label} {score:.2f}" for label, score in pairs)


Found: TypeAlias = Boxes | Mask | Classes
