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

_SHARE = 0.05
"""Of scores that are not 0, which is none."""

_LEAST = 8
"""How many there are of each class, or so."""

_STEPS = 16
"""Scores and sides of the boxes that are on a grid, so that some are equal."""


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
    """Boxes (3, b, 4) and scores (3, b, classes) that float16 can hold.

    Those of the first image are as they fall; in the second many are equal, and boxes of no area
    are among them; in the third no score is over the threshold.
    """
    picks = picks_of(graph)
    count, classes = graph.shapes[picks.inputs[1]]
    random = np.random.default_rng(0)
    corners = random.uniform(-0.1, 1.1, (3, count, 2))
    sides = random.uniform(0, 0.5, (3, count, 2))
    scores = random.uniform(size=(3, count, classes))
    scores *= random.uniform(size=scores.shape) < max(_SHARE, _LEAST / count)
    for array in (corners, sides, scores):
        array[1] = np.round(array[1] * _STEPS) / _STEPS
    scores[2] *= suppression_of(graph).score
    boxes = np.concatenate([corners, corners + sides], axis=-1)
    half = (array.astype(np.float16) for array in (boxes, scores))
    return next(half).astype(np.float32), next(half).astype(np.float32)
