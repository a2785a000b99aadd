"""The ops of detectors in ONNX; boxes are computed in float32 whatever the file's precision."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from archspec.backends.onnx.writer import Array, Site
from archspec.ops import (
    CountPicks,
    DecodeBoxes,
    Op,
    PickBoxes,
    PickClasses,
    PickScores,
    Suppress,
)


def _decode_boxes(site: Site, op: DecodeBoxes) -> None:
    boxes = np.array(list(op.default_boxes()))
    centers, sides, variance = boxes[:, :2], boxes[:, 2:], np.array(op.variance)
    given = _float(site, site.inputs[0])
    if op.order == "yxhw":
        given = site.step("Gather", given, site.integers(1, 0, 3, 2), axis=2)
        variance = variance[[1, 0, 3, 2]]
    near = _columns(site, given, 0, 2)
    near = site.step("Mul", near, _hold(site, "scale", sides * variance[:2]))
    near = site.step("Add", near, _hold(site, "center", centers))
    log = site.step("Mul", _columns(site, given, 2, 4), site.single(*variance[2:]))
    if op.limit is not None:
        log = site.step("Min", log, site.single(op.limit))
    half = site.step("Mul", site.step("Exp", log), _hold(site, "half", sides / 2))
    corners = site.step("Sub", near, half), site.step("Add", near, half)
    if _is_half(site):
        joined = site.step("Concat", *corners, axis=2)
        site.add("Cast", joined, to=TensorProto.FLOAT16)
    else:
        site.add("Concat", *corners, axis=2)


def _columns(site: Site, value: str, start: int, stop: int) -> str:
    return site.step("Slice", value, *(site.integers(place) for place in (start, stop, 2)))


def _hold(site: Site, name: str, array: Array) -> str:
    return site.writer.hold(f"{site.node.name}/{name}", array, "fp32")


def _is_half(site: Site) -> bool:
    return site.form.precision == "fp16"


def _float(site: Site, value: str) -> str:
    return site.step("Cast", value, to=TensorProto.FLOAT) if _is_half(site) else value


def _suppress(site: Site, op: Suppress) -> None:
    """Suppress class by class, put the scores that stay back where they were, take the best.

    Of equal scores ONNX Runtime suppresses by the first box, and TopK takes the first of all; they
    lie class by class.
    """
    limits, (count, classes) = op.suppression, site.writer.graph.shapes[site.node.inputs[1]]
    boxes, scores = (_float(site, value) for value in site.inputs)
    scores = _candidates(site, op, site.step("Transpose", scores, perm=(0, 2, 1)), count)
    stay = site.step(
        "NonMaxSuppression",
        boxes,
        scores,
        site.integers(limits.per_class),
        site.single(limits.iou),
        site.single(limits.score),
    )  # image, class, box
    zeros = site.step("ConstantOfShape", site.step("Shape", scores))
    kept = site.step("ScatterND", zeros, stay, site.step("GatherND", scores, stay))
    row = site.step("Reshape", kept, site.integers(0, count * classes))
    missing = limits.total - count * classes
    if missing > 0:
        row = site.step("Pad", row, site.integers(0, 0, 0, missing))
    best, place = site.steps("TopK", 2, row, site.integers(limits.total), axis=1)
    twice = site.step("Div", _column(site, place), site.integers(1, count))
    pairs = site.step("Mod", twice, site.integers(count, classes + limits.total))
    is_there = site.step("Greater", _column(site, best), site.single(0.0))
    site.add("Where", is_there, pairs, site.integers(-1))
    site.writer.type(site.node, TensorProto.INT64)


def _candidates(site: Site, op: Suppress, scores: str, count: int) -> str:
    """The scores (batch, classes, boxes) of the best boxes of each class, 0 for all others."""
    limits = op.suppression
    if limits.candidates is None or limits.candidates >= count:
        return scores
    is_over = site.step("Greater", scores, site.single(limits.score))  # no NaN is
    scores = site.step("Where", is_over, scores, site.single(0.0))
    best = site.steps("TopK", 2, scores, site.integers(limits.candidates), axis=2)
    zeros = site.step("ConstantOfShape", site.step("Shape", scores))
    return site.step("ScatterElements", zeros, best[1], best[0], axis=2)


def _column(site: Site, value: str) -> str:
    return site.step("Unsqueeze", value, site.integers(2))


def _is_pick(site: Site, picks: str) -> str:
    """Whether there is one, (batch, n, 1)."""
    box = _columns(site, picks, 0, 1)
    return site.step("Not", site.step("Less", box, site.integers(0)))


def _pick_boxes(site: Site, op: PickBoxes) -> None:
    boxes, picks = site.inputs
    picked = site.step("GatherND", boxes, _columns(site, picks, 0, 1), batch_dims=1)
    picked = site.step("Clip", picked, site.number(0.0), site.number(1.0))
    if op.order == "yxyx":
        picked = site.step("Gather", picked, site.integers(1, 0, 3, 2), axis=2)
    site.add("Where", _is_pick(site, picks), picked, site.number(0.0))


def _pick_scores(site: Site, _: PickScores) -> None:
    scores, picks = site.inputs
    picked = site.step("GatherND", scores, picks, batch_dims=1)
    is_pick = site.step("Squeeze", _is_pick(site, picks), site.integers(2))
    site.add("Where", is_pick, picked, site.number(0.0))


def _pick_classes(site: Site, op: PickClasses) -> None:
    (picks,) = site.inputs
    number = _columns(site, picks, 1, 2)
    if op.first:
        number = site.step("Add", number, site.integers(op.first))
    number = site.step("Where", _is_pick(site, picks), number, site.integers(0))
    _whole(site, site.step("Squeeze", number, site.integers(2)), as_floats=op.as_floats)


def _count_picks(site: Site, op: CountPicks) -> None:
    (picks,) = site.inputs
    ones = site.step("Cast", _is_pick(site, picks), to=TensorProto.INT32)
    _whole(
        site, site.step("ReduceSum", ones, site.integers(1, 2), keepdims=0), as_floats=op.as_floats
    )


def _whole(site: Site, value: str, *, as_floats: bool) -> None:
    kind = TensorProto.FLOAT if as_floats else TensorProto.INT32
    site.add("Cast", value, to=kind)
    site.writer.type(site.node, kind)


RULES: Mapping[type[Op], Callable[[Site, Any], object]] = {
    CountPicks: _count_picks,
    DecodeBoxes: _decode_boxes,
    PickBoxes: _pick_boxes,
    PickClasses: _pick_classes,
    PickScores: _pick_scores,
    Suppress: _suppress,
}
"""As `rules.RULES`, which these are part of."""
