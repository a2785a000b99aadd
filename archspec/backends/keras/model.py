"""A graph as a functional Keras model, and the arrays of such a model."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from archspec import ops
from archspec.backends.keras.rules import RULES, LayerError
from archspec.backends.keras.steps import Common, Layer
from archspec.errors import error
from archspec.graph import INPUT, Graph, Node

# Keras has no types of its own.
Model: TypeAlias = Any
layers: Any = keras.layers
policies: Any = keras.dtype_policies
operations: Any = keras.ops

SEVERAL = (
    ops.Add,
    ops.Attention,
    ops.ChannelAttention,
    ops.Concat,
    ops.Multiply,
    ops.Resize,
    ops.Rows,
    ops.SeparableAttention,
)
"""Ops whose layers take a list of what the node reads."""
SCALE = {"kernel": "gamma", "bias": "beta"}
"""Array of an EinsumDense, which only a Scale becomes → array of the Scale."""


def emit(
    graph: Graph, weights: Mapping[str, NDArray[Any]] | None = None, *, dtype: str | None = None
) -> keras.Model:
    """The graph as a `keras.Model`; once it is saved it needs nothing of archspec.

    The model takes `input` (batch, h, w, c). It gives a tensor if the graph's one output is named
    `output`, otherwise a dict of tensors by name.

    Args:
        graph: what to build.
        weights: an array for each key of `graph.weights`; without them the initializers draw.
        dtype: a Keras dtype policy, `float64` or `mixed_float16`; Keras's own setting by default.

    Raises:
        SpecError: E401, Keras has no layer for what a node does; E402, Keras is set to put
            the channels first.
    """
    if keras.config.image_data_format() != "channels_last":
        raise error(
            "E402",
            "Keras is set to put the channels first, but models are built with channels last",
            hint="call keras.config.set_image_data_format('channels_last')",
        )
    policy = policies.get(dtype or keras.config.dtype_policy())
    values = {INPUT: layers.Input(graph.input, name=INPUT, dtype=policy.variable_dtype)}
    for node in graph.nodes:
        read = [values[name] for name in node.inputs]
        value = read if isinstance(node.op, SEVERAL) else read[0]
        for layer in _chain(graph, node, {"name": node.name, "dtype": policy}):
            value = layer(value)
        values[node.name] = value
    outputs = {name: values[node] for name, node in graph.outputs.items()}
    only = outputs["output"] if outputs.keys() == {"output"} else outputs
    model = keras.Model(values[INPUT], only, name=re.sub(r"[^A-Za-z0-9_.-]", "_", graph.name))
    if weights is not None:
        write_weights(model, weights)
    return model


def _chain(graph: Graph, node: Node, common: Common) -> Sequence[Layer]:
    if isinstance(node.op, ops.SUPPRESSING):
        message = f"{node.name}: Keras has no layer that suppresses boxes"
        raise error("E401", message, node.span, "suppress them in an ONNX file, '--nms'")
    try:
        return RULES[type(node.op)](node.op, graph.inputs_of(node)[0], common)
    except LayerError as reason:
        raise error("E401", f"{node.name}: {reason}", node.span) from reason


def read_weights(model: Model) -> dict[str, NDArray[Any]]:
    """A copy of every array of a model by `layer/array`, which are the keys of `Graph.weights`."""
    return {
        key: _floating(operations.convert_to_numpy(variable)) for key, variable in _variables(model)
    }


def write_weights(model: Model, weights: Mapping[str, NDArray[Any]]) -> None:
    """Set every array of a model; `weights` has its keys and shapes."""
    for key, variable in _variables(model):
        variable.assign(weights[key])
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()  # it computes with constants made from its arrays


def _variables(model: Model) -> Iterator[tuple[str, Any]]:
    """Arrays of layers; the state of random generators is none."""
    for layer in model.layers:
        names = SCALE if isinstance(layer, layers.EinsumDense) else {}
        for variable in layer.weights:
            yield f"{layer.name}/{names.get(variable.name, variable.name)}", variable


def _floating(array: NDArray[Any]) -> NDArray[Any]:
    """As weight files have it: Keras counts in integers, and numpy has no bfloat16."""
    return array if array.dtype.kind == "f" else array.astype(np.float32)
