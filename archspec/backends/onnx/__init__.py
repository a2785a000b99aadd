"""The graph as an ONNX model, written straight: channels first, no Transpose, no tracing."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import onnx
from onnx import helper

from archspec.backends.onnx import mobile
from archspec.backends.onnx.rules import RULES
from archspec.backends.onnx.writer import Weights, Writer
from archspec.errors import did_you_mean, error
from archspec.graph import INPUT, Graph

__all__ = ["OPSETS", "RULES", "TARGETS", "emit", "refuse"]

OPSETS = range(13, onnx.defs.onnx_opset_version() + 1)
"""What can be emitted: from the first opset with per-channel softmax to the newest onnx knows."""

TARGETS = {"any": RULES, "mobile": mobile.RULES}
"""What a model is for → the table that it is written by."""

_LARGEST = 2**31 - 2**24  # 16 MiB are for what is not a weight


def emit(
    graph: Graph,
    weights: Weights,
    *,
    opset: int = 17,
    batch: int | None = None,
    target: str = "any",
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """The graph as it is, in float32; fold and prune it first for a model to deploy.

    The input is called `input`, (batch, c, h, w); outputs bear the names of `graph.outputs`,
    nodes those of the graph and initializers the keys of the weights. The same arguments give
    the same bytes.

    Args:
        graph: what to emit.
        weights: an array for each key of `graph.weights`, in Keras layout.
        opset: version of the operator set, one of `OPSETS`.
        batch: number of images; where it is not given any number, 1 for "mobile".
        target: one of `TARGETS`; "mobile" is what accelerators of phones run as a whole.
        metadata: what goes into `metadata_props`.

    Raises:
        SpecError: E410 to E413, see `refuse`; E467, there is no such target.
    """
    refuse(graph, opset, batch)
    if target not in TARGETS:
        raise error("E467", f"there is no target '{target}'", hint=did_you_mean(target, TARGETS))
    if target == "mobile":
        batch = batch or 1  # what is dynamic stays on the processor
    model = onnx.ModelProto(
        ir_version=helper.OP_SET_ID_VERSION_MAP["ai.onnx", opset],
        opset_import=[helper.make_opsetid("", opset)],
        producer_name="archspec",
        producer_version=_version(),
        model_version=1,
    )
    writer = Writer(model.graph, graph, weights, opset, batch)
    for node in graph.nodes:
        TARGETS[target][type(node.op)](writer.site(node), node.op)
        writer.settle(node)
    writer.finish()
    helper.set_model_props(model, dict(sorted((metadata or {}).items())))
    return model


def refuse(graph: Graph, opset: int, batch: int | None) -> None:
    """Refuse what cannot be an ONNX file.

    Raises:
        SpecError: E410, the opset; E411, the batch; E412, more than the 2 GiB of a file; E413,
            an output that is called like the input.
    """
    if opset not in OPSETS:
        raise error("E410", f"opset {opset} is not one of {OPSETS[0]} to {OPSETS[-1]}")
    if batch is not None and batch < 1:
        raise error("E411", f"a batch of {batch} images")
    size = 4 * sum(weight.size for weight in graph.weights.values())
    if size > _LARGEST:
        raise error("E412", f"weights of {size / 2**30:.1f} GiB: an ONNX file holds less than 2")
    if INPUT in graph.outputs:
        raise error("E413", f"an output cannot be called '{INPUT}', the input is")


def _version() -> str:
    try:
        return version("archspec-compiler")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
