"""Export: passes, the ONNX model, its check, and then the file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import onnx
from numpy.typing import NDArray

from archspec.backends.onnx import LARGEST, Form, emit, size_of
from archspec.deploy import external
from archspec.deploy.check import Agreement, Truth
from archspec.deploy.check import check as compare
from archspec.deploy.detections import join, split, suppressing
from archspec.errors import SpecError, did_you_mean, error
from archspec.files import write_whole
from archspec.graph import Graph
from archspec.ops import Rows
from archspec.passes.pipeline import deployed

# Most exports need neither, and an export takes less than a second.
if TYPE_CHECKING:
    from archspec.deploy.quantize import Calibration, Figures
    from archspec.deploy.quantize.static import Progress

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
        agreement: of ONNX Runtime and the reference, in float; none if it was not checked.
        data: the file of its weights, if they are not in it.
        figures: how int8 differs from float32, if it is int8.
        via: one of `WAYS`.
        why: why it is not direct, where nobody asked for that.
    """

    path: Path
    bytes: int
    sha256: str
    opset: int
    nodes: int
    agreement: Agreement | None
    data: Path | None = None
    figures: "Figures | None" = None
    via: str = "direct"
    why: str = ""


class Quantization(NamedTuple):
    """How a file becomes int8, see `deploy.quantize`.

    Args:
        images: what it is calibrated with.
        float_until: the row or node that stays in float32 last; None: by rule.
        progress: told how many images are done, and how many there are.
    """

    images: "Calibration"
    float_until: str | None = None
    progress: "Progress | None" = None


def export(  # noqa: PLR0913  each is an option of the command
    graph: Graph,
    weights: Weights,
    path: str | os.PathLike[str],
    form: Form = Form(),
    *,
    via: str = "direct",
    check: bool = True,
    external_data: bool = False,
    quantization: Quantization | None = None,
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
        external_data: whether the weights go into a file of their own though one can hold them.
        quantization: how it becomes int8 after the check.
        metadata: what goes into the model's `metadata_props`.

    Raises:
        SpecError: E412 to E419, it cannot be emitted; E420 to E423, the check fails; E430 to
            E436, tf2onnx cannot do it; E450 to E458, int8; E110, the file cannot be written.
    """
    need_onnx(os.fspath(path))
    if via not in WAYS:
        raise error("E414", f"there is no way '{via}' to ONNX", hint=did_you_mean(via, WAYS))
    if via == "tf2onnx" and external_data:
        raise _only_direct()
    if quantization is None and via == "direct" and _needs_two(graph, form, external_data):
        return _external(graph, weights, Path(path), form, check, metadata)
    model, truth = _made(graph, weights, form, via, metadata)
    agreement = compare(model, graph, weights, form, keras=truth) if check else None
    if quantization is None:
        return replace(_written(model, Path(path), agreement), via=via)
    model, figures = _quantized(model, graph, quantization)
    return replace(_written(model, Path(path), agreement), figures=figures, via=via)


def _quantized(
    model: onnx.ModelProto, graph: Graph, quantization: Quantization
) -> tuple[onnx.ModelProto, "Figures"]:
    """The model in int8, but for what boxes are made of: neither decoded nor suppressed in it."""
    from archspec.deploy.quantize import quantize  # noqa: PLC0415

    parts = split(model, graph) if suppressing(graph) else None
    images, until, progress = quantization
    front, figures = quantize(
        parts.front if parts else model,
        images,
        float_until=until,
        float_from=[node.name for node in graph.nodes if isinstance(node.op, Rows)],
        progress=progress,
    )
    names = [output.name for output in model.graph.output]
    return (join(front, parts.tail, names) if parts else front), figures


def _needs_two(graph: Graph, form: Form, asked: bool) -> bool:  # noqa: FBT001
    """Whether model and weights are two files."""
    return asked or size_of(graph, form) > LARGEST


def _made(
    graph: Graph, weights: Weights, form: Form, via: str, metadata: Mapping[str, str] | None
) -> tuple[onnx.ModelProto, Truth | None]:
    """The model by either way, and what it is compared with in the reference's stead."""
    if via == "direct":
        return direct(graph, weights, form, metadata), None
    need_plain(form)
    from archspec.deploy.tf2onnx import convert  # noqa: PLC0415

    return convert(graph, weights, form.opset, form.batch, metadata)


def export_model(  # noqa: PLR0913  what the command is given
    source: str,
    path: str | os.PathLike[str],
    form: Form = Form(),
    *,
    size: tuple[int, int] | None = None,
    check: bool = True,
    why: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Exported:
    """Write a Keras model file to `path` by way of tf2onnx, compared with Keras.

    Args:
        source: the model file, .keras or .h5.
        path: of the ONNX file; an older one is replaced.
        form: opset and batch; nothing else can be chosen.
        size: height and width of the images, where the model leaves them open.
        check: whether ONNX Runtime must agree with Keras.
        why: why it does not go the direct way.
        metadata: what goes into the model's `metadata_props`.

    Raises:
        SpecError: E415 and E419, it cannot be such a file; E420 to E423, the check fails; E430 to
            E436, tf2onnx cannot do it; E110, the file cannot be written.
    """
    need_onnx(os.fspath(path))
    need_plain(replace(form, any_size=False))
    from archspec.deploy.tf2onnx import convert_model, load  # noqa: PLC0415

    model, truth = convert_model(
        load(source), opset=form.opset, batch=form.batch, size=size, metadata=metadata
    )
    agreement = truth.agree(model) if check else None
    return replace(_written(model, Path(path), agreement), via="tf2onnx", why=why)


def direct(
    graph: Graph,
    weights: Weights,
    form: Form = Form(),
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """The graph after all passes, as an ONNX model."""
    return emit(*deployed(graph, weights, any_size=form.any_size), form, metadata=metadata)


def _written(model: onnx.ModelProto, path: Path, agreement: Agreement | None) -> Exported:
    data = model.SerializeToString(deterministic=True)
    write_whole(path, data)
    digest = sha256(data).hexdigest()
    opset = next(entry.version for entry in model.opset_import if not entry.domain)
    return Exported(path, len(data), digest, opset, len(model.graph.node), agreement)


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

    small, arrays = deployed(graph, weights, any_size=form.any_size)
    found = external.write(
        path, lambda data: emit(small, arrays, form, metadata=metadata, data=data), compared
    )
    model, nodes = found.model.SerializeToString(deterministic=True), len(found.model.graph.node)
    size, digest = len(model) + found.data.stat().st_size, sha256(model).hexdigest()
    return Exported(path, size, digest, form.opset, nodes, agreement, found.data)


def need_onnx(path: str) -> None:
    """Refuse what is no name of an ONNX file: E415."""
    if not path.endswith(".onnx"):
        raise error("E415", f"'{path}' is no name of an ONNX file", hint="it ends with .onnx")


def need_plain(form: Form) -> None:
    """Refuse what only the direct way can do: E419."""
    if form != Form(opset=form.opset, batch=form.batch):
        raise _only_direct()


def _only_direct() -> SpecError:
    message = "tf2onnx takes an opset and a batch, and no other option about the file"
    return error("E419", message, hint="leave out '--via tf2onnx'")
