"""Export: passes, the ONNX model, its check, and then the file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import onnx
from numpy.typing import NDArray

from archspec.backends.onnx import LARGEST, Form, emit, size_of
from archspec.deploy import external
from archspec.deploy.check import Agreement, Truth
from archspec.deploy.check import check as compare
from archspec.deploy.tf2onnx import convert
from archspec.errors import did_you_mean, error
from archspec.files import write_whole
from archspec.graph import Graph
from archspec.passes.pipeline import deployed

Weights: TypeAlias = Mapping[str, NDArray[Any]]

WAYS = ("direct", "tf2onnx")
"""Written from the graph, or from its Keras model by way of TensorFlow."""


@dataclass(frozen=True)
class Exported:
    """The file that an export wrote.

    Args:
        path: where it is.
        bytes: its size, with that of the file of its weights if there is one.
        sha256: of what is in it, hexadecimal.
        opset: version of the operator set.
        nodes: number of ONNX nodes.
        agreement: of ONNX Runtime and the reference; none if it was not checked.
        data: the file of its weights, if they are not in it.
    """

    path: Path
    bytes: int
    sha256: str
    opset: int
    nodes: int
    agreement: Agreement | None
    data: Path | None = None


def export(  # noqa: PLR0913  each is an option of the command
    graph: Graph,
    weights: Weights,
    path: str | os.PathLike[str],
    form: Form = Form(),  # noqa: B008  frozen
    *,
    via: str = "direct",
    check: bool = True,
    external_data: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Exported:
    """Write the graph to `path` as an ONNX model that was checked before the file appears.

    Args:
        graph: as it was lowered.
        weights: an array for each key of `graph.weights`.
        path: of the file; an older one is replaced.
        form: opset, batch, layout and the like.
        via: one of `WAYS`.
        check: whether ONNX Runtime must agree with the reference ("tf2onnx": with Keras).
        external_data: whether the weights go into a file of their own, as they do whenever one
            file cannot hold them.
        metadata: what goes into the model's `metadata_props`.

    Raises:
        SpecError: E412 to E416, it cannot be emitted; E420 to E423, the check fails; E430 to
            E432, tf2onnx cannot do it; E110, the file cannot be written.
    """
    _need_sense(os.fspath(path), via)
    if via == "direct" and (external_data or size_of(graph, form) > LARGEST):
        return _external(graph, weights, Path(path), form, check, metadata)
    truth: Truth | None = None
    if via == "direct":
        model = direct(graph, weights, form, metadata)
    else:
        _need_plain(form, external_data)
        model, truth = convert(graph, weights, form.opset, form.batch, metadata)
    agreement = compare(model, graph, weights, form, keras=truth) if check else None
    data = model.SerializeToString(deterministic=True)
    write_whole(path, data)
    digest, nodes = sha256(data).hexdigest(), len(model.graph.node)
    return Exported(Path(path), len(data), digest, form.opset, nodes, agreement)


def _need_sense(path: str, via: str) -> None:
    if via not in WAYS:
        raise error("E414", f"there is no way '{via}' to ONNX", hint=did_you_mean(via, WAYS))
    if not path.endswith(".onnx"):
        raise error("E415", f"'{path}' is no name of an ONNX file", hint="it ends with .onnx")


def direct(
    graph: Graph,
    weights: Weights,
    form: Form = Form(),  # noqa: B008  frozen
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """The graph after all passes, as an ONNX model."""
    return emit(*deployed(graph, weights), form, metadata=metadata)


def _external(
    graph: Graph,
    weights: Weights,
    path: Path,
    form: Form,
    check: bool,  # noqa: FBT001
    metadata: Mapping[str, str] | None,
) -> Exported:
    agreement: Agreement | None = None

    def compared(found: external.External) -> None:
        nonlocal agreement
        if check:
            agreement = compare(found.model, graph, weights, form, folder=found.folder)

    small, arrays = deployed(graph, weights)
    found = external.write(
        path, lambda data: emit(small, arrays, form, metadata=metadata, data=data), compared
    )
    data, model = (
        path.resolve().parent / found.name,
        found.model.SerializeToString(deterministic=True),
    )
    return Exported(
        path,
        len(model) + data.stat().st_size,
        sha256(model).hexdigest(),
        form.opset,
        len(found.model.graph.node),
        agreement,
        data,
    )


def _need_plain(form: Form, external_data: bool) -> None:  # noqa: FBT001
    """Refuse what only the direct way can do."""
    if external_data or form != Form(opset=form.opset, batch=form.batch):
        raise error(
            "E419",
            "tf2onnx takes an opset and a batch, and no other option about the file",
            hint="leave out '--via tf2onnx'",
        )
