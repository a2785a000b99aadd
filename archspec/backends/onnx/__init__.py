"""The graph as an ONNX model, written straight: channels first, no Transpose, no tracing."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import BinaryIO

import onnx
from onnx import helper

from archspec.backends.onnx import mobile
from archspec.backends.onnx.form import OPSETS, Form
from archspec.backends.onnx.rules import RULES
from archspec.backends.onnx.writer import Weights, Writer
from archspec.errors import error
from archspec.graph import INPUT, Graph

__all__ = ["LARGEST", "OPSETS", "RULES", "VERSION", "Form", "emit", "refuse", "size_of"]

VERSION = version("archspec-compiler")
"""Of archspec, which stands in every file."""

LARGEST = 2**31 - 2**24
"""Bytes of weights that go into an ONNX file; 16 MiB are for what is not a weight."""

_TARGETS = {"any": RULES, "mobile": mobile.RULES}
"""What a file is for → the table that it is written by."""


def emit(
    graph: Graph,
    weights: Weights,
    form: Form = Form(),
    *,
    metadata: Mapping[str, str] | None = None,
    data: BinaryIO | None = None,
) -> onnx.ModelProto:
    """The graph as it is; fold and prune it first for a model to deploy.

    The input is called `input`, (batch, c, h, w); outputs bear the names of `graph.outputs`,
    nodes those of the graph and initializers the keys of the weights. The same arguments give
    the same bytes.

    Args:
        graph: what to emit.
        weights: an array for each key of `graph.weights`, in Keras layout.
        form: opset, batch, layout and the like.
        metadata: what goes into `metadata_props`.
        data: where the weights are written instead of into the model, which then says where in it
            they are; the name of the file is for the caller to set.

    Raises:
        SpecError: E412 and E413, see `refuse`; E416, something in the graph depends on the size of
            the image, which may be any.
    """
    refuse(graph, form, inside=data is None)
    model = onnx.ModelProto(
        ir_version=helper.OP_SET_ID_VERSION_MAP["ai.onnx", form.opset],
        opset_import=[helper.make_opsetid("", form.opset)],
        producer_name="archspec",
        producer_version=VERSION,
        model_version=1,
    )
    writer = Writer(model.graph, graph, weights, form, data)
    rules = _TARGETS[form.target]
    for node in graph.nodes:
        rules[type(node.op)](writer.site(node), node.op)
        writer.settle(node)
    writer.finish()
    if form.any_size or writer.inferred:
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    helper.set_model_props(model, dict(sorted((metadata or {}).items())))
    return model


def refuse(graph: Graph, form: Form, *, inside: bool = True) -> None:
    """Refuse what cannot be an ONNX file; `inside`: with its weights in it.

    Raises:
        SpecError: E412, more than the 2 GiB of a file; E413, an output that is called like the
            input.
    """
    size = size_of(graph, form)
    if inside and size > LARGEST:
        raise error("E412", f"weights of {size / 2**30:.1f} GiB: an ONNX file holds less than 2")
    if INPUT in graph.outputs:
        raise error("E413", f"an output cannot be called '{INPUT}', the input is")


def size_of(graph: Graph, form: Form) -> int:
    """Bytes of the weights."""
    bytes_each = 2 if form.precision == "fp16" else 4
    return bytes_each * sum(weight.size for weight in graph.weights.values())
