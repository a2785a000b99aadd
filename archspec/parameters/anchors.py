"""What a detector says of its default boxes, and of what it predicts about them."""

from dataclasses import dataclass
from typing import Any, Literal

from archspec.ops import Order, Suppression
from archspec.parameters.kinds import FLAG, Kind, integer, number, ratio, word
from archspec.parameters.parameter import Object, Parameter, parameter

MAX_LEVELS = 16
MAX_SIZES = 64

_SHARE = ratio(4)


def _read_shares(value: Any) -> tuple[float, ...]:  # noqa: ANN401
    return tuple(map(_SHARE.read, value))


def _list(items: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


_SCALES = Kind(
    "a list of scales, one for each feature map",
    _list(_SHARE.schema, 1, MAX_LEVELS),
    _read_shares,
)
_RATIO = ratio(100)
_RATIOS = Kind(
    "a list of ratios of width to height, such as [1, 2, 1/2]",
    _list(_RATIO.schema, 0, MAX_SIZES),
    lambda value: tuple(map(_RATIO.read, value)),
)


def _read_boxes(value: Any) -> tuple[tuple[tuple[float, float], ...], ...]:  # noqa: ANN401
    return tuple(
        tuple((_SHARE.read(scale), _RATIO.read(wide)) for scale, wide in level) for level in value
    )


_BOX: dict[str, Any] = {
    "type": "array",
    "items": [_SHARE.schema, _RATIO.schema],
    "minItems": 2,
    "maxItems": 2,
}
_BOXES = Kind(
    "a list for each feature map, of pairs [scale, ratio]",
    _list(_list(_BOX, 1, MAX_SIZES), 1, MAX_LEVELS),
    _read_boxes,
)
_NUMBER = number(1e-6, 1e6)
_VARIANCE = Kind(
    "a list of four numbers over 0",
    _list(_NUMBER.schema, 4, 4),
    lambda value: tuple(map(_NUMBER.read, value)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scales:
    """How large default boxes are, from the first feature map to the last."""

    each: tuple[float, ...] | None = parameter(
        _SCALES, "one for each feature map, instead of min and max", None
    )
    min: float = parameter(_SHARE, "of the first; those between lie on a line", 0.2)
    max: float = parameter(_SHARE, "of the last", 0.95)


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchors:
    """Default boxes of each pixel of each feature map.

    Source: Liu et al. 2015, arXiv:1512.02325, section 2.2; TensorFlow's Object Detection API and
        torchvision differ in order and number, see `layout`.
    """

    layout: Literal["tensorflow", "torchvision"] = parameter(
        word("tensorflow", "torchvision"),
        "tensorflow: by ratios, then the square between two scales; scales are of the shorter "
        "side. torchvision: both squares, then each ratio and its inverse; scales are of each "
        "side, and no box is larger than the image",
        "tensorflow",
    )
    scales: Scales = parameter(
        Object(Scales, "always"), "sizes of boxes as shares of the image", Scales()
    )
    ratios: tuple[float, ...] = parameter(_RATIOS, "width over height", (1.0, 2.0, 0.5, 3.0, 1 / 3))
    between: bool = parameter(
        FLAG, "a square between each scale and the next, which for the last is 1", default=True
    )
    reduce_lowest: bool = parameter(
        FLAG,
        "the first feature map has three boxes: a square of scale 0.1, then the ratios 2 and 1/2 "
        "(tensorflow)",
        default=False,
    )
    boxes: tuple[tuple[tuple[float, float], ...], ...] | None = parameter(
        _BOXES, "instead of all this: for each feature map pairs [scale, ratio]", None
    )


NMS = Object(
    Suppression,
    "always",
    {
        "score": Parameter(number(0, 1), "what scores must be over", 0.05),
        "iou": Parameter(number(0, 1), "what the overlap of two boxes of a class may be", 0.6),
        "per_class": Parameter(integer(1, 1 << 16), "boxes of a class that stay at most", 100),
        "total": Parameter(integer(1, 1 << 16), "boxes that stay at most", 100),
        "candidates": Parameter(
            integer(1, 1 << 20), "boxes of a class that are looked at, the best", None, off=True
        ),
    },
)
"""Of the boxes of a detector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coder:
    """What the four numbers of a box mean."""

    order: Order = parameter(word("yxhw", "xywh"), "of the four numbers", "yxhw")
    variance: tuple[float, float, float, float] = parameter(
        _VARIANCE, "what they are multiplied by", (0.1, 0.1, 0.2, 0.2)
    )
    limit: float | None = parameter(
        number(0, 100), "the most that the logarithm of a side over the default box's is", None
    )
