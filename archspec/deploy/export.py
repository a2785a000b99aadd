"""Export: passes, the ONNX model, its check, and then the file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import onnx
from numpy.typing import NDArray

from archspec.backends.onnx import emit
from archspec.deploy.check import Agreement, Truth
from archspec.deploy.check import check as compare
from archspec.deploy.tf2onnx import convert
from archspec.errors import did_you_mean, error
from archspec.files import write_whole
from archspec.graph import Graph
from archspec.passes.collapse import collapse
from archspec.passes.gates import gates
from archspec.passes.merge import merge
from archspec.passes.pads import pads
from archspec.passes.prune import prune

Weights: TypeAlias = Mapping[str, NDArray[Any]]

PASSES = (prune, pads, collapse, gates, merge)
"""What a deployed model goes through, in this order."""


WAYS = ("direct", "tf2onnx")
"""Written from the graph, or from its Keras model by way of TensorFlow."""


@dataclass(frozen=True)
class Exported:
    """The file that an export wrote.

    Args:
        path: where it is.
        bytes: its size.
        sha256: of what is in it, hexadecimal.
        opset: version of the operator set.
        nodes: number of ONNX nodes.
        agreement: of ONNX Runtime and the reference; none if it was not checked.
    """

    path: Path
    bytes: int
    sha256: str
    opset: int
    nodes: int
    agreement: Agreement | None


def export(  # noqa: PLR0913  each is an option of the command
    graph: Graph,
    weights: Weights,
    path: str | os.PathLike[str],
    *,
    opset: int = 17,
    batch: int | None = None,
    via: str = "direct",
    check: bool = True,
    metadata: Mapping[str, str] | None = None,
) -> Exported:
    """Write the graph to `path` as an ONNX model that was checked before the file appears.

    Args:
        graph: as it was lowered.
        weights: an array for each key of `graph.weights`.
        path: of the file; an older one is replaced.
        opset: version of the operator set.
        batch: number of images; any number where it is not given.
        via: one of `WAYS`.
        check: whether ONNX Runtime must agree with the reference ("tf2onnx": with Keras).
        metadata: what goes into the model's `metadata_props`.

    Raises:
        SpecError: E410 to E415, it cannot be emitted; E420 to E423, the check fails; E430 to
            E432, tf2onnx cannot do it; E110, the file cannot be written.
    """
    if via not in WAYS:
        raise error("E414", f"there is no way '{via}' to ONNX", hint=did_you_mean(via, WAYS))
    if not os.fspath(path).endswith(".onnx"):
        raise error(
            "E415", f"'{os.fspath(path)}' is no name of an ONNX file", hint="it ends with .onnx"
        )
    truth: Truth | None = None
    if via == "direct":
        model = direct(graph, weights, opset, batch, metadata)
    else:
        model, truth = convert(graph, weights, opset, batch, metadata)
    agreement = compare(model, graph, weights, keras=truth) if check else None
    data = model.SerializeToString(deterministic=True)
    write_whole(path, data)
    digest = sha256(data).hexdigest()
    return Exported(Path(path), len(data), digest, opset, len(model.graph.node), agreement)


def direct(
    graph: Graph,
    weights: Weights,
    opset: int = 17,
    batch: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """The graph after all passes, as an ONNX model."""
    for run in PASSES:
        graph, weights = run(graph, weights)
    return emit(graph, weights, opset=opset, batch=batch, metadata=metadata)
