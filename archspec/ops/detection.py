"""Ops of detectors: predictions as a matrix, and boxes from what is predicted of default ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from archspec.ops.op import Op, Shape, ShapeError

Order: TypeAlias = Literal["yxhw", "xywh"]
"""Of the four numbers of a box: center, then height and width, or x before y."""

MAX_BOXES = 1 << 20


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
