"""Graphs of boxes and scores that are given as an image, and suppression written once more, slowly."""

import numpy as np
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import Activation, Convolution, DecodeBoxes, Level, Rows, Slice, Suppression
from archspec.passes.detections import Convention, detections

LEVELS = (Level((6, 4), ((0.3, 0.2), (0.5, 0.5))),)


def given(count: int, classes: int) -> Graph:
    """A graph that takes boxes and scores for the channels of an image, `as_image`, as they are."""
    build = GraphBuilder("given", (count, 1, 4 + classes))
    corners = build.add("in.corners", Slice(0, 4), [INPUT])
    columns = build.add("in.columns", Slice(4, 4 + classes), [INPUT])
    boxes = build.add("in.boxes", Rows(4), [corners])
    scores = build.add("in.scores", Rows(classes), [columns])
    return build.build({"boxes": boxes, "scores": scores})


def as_image(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Boxes (n, b, 4) and scores (n, b, classes) as images (n, b, 1, 4 + classes)."""
    return np.concatenate([boxes, scores], axis=-1)[:, :, np.newaxis]


def detector(*, classes: int = 3, size: tuple[int, int] = (6, 4)) -> Graph:
    """A small net that predicts two boxes at each pixel."""
    build = GraphBuilder("detector", (*size, 3))
    shared = build.add("net.conv", Convolution((3, 3), channels=8), [INPUT])
    shared = build.add("net.activation", Activation("relu6"), [shared])
    deltas = build.add("net.deltas.conv", Convolution((1, 1), channels=8, bias=True), [shared])
    logits = build.add(
        "net.logits.conv", Convolution((1, 1), channels=2 * classes, bias=True), [shared]
    )
    deltas = build.add("net.box_deltas", Rows(4), [deltas])
    logits = build.add("net.class_logits", Rows(classes), [logits])
    boxes = build.add("net.boxes", DecodeBoxes(LEVELS), [deltas])
    scores = build.add("net.scores", Activation("sigmoid"), [logits])
    return build.build({"boxes": boxes, "scores": scores})


def suppressed(graph: Graph, limits: Suppression, convention: Convention = "default") -> Graph:
    """The graph that gives detections."""
    return detections(graph, limits, convention)


def draw(seed: int, images: int, count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of which many overlap, and scores, float32."""
    random = np.random.default_rng(seed)
    corners = random.uniform(-0.1, 0.9, (images, count, 2))
    sides = random.uniform(0.05, 0.6, (images, count, 2))
    boxes = np.concatenate([corners, corners + sides], axis=-1).astype(np.float32)
    return boxes, random.uniform(size=(images, count, classes)).astype(np.float32)


def slowly(boxes: np.ndarray, scores: np.ndarray, limits: Suppression) -> list[dict[str, object]]:
    """What suppression gives for each image, pair by pair; boxes are cut, nothing is filled up."""
    return [_slowly(*image, limits) for image in zip(boxes, scores, strict=True)]


def _slowly(boxes: np.ndarray, scores: np.ndarray, limits: Suppression) -> dict[str, object]:
    found: list[tuple[np.float32, int, int]] = []
    for column in range(scores.shape[1]):
        left = [
            place for place in range(len(boxes)) if scores[place, column] > np.float32(limits.score)
        ]
        left.sort(key=lambda place: (-scores[place, column], place))
        kept: list[int] = []
        for place in left[: limits.candidates]:
            if len(kept) < limits.per_class and all(
                not overlap(boxes[place], boxes[other]) > np.float32(limits.iou) for other in kept
            ):
                kept.append(place)
        found += [(-scores[place, column], column, place) for place in kept]
    found = sorted(found)[: limits.total]
    return {
        "boxes": [boxes[place].clip(0, 1).tolist() for _, _, place in found],
        "scores": [float(-score) for score, _, _ in found],
        "classes": [column for _, column, _ in found],
        "num_detections": len(found),
    }


def overlap(one: np.ndarray, other: np.ndarray) -> np.float32:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    if width <= 0 or height <= 0 or min(areas) <= 0:
        return np.float32(0)
    return width * height / (areas[0] + areas[1] - width * height)


def listed(outputs: dict[str, np.ndarray]) -> list[dict[str, object]]:
    """Detections as `slowly` gives them; the rows with nothing are zeros."""
    images: list[dict[str, object]] = []
    for place, count in enumerate(map(int, outputs["num_detections"])):
        parts = {name: outputs[name][place] for name in ("boxes", "scores", "classes")}
        assert all((part[count:] == 0).all() for part in parts.values())
        images.append({name: part[:count].tolist() for name, part in parts.items()})
        images[-1]["num_detections"] = count
    return images
