"""Files to deploy, for ONNX and for LiteRT, of a spec or of a Keras model file."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Unpack

from archspec import detectors
from archspec.api import Blocks, Path, Reference, loaded, sized, to_graph
from archspec.artifacts import UNTRAINED, Weights, arrays
from archspec.backends import framework
from archspec.errors import Source, Span, SpecError, did_you_mean, error
from archspec.graph import Graph
from archspec.options import (
    Options,
    boxes_given,
    flag,
    form_of,
    litert_form,
    need_images,
    need_known,
    sides,
)
from archspec.passes.detections import SCORES, detections
from archspec.schema import OUTPUT
from archspec.spec import Normalization, Spec, Tap

if TYPE_CHECKING:
    import numpy as np

    from archspec.deploy.export import Exported
    from archspec.deploy.quantize import Calibration
    from archspec.deploy.tflite import Converted

MODELS = (".keras", ".h5")
"""What names of Keras model files end with."""

LITERT = ".tflite"

_NOMINAL = (224, 224)
"""The size that a model of any size is read with."""

_NO_SIZE = "E446"
"""The error of a Keras model that leaves the size of its images open."""

_NOT_LIFTED = {"E443", "E444", "E445"}
"""Errors of a Keras model that has no graph; TensorFlow converts it."""


@dataclass(frozen=True)
class _Net:
    """What is exported.

    Args:
        graph: with the outputs and the size of image that are wanted.
        weights: its arrays.
        title: what it is called.
        spec: that it comes from; None for a Keras model.
    """

    graph: Graph
    weights: "Mapping[str, np.ndarray]"
    title: str
    spec: Spec | None = None

    @property
    def normalization(self) -> Normalization | None:
        """Of the pixels that it takes, if that is said."""
        return self.spec.normalization if self.spec else None

    @property
    def classes(self) -> int:
        """How many a label is wanted for."""
        shapes = {name: self.graph.shapes[node] for name, node in self.graph.outputs.items()}
        last = [shape[-1] for name, shape in shapes.items() if len(shape) == 1 or name == SCORES]
        return self.spec.classes if self.spec else next(iter(last), 0)


def export(
    spec: Reference,
    path: Path,
    *,
    weights: Weights = UNTRAINED,
    reset: Sequence[str] = (),
    blocks: Blocks | None = None,
    **options: Unpack[Options],
) -> "Exported | Converted":
    """Write an ONNX or a LiteRT file that computes what a spec, or a Keras model, says.

    Args:
        spec: what to export; also the path of a Keras model file, .keras or .h5.
        path: the file, ending with .onnx or .tflite; it appears whole or not at all.
        weights: what it computes with; a model file has its own.
        reset: rows that are drawn anew whatever the file has for them: `classifier`.
        blocks: as in `load`; a loaded spec has them already.
        options: see `Options`.

    Raises:
        SpecError: the spec is wrong; E4xx, the model or the export; E5xx, the weights.
        TypeError: there is no such option, or its value is none.
    """
    need_known(options)
    need_images(options)
    if not isinstance(spec, Spec):
        need_other(spec, path)
    if not isinstance(spec, Spec) and is_model(os.fspath(spec)):
        if weights is not UNTRAINED or reset:
            raise error(
                "E425", f"'{os.fspath(spec)}' is a Keras model, which has weights of its own"
            )
        return _export_model(os.fspath(spec), path, options)
    wanted = _edited(loaded(spec, blocks), options)
    graph = to_graph(wanted)
    return _write(_Net(graph, arrays(weights, graph, reset), wanted.title, wanted), path, options)


def need_other(source: Path, path: Path) -> None:
    """Refuse to replace what is exported.

    Raises:
        SpecError: E428, they are one file.
    """
    if os.path.realpath(source) == os.path.realpath(path):
        raise error("E428", f"'{os.fspath(path)}' is what is to be exported, and stays")


def is_model(reference: str) -> bool:
    """Whether it is the path of a Keras model file."""
    return reference.endswith(MODELS)


def _export_model(source: str, path: Path, options: Options) -> "Exported | Converted":
    """Export a Keras model: through its graph, or by way of TensorFlow where it has none."""
    if options.get("via", "direct") != "direct" or not source.endswith(MODELS[0]):
        return _by_tensorflow(source, path, options, "")
    try:
        return _write(_lifted(source, options), path, options)
    except SpecError as reason:
        if reason.diagnostics[0].code not in _NOT_LIFTED:
            raise
        why = reason.diagnostics[0].message
    try:
        return _by_tensorflow(source, path, options, why)
    except SpecError as reason:
        hint = f"it goes by way of tf2onnx because {why}"
        raise SpecError([item._replace(hint=hint) for item in reason.diagnostics]) from reason


def _by_tensorflow(source: str, path: Path, options: Options, why: str) -> "Exported":
    """Export a Keras model as tf2onnx converts it; `why`: why that has to be."""
    from archspec.deploy import export as deploy  # noqa: PLC0415
    from archspec.deploy import metadata  # noqa: PLC0415

    others = [flag(name) for name in _OF_GRAPHS if options.get(name)]
    if others or os.fspath(path).endswith(LITERT):
        what = others[0] if others else "a LiteRT file"
        raise error("E426", f"{what} needs a graph, which there is none of by way of tf2onnx")
    form = form_of(options)
    with framework("a Keras model without a graph"):
        return deploy.export_model(
            source,
            path,
            form,
            size=sides(options),
            check=options.get("check", True),
            why=why,
            metadata=metadata.describe(PurePath(source).stem, None, form),
        )


_OF_GRAPHS = (
    "outputs", "scores", "decoded", "nms", "labels", "external_data", "calibrate", "preprocess",
)  # fmt: skip
"""Options of files that come from a graph."""


def _lifted(source: str, options: Options) -> _Net:
    """The graph of a Keras model file, with the size and the outputs that are wanted."""
    from archspec.lift import lift  # noqa: PLC0415

    try:
        found = lift(source, sides(options))
    except SpecError as reason:
        if reason.diagnostics[0].code != _NO_SIZE or options.get("size") != "dynamic":
            raise
        found = lift(source, _NOMINAL)
    graph, taps = found.graph, _taps(options)
    if taps:
        graph = replace(graph, outputs={name: _node(graph, tap) for name, tap in taps.items()})
    return _Net(graph, found.weights, graph.name)


def _node(graph: Graph, tap: Tap) -> str:
    """What an output of a lifted graph gives, by the name of its layer."""
    if tap.path not in graph.named:
        hint = did_you_mean(tap.path, graph.named)
        raise error("E303", f"there is no '{tap.path}'", tap.span, hint)
    return tap.path


def _write(net: _Net, path: Path, options: Options) -> "Exported | Converted":
    """Write the file, with what it is to do besides and what it says of itself."""
    from archspec.deploy import export as deploy  # noqa: PLC0415
    from archspec.deploy import metadata  # noqa: PLC0415

    if boxes_given(options):
        net = replace(net, graph=detectors.need_detector(net.graph))
    litert = os.fspath(path).endswith(LITERT)
    form = litert_form(options) if litert else form_of(options)
    file, scores = options.get("labels"), options.get("scores")
    labels = metadata.read_labels(file, net.classes) if file is not None else ()
    boxes = detectors.described(boxes_given(options), detectors.suppression(net.spec))
    said = metadata.describe(
        net.title, net.spec, form, scores=scores, labels=labels, detections=boxes
    )
    images = _images(net, options)
    net = _changed(net, options)
    check, via = options.get("check", True), options.get("via", "direct")
    if litert:
        with framework("a LiteRT file"):
            return _litert(net, path, options, images, said)
    quantization = None
    if images:
        quantization = deploy.Quantization(
            images, options.get("float_until"), options.get("progress")
        )
    with framework(f"the way via {via}"):
        return deploy.export(
            net.graph,
            net.weights,
            path,
            form,
            via=via,
            check=check,
            external_data=options.get("external_data", False),
            quantization=quantization,
            metadata=said,
        )


def _litert(
    net: _Net,
    path: Path,
    options: Options,
    images: "Calibration | None",
    metadata: Mapping[str, str],
) -> "Converted":
    from archspec.deploy.tflite import export_tflite  # noqa: PLC0415

    batch = options.get("batch")
    batch = 1 if batch is None else batch
    return export_tflite(
        net.graph,
        net.weights,
        path,
        precision=options.get("precision", "fp32"),
        batch=None if batch == "dynamic" else batch,
        images=images.images() if images else None,
        check=options.get("check", True),
        metadata=metadata,
    )


def _images(net: _Net, options: Options) -> "Calibration | None":
    """What int8 is calibrated with."""
    path = options.get("calibrate")
    if not path:
        return None
    from archspec.deploy.quantize import read_images  # noqa: PLC0415

    pixels = options.get("preprocess", False)
    normalization = None if pixels else net.normalization
    height, width, channels = net.graph.input
    images = read_images(path, (height, width, channels), normalization, pixels=pixels)
    if normalization is None and not pixels and not images.floats:
        raise _not_said(net, "give floats as the net takes them, in a .npy file")
    return images


def _changed(net: _Net, options: Options) -> _Net:
    """The net with what the file is to do besides, before and after it."""
    from archspec.passes.normalize import normalize  # noqa: PLC0415
    from archspec.passes.scores import scores  # noqa: PLC0415

    wanted = options.get("scores")
    if wanted:
        net = replace(net, graph=scores(net.graph, wanted))
    convention = boxes_given(options)
    if convention and convention != "decoded":
        limits = detectors.suppression(net.spec)
        net = replace(net, graph=detections(net.graph, limits, convention))
    if not options.get("preprocess"):
        return net
    if net.normalization is None:
        raise _not_said(net, "put a layer Rescaling in front of the model")
    graph, weights = normalize(net.graph, net.weights, net.normalization)
    return replace(net, graph=graph, weights=weights)


def _not_said(net: _Net, cure: str) -> SpecError:
    """The error of a net of whose pixels nothing is known; `cure`: where there is no spec."""
    hint = "as in --set normalization.mean=0.5 --set normalization.std=0.5" if net.spec else cure
    return error("E418", f"{net.title} does not say how pixels are normalized", hint=hint)


def _edited(spec: Spec, options: Options) -> Spec:
    """The spec with another size of image, and with other outputs."""
    size = sides(options)
    outputs = detectors.taps(spec) if boxes_given(options) else _taps(options)
    document: dict[str, Any] = {}
    if size:
        spec = sized(spec, *size)
    if outputs:  # what it equals has other ones
        spec = replace(spec, outputs=outputs, equals={})
        document["equals"] = {}
        document["outputs"] = {name: tap.path for name, tap in spec.outputs.items()}
    if not document:
        return spec
    whole = {**spec.document, **document}
    return replace(spec, written=lambda: {key: said for key, said in whole.items() if said != {}})


def _taps(options: Options) -> dict[str, Tap]:
    """The outputs that are wanted in the stead of others, by name.

    Raises:
        SpecError: E303, a name stands twice, or is none that a spec may have.
    """
    taps: dict[str, Tap] = {}
    for name, tap in map(_tap, options.get("outputs") or ()):
        if name in taps:
            raise error("E303", f"two outputs are called '{name}'", tap.span)
        if name != tap.path and not re.match(OUTPUT, name):
            wanted = "letters, digits, _ and ., a letter first"
            raise error("E303", f"an output cannot be called {name!r}; wanted: {wanted}", tap.span)
        taps[name] = tap
    return taps


def _tap(text: str) -> tuple[str, Tap]:
    """`c3=s3`, or a path that is the output's name as well."""
    name, equals, path = text.partition("=")
    span = Span(Source("--outputs", text), 1, len(name) + 2 if equals else 1, 1, len(text) + 1)
    return name, Tap(path if equals else name, span)
