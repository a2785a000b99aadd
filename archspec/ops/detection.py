"""Ops of detectors: predictions as rows, boxes from these, and which of the boxes stay."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple, TypeAlias

from archspec.ops.op import Op, Shape, ShapeError

Order: TypeAlias = Literal["yxhw", "xywh"]
"""Of the four numbers of a box: center, then height and width, or x before y."""

MAX_BOXES = 1 << 20
"""Default boxes of a detector; those of large images are tens of thousands."""


@dataclass(frozen=True, slots=True)
class Rows(Op):
    """Images (h, w, c), (h', w', c'), … → (Σ h · w · c / size, size).

    The numbers in order, `size` in a row: row by row of an image, pixel by pixel, channel by
    channel, image after image.
    """

    size: int

    def infer(self, *inputs: Shape) -> Shape:
        rows = 0
        for height, width, channels in inputs:
            if channels % self.size:
                raise ShapeError(f"{channels} channels are no whole number of {self.size}")
            rows += height * width * channels // self.size
        return rows, self.size


class Level(NamedTuple):
    """Default boxes of one feature map.

    Args:
        grid: height and width of the map, in pixels of it; each is the center of boxes.
        sizes: height and width of each pixel's boxes, as shares of the image's.
    """

    grid: tuple[int, int]
    sizes: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class DecodeBoxes(Op):
    """(b, 4), what is predicted about b default boxes → (b, 4), boxes x1, y1, x2, y2.

    With t the prediction · variance, and a default box of center x, y and size w, h, all as shares
    of the image: the box has center x + tx · w, y + ty · h and size w · exp(tw), h · exp(th). It
    may reach out of the image.

    Source: Ren et al. 2015, arXiv:1506.01497, equation 2; Liu et al. 2015, arXiv:1512.02325.

    Args:
        levels: default boxes, in the order of the rows: level, y, x, size.
        order: of the four numbers of a prediction.
        variance: factors on the four, in that order.
        limit: the most that tw and th may be; None: whatever they are.
    """

    levels: tuple[Level, ...]
    order: Order = "yxhw"
    variance: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    limit: float | None = None

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if shape != (self.count, 4):
            raise ShapeError(f"{self.count} default boxes need as many rows of 4, not {shape}")
        return shape

    @property
    def count(self) -> int:
        """How many default boxes there are."""
        return sum(level.grid[0] * level.grid[1] * len(level.sizes) for level in self.levels)

    def default_boxes(self) -> Iterator[tuple[float, float, float, float]]:
        """Center x, y and width, height of each, as shares of the image's."""
        for (rows, columns), sizes in self.levels:
            for row in range(rows):
                for column in range(columns):
                    for height, width in sizes:
                        yield (column + 0.5) / columns, (row + 0.5) / rows, width, height


@dataclass(frozen=True, slots=True)
class Suppression:
    """Which of many boxes about the same things stay.

    Class by class, the boxes whose score is over `score` are taken in order of falling score, of
    equal scores the first; one stays if its overlap with none that stays is over `iou`. Overlap is
    intersection over union; boxes of no area have none. Of what stays, in all classes, the best
    are taken, of equal scores the first class and of it the first box.

    Args:
        score: what a score must be over, from 0 to 1.
        iou: what the overlap of two boxes of a class may be.
        per_class: how many boxes of a class stay at most.
        total: how many stay at most.
        candidates: how many of each class, the best, are looked at; None: all.
    """

    score: float = 0.05
    iou: float = 0.6
    per_class: int = 100
    total: int = 100
    candidates: int | None = None

    def __str__(self) -> str:
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return " ".join(f"{name}={value:g}" for name, value in said.items())


@dataclass(frozen=True, slots=True)
class Suppress(Op):
    """Boxes (b, 4) and scores (b, classes) → (total, 2): box and class of each that stays.

    In order of falling score; -1, -1 where there are no more. Boxes are two opposite corners.
    """

    suppression: Suppression = Suppression()

    def infer(self, *inputs: Shape) -> Shape:
        boxes, scores = inputs
        if len(scores) != 2 or boxes != (scores[0], 4):  # noqa: PLR2004  boxes and classes
            raise ShapeError(f"boxes {list(boxes)} do not go with scores {list(scores)}")
        return self.suppression.total, 2

    @property
    def is_whole(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"suppress {self.suppression}"


@dataclass(frozen=True, slots=True)
class PickBoxes(Op):
    """Boxes (b, 4), x1, y1, x2, y2, and picks (n, 2) of `Suppress` → (n, 4), cut at the image.

    Args:
        order: of the four numbers.
    """

    order: Literal["xyxy", "yxyx"] = "xyxy"

    def infer(self, *inputs: Shape) -> Shape:
        _, (count, _) = inputs
        return count, 4


@dataclass(frozen=True, slots=True)
class PickScores(Op):
    """Scores (b, classes) and picks (n, 2) → (n,), the score of each; 0 where there is none."""

    def infer(self, *inputs: Shape) -> Shape:
        _, (count, _) = inputs
        return (count,)


@dataclass(frozen=True, slots=True)
class PickClasses(Op):
    """Picks (n, 2) → (n,), the class of each; 0 where there is none.

    Args:
        first: the number of the first class.
        as_floats: whether they are no integers.
    """

    first: int = 0
    as_floats: bool = False

    def infer(self, *inputs: Shape) -> Shape:
        ((count, _),) = inputs
        return (count,)

    @property
    def is_whole(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class CountPicks(Op):
    """Picks (n, 2) → (), how many there are.

    Args:
        as_floats: whether it is no integer.
    """

    as_floats: bool = False

    def infer(self, *inputs: Shape) -> Shape:
        del inputs
        return ()

    @property
    def is_whole(self) -> bool:
        return True
