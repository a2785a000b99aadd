"""The ops that resample an image, in ONNX."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from archspec.backends.onnx.writer import Site
from archspec.ops import Blur, Crop, Pad, Resize, binomial, nearest

_END = 2**31 - 1
"""To slice up to the end, whatever that is."""


def resize(site: Site, op: Resize) -> None:
    """Resize by factors, so that any number of images goes; else a Gather for each axis.

    A factor that float32 cannot hold may put a nearest pixel at the wrong side of a border, which
    a list of pixels cannot. Between pixels it does no harm.
    """
    if not op.factor and (site.varies or site.node.name in site.writer.varying):
        _resize_any(site, op)
        return
    sizes, wanted = site.shape[:2], site.node.shape[:2]
    whole = all(not after % before for before, after in zip(sizes, wanted, strict=True))
    if op.mode == "nearest" and not whole:
        _gather(site)
        return
    factors = [_factor(before, after) for before, after in zip(sizes, wanted, strict=True)]
    scales = site.writer.hold(
        f"constant/{list(map(float, factors))}", np.array([1, 1, *factors], np.float32), "fp32"
    )
    site.add("Resize", site.inputs[0], "", scales, **_MODES[op.mode])


def _resize_any(site: Site, op: Resize) -> None:
    """Resize to the size that is said, or to that of the other image, whatever that is."""
    value, *like = site.inputs
    counts = site.add("Slice", site.add("Shape", value), site.integers(0), site.integers(2))
    sides = site.integers(*op.size) if op.size else site.sides(like[0])
    sizes = site.add("Concat", counts, sides, axis=0)
    site.add("Resize", value, "", "", sizes, **_MODES[op.mode])


_MODES: Mapping[str, Mapping[str, Any]] = {
    "nearest": {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    },
    "bilinear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    "align_corners": {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
}
"""`Resize.mode` → the attributes of ONNX's."""


def _factor(before: int, after: int) -> np.float32:
    """The least float32 that makes `after` pixels of `before`: their number is rounded down."""
    factor = np.float32(after / before)
    while before * float(factor) < after:
        factor = np.nextafter(factor, np.float32(np.inf))
    return factor


def _gather(site: Site) -> None:
    value, shape = site.inputs[0], (site.shape[2], *site.shape[:2])
    for axis, wanted in zip((2, 3), site.node.shape[:2], strict=True):
        places = site.integers(*nearest(shape[axis - 1], wanted))
        shape = (*shape[: axis - 1], wanted, *shape[axis:])
        value = site.add("Gather", value, places, axis=axis, shape=shape)


def pad(site: Site, op: Pad) -> None:
    """Pad, whose own value is zero."""
    (top, bottom), (left, right) = op.rows, op.columns
    around = site.integers(0, 0, top, left, 0, 0, bottom, right)
    value = [site.number(op.value)] if op.value else []
    site.add("Pad", *site.inputs, around, *value)


def crop(site: Site, op: Crop) -> None:
    """A Slice of both axes."""
    (top, bottom), (left, right) = op.rows, op.columns
    ends = (-side if side else _END for side in (bottom, right))
    bounds = (site.integers(top, left), site.integers(*ends))
    site.add("Slice", *site.inputs, *bounds, site.integers(2, 3))


def blur(site: Site, op: Blur) -> None:
    """A border, then a depthwise convolution with the same filter for each channel."""
    height, width, channels = site.shape
    margin = op.padding
    around = site.integers(0, 0, margin, margin, 0, 0, margin, margin)
    padded = (channels, height + 2 * margin, width + 2 * margin)
    mode = "reflect" if op.border == "mirror" else "constant"
    value = site.add("Pad", *site.inputs, around, mode=mode, shape=padded)
    weights = np.outer(binomial(op.size), binomial(op.size))
    kernel = site.writer.hold(
        f"constant/binomial {op.size}x{channels}", np.tile(weights, (channels, 1, 1, 1))
    )
    strides = (op.stride, op.stride)
    site.add("Conv", value, kernel, kernel_shape=weights.shape, strides=strides, group=channels)
