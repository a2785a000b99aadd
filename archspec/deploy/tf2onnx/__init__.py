"""The other way to ONNX: the Keras model, traced by TensorFlow and converted by tf2onnx.

It serves every Keras model, also those that have no graph. tf2onnx is used as it comes; what it
cannot do is worked around while the model is traced, or refused; what it leaves in parts is put
together afterwards.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import onnx
from numpy.typing import NDArray
from onnx import helper

from archspec.backends.onnx import Form, refuse
from archspec.deploy.check import Truth
from archspec.deploy.detections import front_of, suppressing
from archspec.deploy.tf2onnx import names
from archspec.deploy.tf2onnx.files import load
from archspec.deploy.tf2onnx.layers import Model, Net, size_of
from archspec.deploy.tf2onnx.suppress import with_suppression
from archspec.deploy.tf2onnx.tidy import tidy
from archspec.deploy.tf2onnx.trace import CURE, nodes, trace
from archspec.deploy.tf2onnx.truth import Keras
from archspec.deploy.tf2onnx.wires import Shape
from archspec.errors import error
from archspec.graph import INPUT, Graph

__all__ = ["OPSETS", "Keras", "convert", "convert_model", "load"]

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]

OPSETS = range(13, 19)
"""What tf2onnx 1.17 can emit, from the oldest that archspec emits."""


def convert(
    graph: Graph,
    weights: Weights,
    opset: int = 17,
    batch: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> tuple[onnx.ModelProto, Truth]:
    """The graph as tf2onnx converts its Keras model, and the Keras model to compare with.

    Raises:
        SpecError: E410 to E413, no ONNX file can be so; E430 to E436 as `convert_model`.
    """
    if suppressing(graph):
        front = convert(front_of(graph), weights, opset, batch, metadata)
        return with_suppression(*front, graph, opset)
    refuse(graph, Form(opset=opset, batch=batch))
    from archspec.backends.keras import emit  # noqa: PLC0415  TensorFlow takes seconds

    _need_opset(opset)
    model: Any = emit(graph, weights)
    return _convert(Net(model, size_of(model, None), tuple(graph.outputs)), opset, batch, metadata)


def convert_model(
    model: Model,
    *,
    opset: int = 17,
    batch: int | None = None,
    size: Sequence[int] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> tuple[onnx.ModelProto, Keras]:
    """Any Keras model as tf2onnx converts it, and the model as what to compare with.

    The input is called `input`, (batch, c, h, w); sizes that the model leaves open are called
    `batch`, `height` and `width`. Outputs bear the names that the model gives them, nodes the paths
    of its layers, channels first. The same model gives the same bytes.

    Args:
        model: of one image; functional, Sequential, or a class of its own.
        opset: version of the operator set, one of `OPSETS`.
        batch: number of images; any number where it is not given.
        size: (h, w) or (h, w, c) of the images, where the model leaves that open.
        metadata: what goes into `metadata_props`.

    Raises:
        SpecError: E411, a batch of none; E413, an output is called like the input; E430, an
            opset that tf2onnx does not emit; E431, operators that it cannot convert; E432, it
            fails; E434, the model takes something else than such images; E435, a layer computes
            in bfloat16; E436, soft suppression of boxes.
    """
    _need_opset(opset)
    if batch is not None and batch < 1:
        raise error("E411", f"a batch of {batch} images")
    return _convert(Net(model, size_of(model, size)), opset, batch, metadata)


def _need_opset(opset: int) -> None:
    if opset not in OPSETS:
        message = f"tf2onnx emits opset {OPSETS[0]} to {OPSETS[-1]}, not {opset}"
        raise error("E430", message, hint=CURE)


def _convert(
    net: Net, opset: int, batch: int | None, metadata: Mapping[str, str] | None
) -> tuple[onnx.ModelProto, Keras]:
    _need_precision(net)
    truth = Keras(net, batch)
    shapes = _shapes(truth)
    if INPUT in shapes:
        raise error("E413", f"an output cannot be called '{INPUT}', the input is")
    size = net.size
    given = (batch or "batch", size.channels, size.height or "height", size.width or "width")
    images = [len(shape) == len(given) for shape in shapes.values()]
    traced = trace(net, images, opset, batch)
    proto = traced.proto
    tidy(proto.graph, names.declare(proto, given, shapes), opset)
    names.call(traced, opset)
    names.infer(proto)
    domains = {node.domain for node in nodes(proto.graph)}
    kept = [entry for entry in proto.opset_import if entry.domain in domains]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
    proto.graph.name, proto.graph.doc_string, proto.model_version = net.name, "", 1
    helper.set_model_props(proto, dict(sorted((metadata or {}).items())))
    return proto, truth


def _need_precision(net: Net) -> None:
    for layer in net.layers():
        if layer.compute_dtype == "bfloat16":
            message = f"layer '{layer.name}' computes in bfloat16, which ONNX Runtime does not"
            raise error("E435", message, hint="load the model with the dtype policy float32")
        if getattr(layer, "data_format", None) == "channels_first":
            raise error("E434", f"layer '{layer.name}' puts the channels first")


def _shapes(truth: Keras) -> dict[str, Shape]:
    """The shape of each output, images channels first; sizes have a name where they vary."""
    size, sides = truth.net.size, [images.shape[:3] for images, _ in truth.trials]
    wanted = {"batch": truth.batch, "height": size.height, "width": size.width}
    varying = {
        sizes: name
        for (name, own), sizes in zip(wanted.items(), zip(*sides, strict=True), strict=True)
        if own is None
    }
    shapes: dict[str, Shape] = {}
    for name in truth.trials[0][1]:
        found = [_channels_first(outputs[name].shape) for _, outputs in truth.trials]
        shapes[name] = tuple(
            varying.get(sizes) or (sizes[0] if len({*sizes}) == 1 else f"{name}_{place}")
            for place, sizes in enumerate(zip(*found, strict=True))
        )
    return shapes


def _channels_first(shape: Sequence[int]) -> Sequence[int]:
    return (shape[0], shape[-1], *shape[1:-1]) if len(shape) == 4 else shape  # noqa: PLR2004
