"""What is made of a spec: Keras models, weights, ONNX files."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from reprlib import repr as brief
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack

from archspec.api import Blocks, Path, Reference, loaded, to_graph
from archspec.backends import framework
from archspec.errors import Source, Span, error
from archspec.graph import Graph
from archspec.spec import Spec, Tap

if TYPE_CHECKING:
    import keras
    import numpy as np

    from archspec.backends.onnx import Form
    from archspec.deploy.export import Exported
    from archspec.weights.store import Loaded

Weights: TypeAlias = "Path | Mapping[str, np.ndarray] | keras.Model"
"""`random:SEED`, a weight file of any kind, arrays by key, or a Keras model."""

Size: TypeAlias = int | tuple[int, int] | Literal["dynamic"]
"""Of images: a side of a square, height and width, or any."""

Layout: TypeAlias = Literal["nchw", "nhwc"]
Precision: TypeAlias = Literal["fp32", "fp16"]
Target: TypeAlias = Literal["any", "mobile"]
Scores: TypeAlias = Literal["logits", "softmax"]

UNTRAINED = "random:0"

OPSET = 17
"""The ONNX operators that every runtime of the last years knows."""


def compile(  # noqa: A001  the word of the field
    spec: Reference,
    *,
    weights: "Weights | None" = None,
    reset: Sequence[str] = (),
    deploy: bool = False,
    blocks: Blocks | None = None,
) -> "keras.Model":
    """A `keras.Model` of stock layers, trainable unless it is to be deployed.

    Args:
        spec: what to build.
        weights: what it starts with; None for the spec's initializers.
        reset: rows that start with the spec's initializers whatever the file has: `classifier`.
        deploy: whether it goes through the passes of a deployed model: dropout is gone, batch norm
            is folded, parallel convolutions are one.
        blocks: as in `load`; a loaded spec has them already.

    Raises:
        SpecError: the spec is wrong; E5xx, the weights do not fit it.
    """
    with framework("a Keras model"):
        from archspec.backends import keras as backend  # noqa: PLC0415

    net = to_graph(spec, blocks=blocks)
    model = _trainable(net, weights, reset)
    if not deploy:
        return model
    from archspec.passes.pipeline import deployed  # noqa: PLC0415

    return backend.emit(*deployed(net, backend.read_weights(model)))


def _trainable(net: Graph, weights: "Weights | None", reset: Sequence[str]) -> "keras.Model":
    from archspec.backends import keras as backend  # noqa: PLC0415

    if weights is None:
        return backend.emit(net)
    from archspec.weights import keys_of  # noqa: PLC0415

    found, initial = arrays(weights, net, reset), keys_of(net, reset)
    model = backend.emit(net)
    own = backend.read_weights(model) if initial else {}
    backend.write_weights(model, {**found, **{key: own[key] for key in initial}})
    return model


def save(
    spec: Reference,
    path: Path,
    weights: "Weights | None" = None,
    *,
    reset: Sequence[str] = (),
    deploy: bool = False,
    blocks: Blocks | None = None,
) -> None:
    """Build the Keras model and write it.

    `.keras` is all of it, `.safetensors` the weights alone, a folder a SavedModel.

    Raises:
        SpecError: as `compile`; E4xx, the file cannot be written or is of no known kind.
    """
    with framework("a Keras model"):
        from archspec.backends import keras as backend  # noqa: PLC0415

    model = compile(spec, weights=weights, reset=reset, deploy=deploy, blocks=blocks)
    backend.save(model, path)


def load_weights(
    spec: Reference, path: Path, *, reset: Sequence[str] = (), blocks: Blocks | None = None
) -> "Loaded":
    """The arrays of a spec by key, from a file of any kind, and where each comes from.

    Args:
        spec: what the arrays are for.
        path: a .safetensors, .keras, .weights.h5, .h5, .pth or .pt file with the names of archspec,
            timm, torchvision or keras.applications.
        reset: rows whose arrays are drawn anew, and need not be in the file: `classifier`.
        blocks: as in `load`; a loaded spec has them already.

    Returns:
        a mapping from `node/array` to arrays in Keras layout, with an attribute `coverage`.

    Raises:
        SpecError: E501 to E507, the file does not fit; E509, there is no such row.
    """
    from archspec.weights import redrawn  # noqa: PLC0415
    from archspec.weights.store import read  # noqa: PLC0415

    net = to_graph(spec, blocks=blocks)
    return read(path, net, redrawn(net, reset))


def arrays(weights: Weights, net: Graph, reset: Sequence[str] = ()) -> "Mapping[str, np.ndarray]":
    """The arrays of a graph by key, wherever they come from, those of the rows `reset` drawn anew.

    Raises:
        SpecError: E5xx, a file that cannot be read, arrays that are missing, surplus or misshapen.
        TypeError: it is nothing that has weights.
    """
    from archspec.weights import load as load_arrays  # noqa: PLC0415
    from archspec.weights import redrawn  # noqa: PLC0415
    from archspec.weights.fit import fit  # noqa: PLC0415

    if isinstance(weights, str | os.PathLike):
        return load_arrays(os.fspath(weights), net, reset)
    if isinstance(weights, Mapping):
        return fit({**weights, **redrawn(net, reset)}, net)
    if not hasattr(weights, "layers"):
        wanted = "a file, random:SEED, arrays by key, or a Keras model"
        raise TypeError(f"weights are {brief(weights)}; wanted: {wanted}")
    from archspec.backends.keras import read_weights  # noqa: PLC0415

    return fit({**read_weights(weights), **redrawn(net, reset)}, net, "the model")


class Options(TypedDict, total=False):
    """What an exported file is to be; each is an option of the command too.

    Args:
        opset: version of the ONNX operators, 13 to the newest; 17.
        batch: a fixed batch size; None for any.
        size: of the images, in the stead of the spec's; "dynamic" for any.
        layout: of images, in and out; "nchw".
        precision: of weights and arithmetic, inputs and outputs are float32 all the same; "fp32".
        target: "any", or "mobile" for what accelerators of phones run as a whole, with one batch, 1
            if none is said.
        preprocess: whether the file takes uint8 RGB and normalizes it as the spec says.
        outputs: rows, parts or nodes to give in the stead of the spec's outputs, each under its
            own name, or under another as in `c3=s3`.
        scores: what a classifier gives; None for what the spec says.
        labels: a text file with the name of each class, which go into the metadata.
        external_data: whether the weights go into a file beside it; above 2 GiB they always do.
        via: "direct" or "tf2onnx".
        check: whether to compare ONNX Runtime with the reference before the file appears; True.
    """

    opset: int
    batch: int | None
    size: Size | None
    layout: Layout
    precision: Precision
    target: Target
    preprocess: bool
    outputs: Sequence[str]
    scores: Scores | None
    labels: Path | None
    external_data: bool
    via: str
    check: bool


def export(
    spec: Reference,
    path: Path,
    *,
    weights: Weights = UNTRAINED,
    reset: Sequence[str] = (),
    blocks: Blocks | None = None,
    **options: Unpack[Options],
) -> "Exported":
    """Write an ONNX file that computes what the spec says.

    Args:
        spec: what to export.
        path: the file, ending with .onnx; it appears whole or not at all.
        weights: what it computes with.
        reset: rows that are drawn anew whatever the file has for them: `classifier`.
        blocks: as in `load`; a loaded spec has them already.
        options: see `Options`.

    Raises:
        SpecError: the spec is wrong; E4xx, the export; E5xx, the weights.
    """
    from archspec.deploy import export as deploy  # noqa: PLC0415
    from archspec.deploy import metadata  # noqa: PLC0415

    form, via = _form(options), options.get("via", "direct")
    wanted = _edited(loaded(spec, blocks), options)
    file = options.get("labels")
    labels = metadata.read_labels(file, wanted.classes) if file else ()
    net = to_graph(wanted)
    net, found = _changed(wanted, net, arrays(weights, net, reset), options)
    with framework(f"the way via {via}"):
        return deploy.export(
            net,
            found,
            path,
            form,
            via=via,
            check=options.get("check", True),
            external_data=options.get("external_data", False),
            metadata=metadata.describe(wanted, form, options.get("scores"), labels),
        )


def _form(options: Options) -> "Form":
    from archspec.backends.onnx import Form  # noqa: PLC0415

    target = options.get("target", "any")
    return Form(
        opset=options.get("opset", OPSET),
        batch=options.get("batch") or (1 if target == "mobile" else None),
        any_size=options.get("size") == "dynamic",
        layout=options.get("layout", "nchw"),
        precision=options.get("precision", "fp32"),
        pixels=options.get("preprocess", False),
        target=target,
    )


def _changed(
    spec: Spec, net: Graph, found: "Mapping[str, np.ndarray]", options: Options
) -> "tuple[Graph, Mapping[str, np.ndarray]]":
    """The graph with what the file is to do besides, before and after it."""
    from archspec.passes.normalize import normalize  # noqa: PLC0415
    from archspec.passes.scores import scores  # noqa: PLC0415

    wanted = options.get("scores")
    net = scores(net, wanted) if wanted else net
    if not options.get("preprocess"):
        return net, found
    if spec.normalization is None:
        raise error(
            "E418",
            f"{spec.title} does not say how pixels are normalized",
            hint="as in --set normalization.mean=0.5 --set normalization.std=0.5",
        )
    return normalize(net, found, spec.normalization)


def _edited(spec: Spec, options: Options) -> Spec:
    """The spec with another size of image, and with other outputs."""
    size, outputs = options.get("size"), options.get("outputs", ())
    document: dict[str, Any] = {}
    if size is not None and size != "dynamic":
        height, width = size if isinstance(size, tuple) else (size, size)
        spec = replace(spec, input=(height, width, spec.input[2]))
        document["input"] = list(spec.input)
    if outputs:  # what it equals has other ones
        spec = replace(spec, outputs=dict(map(_tap, outputs)), equals={})
        document["equals"] = {}
        document["outputs"] = {name: tap.path for name, tap in spec.outputs.items()}
    if not document:
        return spec
    whole = {**spec.document, **document}
    return replace(spec, written=lambda: {key: said for key, said in whole.items() if said != {}})


def _tap(text: str) -> tuple[str, Tap]:
    """`c3=s3`, or a path that is the output's name as well."""
    name, equals, path = text.partition("=")
    span = Span(Source("--outputs", text), 1, len(name) + 2 if equals else 1, 1, len(text) + 1)
    return name, Tap(path if equals else name, span)
