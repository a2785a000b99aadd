"""Whether what suppresses boxes in a file does so: ONNX Runtime against the reference, to the bit.

Which boxes stay depends on scores and overlaps without any slack, so that what rounding does to a
net cannot be told from a mistake behind it. Therefore a file is checked in two: its boxes and
scores as all outputs are, and what suppresses them by boxes and scores that are drawn, where it
must give exactly what the reference does.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper

from archspec.backends.reference import RULES, Array
from archspec.deploy.detections.split import Split, picks_of, suppressing, suppression_of
from archspec.deploy.runtime import Session
from archspec.errors import error
from archspec.graph import Graph

_SPARE = 3
"""Times as many boxes of a class have scores as may stay."""

_STEPS = 16
"""Of scores and sides that are on a grid."""


def check_tail(parts: Split) -> int:
    """Check what suppresses boxes; the number of images whose boxes that was tried with.

    Raises:
        SpecError: E421, ONNX Runtime refuses it; E423, it gives something else.
    """
    boxes, scores = drawn(parts.whole)
    batch = parts.tail.graph.input[0].type.tensor_type.shape.dim[0].dim_value or len(boxes)
    session = Session(parts.tail.SerializeToString())
    for start in range(0, len(boxes), batch):
        places = np.arange(start, start + batch) % len(boxes)
        wanted = meaning(parts.whole, boxes[places], scores[places])
        results = session.run(_fed(parts.tail, boxes[places], scores[places]))
        for output, found in zip(parts.tail.graph.output, results, strict=True):
            if not np.array_equal(found, wanted[output.name]):
                message = f"output '{output.name}' is not what suppression of boxes gives"
                raise error("E423", message)
    return len(boxes)


def meaning(graph: Graph, boxes: Array, scores: Array) -> Mapping[str, Array]:
    """The outputs that the reference makes of boxes and scores."""
    values = dict(zip(picks_of(graph).inputs, (boxes, scores), strict=True))
    for node in suppressing(graph):
        values[node.name] = RULES[type(node.op)](node.op, [values[it] for it in node.inputs], {})
    return {name: values[node] for name, node in graph.outputs.items() if node in values}


def _fed(tail: onnx.ModelProto, *arrays: Array) -> dict[str, Array]:
    return {
        info.name: array.astype(helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type))
        for info, array in zip(tail.graph.input, arrays, strict=True)
    }


def drawn(graph: Graph) -> tuple[Array, Array]:
    """Boxes (4, b, 4) and scores (4, b, classes) that float16 can hold.

    Boxes come in pairs that overlap by about what they may. In the first image more of each class
    have scores than may stay; in the second all is on a grid, so that many are equal, and boxes of
    no area are among them; in the third few have scores, about the threshold; in the last none is
    over it.
    """
    count, classes = graph.shapes[picks_of(graph).inputs[1]]
    limits, random = suppression_of(graph), np.random.default_rng(0)
    pairs = (4, (count + 1) // 2)
    corners = np.repeat(random.uniform(-0.1, 0.9, (*pairs, 2)), 2, axis=1)
    sides = np.repeat(random.uniform(0.02, 0.4, (*pairs, 2)), 2, axis=1)
    apart = (1 - limits.iou) / (1 + limits.iou) * random.uniform(0.9, 1.1, pairs)
    corners[:, 1::2, 0] += apart * sides[:, 1::2, 0]
    many, few = _SPARE * limits.per_class / count, limits.total / (2 * count * classes)
    share = np.array([many, many, few, 1]).reshape(4, 1, 1)
    has_score = np.repeat(random.uniform(size=(*pairs, classes)) < share, 2, axis=1)
    scores = random.uniform(0, 1, has_score.shape)
    scores[2] = limits.score * (1 + (scores[2] - 0.5) / 10)
    scores[3] *= limits.score / 2
    for array in (corners, sides, scores):
        array[1] = np.round(array[1] * _STEPS) / _STEPS
    boxes = np.concatenate([corners, corners + sides], axis=-1)[:, :count]
    scores = (scores * has_score)[:, :count]
    half = boxes.astype(np.float16), scores.astype(np.float16)
    return half[0].astype(np.float32), half[1].astype(np.float32)
