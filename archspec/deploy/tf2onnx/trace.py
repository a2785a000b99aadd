"""A Keras model, traced by TensorFlow and converted by tf2onnx."""

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import Any

import onnx

from archspec.deploy.tf2onnx.flow import Soft, complement, prepare
from archspec.deploy.tf2onnx.layers import Net
from archspec.errors import error
from archspec.graph import INPUT

CURE = "leave out '--via tf2onnx'"


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


def trace(net: Net, images: Sequence[bool], opset: int, batch: int | None) -> Traced:
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
    soft: list[Soft] = []
    # Keras sorts names, and tf2onnx with it.
    places = [f"output_{place:04}" for place in range(len(images))]
    options: dict[str, Any] = {
        "opset": opset,
        "inputs_as_nchw": [INPUT],
        "outputs_as_nchw": list(compress(places, images)),
        "custom_op_handlers": {"Erfc": (complement, [])},
        "custom_rewriter": [partial(prepare, soft)],
    }
    signature = [flow.TensorSpec((batch, *net.size), flow.float32, name=INPUT)]
    with _told(), _inlined(flow):
        call = _call(net, places, scopes, flow)
        proto = converter.from_keras(call, signature, **options)[0]
    traced = Traced(proto, scopes)
    _need_hard(traced, soft)
    _need_onnx(traced)
    return traced


def trace_function(
    function: Callable[..., Sequence[object]], shapes: Sequence[Sequence[int | None]], opset: int
) -> onnx.ModelProto:
    """What tf2onnx makes of a function of tensors of these shapes, with names of its own.

    Raises:
        SpecError: E432, it fails.
    """
    import tensorflow as tf  # noqa: PLC0415
    import tf2onnx.convert as tf2onnx  # noqa: PLC0415

    flow: Any = tf
    converter: Any = tf2onnx
    signature = [flow.TensorSpec(shape, flow.float32) for shape in shapes]
    with _told():
        traced = flow.function(function, input_signature=signature)
        return converter.from_function(traced, signature, opset=opset)[0]


def _call(
    net: Net,
    places: Sequence[str],
    scopes: dict[str, str],
    flow: Any,  # noqa: ANN401
) -> Callable[..., object]:
    """The model as tf2onnx calls it: outputs by place; `scopes` learns where its layers are."""

    def hear(path: str, value: object) -> object:
        scopes[flow.get_current_name_scope()] = path
        return value

    def call(images: object, **_: object) -> dict[str, object]:
        with net.hearing(hear):
            # Each output is a tensor of its own, though it be the input or stand twice.
            values = zip(places, net.outputs(images).values(), strict=True)
            return {place: flow.identity(value) for place, value in values}

    call.name = net.name  # pyright: ignore[reportFunctionMemberAccess]  what else tf2onnx asks for
    return call


@contextmanager
def _told() -> Generator[None]:
    """Tell why tf2onnx fails, and silence it: what it logs as an error is in what it returns."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except Exception as reason:  # whatever it is, it is not the user's fault
        message = str(reason).strip().partition("\n")[0]
        raise error("E432", f"tf2onnx fails: {message}", hint=CURE) from reason
    finally:
        logger.setLevel(level)


@contextmanager
def _inlined(flow: Any) -> Generator[None]:  # noqa: ANN401
    """Trace functions inside of functions as part of those.

    Keras compiles convolutions with groups by XLA, in functions that TensorFlow does not inline.
    """
    eager = flow.config.functions_run_eagerly()
    flow.config.run_functions_eagerly(run_eagerly=True)
    try:
        yield
    finally:
        flow.config.run_functions_eagerly(eager)


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


def _need_hard(traced: Traced, soft: Sequence[Soft]) -> None:
    """Refuse soft suppression; tf2onnx cuts its sigma down to a whole number, 0."""
    for node, sigma in soft:
        how = f"sigma {sigma:g}" if sigma is not None else "a sigma that is computed"
        message = (
            f"{traced.place(node)} suppresses boxes softly ({how}), which ONNX has no word for"
        )
        raise error("E436", message, hint="suppress them hard, sigma 0")


def nodes(graph: onnx.GraphProto) -> Generator[onnx.NodeProto]:
    """All nodes, those inside of loops and conditions too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from nodes(attribute.g)
