"""How far what archspec compiles is from a conformance vector."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archspec.backends import framework
from archspec.deploy.export import direct
from archspec.deploy.runtime import Runtime
from archspec.graph import Graph
from archspec.lower import OUTPUT
from archspec.proof.vector import Vector

BOXES = "default_boxes"
"""What vectors call the default boxes, in pixels."""
IMAGE = 4
"""Axes of images, with the batch."""


def agreement(
    graph: Graph,
    vector: Vector,
    via: Literal["onnx", "keras"] = "onnx",
    boxes: Sequence[tuple[float, float, float, float]] = (),
) -> float:
    """The largest max|a - b| / std(b) of the outputs, in float32.

    Args:
        graph: for images of the vector's size.
        vector: what it must equal.
        via: the direct ONNX model in ONNX Runtime, or the Keras model.
        boxes: the default boxes as shares of the image, where the vector has some.

    Raises:
        SpecError: E504 to E506, the vector's arrays are not those of the graph; E4xx, the back end.
    """
    if via == "onnx":
        # No name holds the arrays: a large net's would be in memory twice.
        model = direct(graph, vector.weights(graph))
        outputs = Runtime(model)(vector.image())
    else:
        outputs = _keras(graph, vector)
    turned = {name: _channels_first(array) for name, array in outputs.items()}
    if boxes:
        height, width, _ = vector.input
        turned[BOXES] = np.array(boxes) * (width, height, width, height)
    return vector.difference(turned, vector.assigned(graph).table.outputs)


def _keras(graph: Graph, vector: Vector) -> dict[str, NDArray[Any]]:
    """The outputs of the Keras model."""
    with framework("a Keras model"):
        from archspec.backends.keras import emit  # noqa: PLC0415
    model: Any = emit(graph, vector.weights(graph))
    given: Any = model(vector.image())
    several = set(graph.outputs) != {OUTPUT}
    outputs: dict[str, Any] = given if several else {OUTPUT: given}
    return {name: np.array(value) for name, value in outputs.items()}


def _channels_first(array: NDArray[Any]) -> NDArray[Any]:
    """Images (n, h, w, c) → (n, c, h, w), PyTorch's layout."""
    return array.transpose(0, 3, 1, 2) if array.ndim == IMAGE else array
