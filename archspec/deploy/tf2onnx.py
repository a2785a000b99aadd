"""The other way to ONNX: the Keras model, traced by TensorFlow and converted by tf2onnx."""

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from archspec.backends.onnx import Form, refuse
from archspec.deploy.check import Truth
from archspec.errors import error
from archspec.graph import INPUT, Graph

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]

OPSETS = range(13, 19)
"""What tf2onnx 1.17 can emit, from the oldest that archspec emits."""

_CURE = "leave out '--via tf2onnx'"


def convert(
    graph: Graph,
    weights: Weights,
    opset: int = 17,
    batch: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> tuple[onnx.ModelProto, Truth]:
    """The graph as tf2onnx converts its Keras model, and the Keras model to compare with.

    Input, outputs and the batch dimension are named as those of `backends.onnx`, channels first;
    everything inside bears tf2onnx's names. The bytes differ from run to run.

    Raises:
        SpecError: E410 to E413, no ONNX file can be so; E430, an opset that tf2onnx does not
            emit; E431, operators that it cannot convert; E432, it fails.
    """
    refuse(graph, Form(opset=opset, batch=batch))
    if opset not in OPSETS:
        raise error(
            "E430",
            f"tf2onnx emits opset {OPSETS[0]} to {OPSETS[-1]}, not {opset}",
            hint=_CURE,
        )
    from archspec.backends.keras import emit  # noqa: PLC0415  TensorFlow takes seconds

    # Under these names the order of Keras, which sorts them, is that of the nodes.
    values = tuple(dict.fromkeys(graph.outputs.values()))
    places = {value: f"output_{place:04}" for place, value in enumerate(values)}
    model: Any = emit(replace(graph, outputs={places[value]: value for value in values}), weights)
    proto = _trace(model, graph, values, opset, batch)
    _need_onnx(proto)
    _rename(proto, graph, values)
    _set_batch(proto, batch)
    helper.set_model_props(proto, dict(sorted((metadata or {}).items())))

    def truth(images: Array) -> dict[str, Array]:
        results = model(images, training=False)
        return {name: np.asarray(results[places[value]]) for name, value in graph.outputs.items()}

    return proto, truth


def _trace(
    model: Any,  # noqa: ANN401  Keras has no types
    graph: Graph,
    values: Sequence[str],
    opset: int,
    batch: int | None,
) -> onnx.ModelProto:
    """What tf2onnx makes of a model, its images channels first; outputs bear names of layers."""
    import tensorflow as tf  # noqa: PLC0415
    import tf2onnx.convert as tf2onnx  # noqa: PLC0415

    flow: Any = tf
    converter: Any = tf2onnx
    images = [
        name
        for name, value in zip(model.output_names, values, strict=True)
        if len(graph.shapes[value]) == 3  # noqa: PLR2004  h, w, c
    ]
    signature = [flow.TensorSpec((batch, *graph.input), flow.float32, name=INPUT)]
    options = {"opset": opset, "inputs_as_nchw": [INPUT], "outputs_as_nchw": images}
    try:
        with _quiet():
            return converter.from_keras(model, signature, **options)[0]
    except Exception as reason:  # whatever it is, it is not the user's fault
        raise error("E432", f"tf2onnx fails: {reason}", hint=_CURE) from reason


@contextmanager
def _quiet() -> Generator[None]:
    """Silence tf2onnx: what it logs as an error is in the model that it returns."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _need_onnx(proto: onnx.ModelProto) -> None:
    """Refuse what tf2onnx could not convert: it leaves TensorFlow's operators in the model."""
    kinds = {(node.op_type, node.domain) for node in proto.graph.node}
    foreign = sorted(kind for kind, domain in kinds if not onnx.defs.has(kind, domain))
    if foreign:
        raise error(
            "E431",
            f"tf2onnx leaves operators of TensorFlow in the model: {', '.join(foreign)}",
            hint=_CURE,
        )


def _rename(proto: onnx.ModelProto, graph: Graph, values: Sequence[str]) -> None:
    """Name the outputs as those of `graph`, in its order."""
    infos = dict(zip(values, proto.graph.output, strict=True))
    names: dict[str, str] = {}
    for name, value in graph.outputs.items():
        names.setdefault(infos[value].name, name)
    for node in proto.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(end, end) for end in ends]
    del proto.graph.output[:]
    for name, value in graph.outputs.items():
        first = names[infos[value].name]
        if first != name:
            proto.graph.node.append(helper.make_node("Identity", [first], [name], name))
        proto.graph.output.add().CopyFrom(infos[value])
        proto.graph.output[-1].name = name


def _set_batch(proto: onnx.ModelProto, batch: int | None) -> None:
    """Call the first dimension of input and outputs by one name."""
    for info in (*proto.graph.input, *proto.graph.output):
        dimension = info.type.tensor_type.shape.dim[0]
        if batch is None:
            dimension.dim_param = "batch"
        else:
            dimension.dim_value = batch
