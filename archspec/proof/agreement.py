"""How far what archspec compiles is from a conformance vector."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archspec.backends import framework
from archspec.deploy.export import direct
from archspec.deploy.runtime import Runtime
from archspec.graph import Graph
from archspec.proof.vector import Vector


def agreement(graph: Graph, vector: Vector, via: Literal["onnx", "keras"] = "onnx") -> float:
    """max|a - b| / std(b) of the first output, in float32.

    Args:
        graph: for images of the vector's size.
        vector: what it must equal.
        via: the direct ONNX model in ONNX Runtime, or the Keras model.

    Raises:
        SpecError: E504 to E506, the vector's arrays are not those of the graph; E4xx, the back end.
    """
    output: NDArray[Any]
    if via == "onnx":
        # No name holds the arrays: a large net's would be in memory twice.
        model = direct(graph, vector.weights(graph))
        output = next(iter(Runtime(model)(vector.image()).values()))
    else:
        with framework("a Keras model"):
            from archspec.backends.keras import emit  # noqa: PLC0415
        keras: Any = emit(graph, vector.weights(graph))
        output = np.array(keras(vector.image()))
    return vector.difference(output)
