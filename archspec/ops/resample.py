"""Ops that resample an image without any array: resizing and blurring."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

from archspec.ops.op import Op, Shape, ShapeError

Sampling: TypeAlias = Literal["nearest", "bilinear", "align_corners"]
SAMPLINGS: tuple[str, ...] = get_args(Sampling)


@dataclass(frozen=True, slots=True)
class Resize(Op):
    """(h, w, c) and an image (h', w', _) → (h', w', c), the first at the size of the second.

    With a `size` (h', w') there is no second, nor with a `factor`: then h' and w' are so many times
    h and w, whatever these are.

    nearest:       pixel i of n' is pixel ⌊i · n / n'⌋ of n.
    bilinear:      pixel i lies at (i + ½) · n / n' - ½, between its two neighbors; the border
                   repeats.
    align_corners: pixel i lies at i · (n - 1) / (n' - 1), between its two neighbors; that of
                   DeepLab. Of one pixel it is the first.

    All are PyTorch's; nothing is smoothed where the image gets smaller.
    """

    mode: Sampling = "nearest"
    size: tuple[int, int] | None = None
    factor: tuple[int, int] | None = None

    def infer(self, *inputs: Shape) -> Shape:
        for shape in inputs:
            if len(shape) != 3:  # noqa: PLR2004  h, w, c
                raise ShapeError(f"a resize needs images (h, w, c), not {list(shape)}")
        return (*self.sides(*inputs), inputs[0][2])

    def sides(self, image: Shape, like: Shape | None = None) -> tuple[int, int]:
        """Height and width of the result."""
        if like:
            return like[0], like[1]
        if self.factor:
            return image[0] * self.factor[0], image[1] * self.factor[1]
        assert self.size  # noqa: S101
        return self.size


@lru_cache(maxsize=1024)
def nearest(size: int, wanted: int) -> tuple[int, ...]:
    """Which of `size` pixels each of the `wanted` ones is.

    >>> nearest(2, 4), nearest(5, 3)
    ((0, 0, 1, 1), (0, 1, 3))
    """
    return tuple(place * size // wanted for place in range(wanted))


@dataclass(frozen=True, slots=True)
class Pad(Op):
    """(h, w, c) → (h + Σ rows, w + Σ columns, c): pixels of one value around the image.

    Args:
        rows: pixels above and below.
        columns: pixels to the left and to the right.
        value: of each of them.
    """

    rows: tuple[int, int] = (0, 0)
    columns: tuple[int, int] = (0, 0)
    value: float = 0.0

    def infer(self, *inputs: Shape) -> Shape:
        height, width, channels = _image(self, *inputs)
        return (height + sum(self.rows), width + sum(self.columns), channels)


@dataclass(frozen=True, slots=True)
class Crop(Op):
    """(h, w, c) → (h - Σ rows, w - Σ columns, c): the image without pixels at its sides.

    Args:
        rows: pixels above and below.
        columns: pixels to the left and to the right.
    """

    rows: tuple[int, int] = (0, 0)
    columns: tuple[int, int] = (0, 0)

    def infer(self, *inputs: Shape) -> Shape:
        height, width, channels = _image(self, *inputs)
        shape = (height - sum(self.rows), width - sum(self.columns), channels)
        if min(shape) < 1:
            raise ShapeError(f"nothing is left of {height}x{width} pixels")
        return shape


def _image(op: Pad | Crop, image: Shape) -> Shape:
    if len(image) != 3:  # noqa: PLR2004  h, w, c
        raise ShapeError(f"{type(op).__name__} needs an image (h, w, c), not {list(image)}")
    return image


@dataclass(frozen=True, slots=True)
class Blur(Op):
    """(h, w, c) → (h', w', c): a binomial filter of `size` by `size` pixels that moves by `stride`.

    Beyond its border the image is mirrored, the border's pixels not doubled (Zhang 2019,
    arXiv:1904.11486, section 3.2; padded as timm pads), or zero.
    """

    size: int = 3
    stride: int = 2
    border: Literal["mirror", "zero"] = "mirror"

    @property
    def padding(self) -> int:
        """Pixels added on each side, ⌊(stride - 1 + size - 1) / 2⌋."""
        return (self.stride + self.size - 2) // 2

    def infer(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) != 3:  # noqa: PLR2004  h, w, c
            raise ShapeError(f"a blur needs an image (h, w, c), not {list(shape)}")
        if self.size < 2:  # noqa: PLR2004  a filter of one pixel blurs nothing
            raise ShapeError(f"a blur of {self.size} pixel", "size")
        if self.border == "mirror" and min(shape[:2]) <= self.padding:
            raise ShapeError(
                f"a blur of {self.size} pixels needs a mirror of {self.padding} pixels,"
                f" more than {shape[0]}x{shape[1]} have",
                "size",
            )
        room = (side + 2 * self.padding - self.size for side in shape[:2])
        height, width = (space // self.stride + 1 for space in room)
        return (height, width, shape[2])


@lru_cache(maxsize=64)
def binomial(size: int) -> tuple[float, ...]:
    """The weights of a binomial filter, of sum 1.

    >>> binomial(3)
    (0.25, 0.5, 0.25)
    """
    row = [1.0]
    for _ in range(size - 1):
        row = [(left + right) / 2 for left, right in zip([0.0, *row], [*row, 0.0], strict=True)]
    return tuple(row)
