"""A Keras model, traced by TensorFlow and converted by tf2onnx."""

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import onnx

from archspec.deploy.tf2onnx.layers import Net
from archspec.errors import error
from archspec.graph import INPUT

# What tf2onnx works on has no types.
Graph: TypeAlias = Any
Node: TypeAlias = Any

CURE = "leave out '--via tf2onnx'"

_SIGMA = 5
"""Which input of NonMaxSuppressionV5 says how softly it suppresses."""


@dataclass(frozen=True)
class Traced:
    """What tf2onnx made of a model.

    Args:
        proto: an ONNX model with tf2onnx's names.
        scopes: where in TensorFlow's graph a layer was called → path of the layer.
    """

    proto: onnx.ModelProto
    scopes: Mapping[str, str]

    def layer(self, name: str) -> str:
        """The path of the innermost layer that a node comes from, "" for the model itself."""
        while "/" in name:
            name = name.rpartition("/")[0]
            if name in self.scopes:
                return self.scopes[name]
        return ""

    def place(self, name: str) -> str:
        """The same as messages say it."""
        layer = self.layer(name)
        return f"layer '{layer}'" if layer else "the model"


class _Soft(NamedTuple):
    """A suppression of boxes that is not hard."""

    node: str
    sigma: float | None


def trace(
    net: Net, images: Sequence[bool], opset: int, batch: int | None
) -> Traced:
    """What tf2onnx makes of a model, channels first; the outputs are in its order.

    Args:
        net: the model.
        images: of each output, whether it is one.
        opset: version of the operator set.
        batch: number of images, or any.

    Raises:
        SpecError: E431, operators that it cannot convert, by layer; E432, it fails; E436, soft
            suppression of boxes, which it converts to hard.
    """
    import tensorflow as tf  # noqa: PLC0415
    import tf2onnx.convert as tf2onnx  # noqa: PLC0415

    flow: Any = tf
    converter: Any = tf2onnx
    scopes: dict[str, str] = {}
    soft: list[_Soft] = []
    # Keras sorts names, and tf2onnx with it.
    places = [f"output_{place:04}" for place in range(len(images))]

    def hear(path: str, value: object) -> object:
        scopes[flow.get_current_name_scope()] = path
        return value

    def call(images: object, **_: object) -> dict[str, object]:
        with net.hearing(hear):
            # Each output is a tensor of its own, though it be the input or stand twice.
            values = zip(places, net.outputs(images).values(), strict=True)
            return {place: flow.identity(value) for place, value in values}

    call.name = net.name  # pyright: ignore[reportFunctionMemberAccess]  what else tf2onnx asks for
    options = {
        "opset": opset,
        "inputs_as_nchw": [INPUT],
        "outputs_as_nchw": [place for place, is_image in zip(places, images, strict=True) if is_image],
        "custom_op_handlers": {"Erfc": (_complement, [])},
        "custom_rewriter": [lambda graph, ops: _prepare(graph, ops, soft)],
    }
    signature = [flow.TensorSpec((batch, *net.size), flow.float32, name=INPUT)]
    try:
        with _quiet(), _inlined(flow):
            proto = converter.from_keras(call, signature, **options)[0]
    except Exception as reason:  # whatever it is, it is not the user's fault
        message = str(reason).strip().partition("\n")[0]
        raise error("E432", f"tf2onnx fails: {message}", hint=CURE) from reason
    traced = Traced(proto, scopes)
    _need_hard(traced, soft)
    _need_onnx(traced)
    return traced


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


@contextmanager
def _inlined(flow: Any) -> Generator[None]:  # noqa: ANN401
    """Trace functions inside of functions as part of those.

    Keras compiles convolutions with groups by XLA, in functions that TensorFlow does not inline.
    """
    eager = flow.config.functions_run_eagerly()
    flow.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        flow.config.run_functions_eagerly(eager)


def _complement(graph: Graph, node: Node, _name: str, _args: Sequence[object]) -> None:
    """Erfc(x) = 1 - Erf(x)."""
    given, shapes, dtypes = node.input[0], node.output_shapes, node.output_dtypes
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [given], shapes=shapes, dtypes=dtypes, name=f"{node.name}/Erf")
    one = np.ones(1, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(dtypes[0])))
    one = graph.make_const(f"{node.name}/one", one)
    values = [one.output[0], erf.output[0]]
    graph.make_node("Sub", values, name=node.name, outputs=node.output, shapes=shapes, dtypes=dtypes)


def _prepare(graph: Graph, ops: Sequence[Node], soft: list[_Soft]) -> Sequence[Node]:
    """Note what suppresses softly, and spare tf2onnx the scalars that its optimizer stumbles over.

    It takes a scalar that is added behind a convolution for a bias without a length, and gives up
    on moving transposes.
    """
    for node in ops:
        if node.type == "NonMaxSuppressionV5":
            sigma = node.inputs[_SIGMA]
            value = float(sigma.get_tensor_value()) if sigma.is_const() else None
            if value != 0:
                soft.append(_Soft(node.name, value))
        if node.type in {"Add", "AddV2"}:
            _lengthen(graph, node)
    return ops


def _lengthen(graph: Graph, node: Node) -> None:
    """Make vectors of length 1 of the scalars that are added to something larger."""
    for place, given in enumerate(node.inputs):
        other = graph.get_shape(node.input[1 - place])
        if other and given.is_const() and graph.get_shape(node.input[place]) == []:
            value = given.get_tensor_value(as_list=False).reshape(1)
            longer = graph.make_const(f"{node.name}/scalar_{place}", value)
            graph.replace_input(node, node.input[place], longer.output[0], place)


def _need_onnx(traced: Traced) -> None:
    """Refuse what tf2onnx could not convert: it leaves TensorFlow's operators in the model."""
    foreign = sorted(
        {
            f"{node.op_type} in {traced.place(node.name)}"
            for node in nodes(traced.proto.graph)
            if not onnx.defs.has(node.op_type, node.domain)
        }
    )
    if foreign:
        message = f"tf2onnx leaves operators of TensorFlow in the model: {', '.join(foreign)}"
        raise error("E431", message, hint=CURE)


def _need_hard(traced: Traced, soft: Sequence[_Soft]) -> None:
    """Refuse soft suppression; tf2onnx cuts its sigma down to a whole number, 0."""
    for node, sigma in soft:
        how = f"sigma {sigma:g}" if sigma is not None else "a sigma that is computed"
        message = f"{traced.place(node)} suppresses boxes softly ({how}), for which ONNX has no word"
        raise error("E436", message, hint="suppress them hard, sigma 0")


def nodes(graph: onnx.GraphProto) -> Generator[onnx.NodeProto]:
    """All nodes, those inside of loops and conditions too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from nodes(attribute.g)
