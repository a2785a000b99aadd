"""The way to LiteRT: the Keras model after the passes, converted by TensorFlow, and checked.

A float32 model may differ from the reference by 3e-5 standard deviations of an output, or by 4
times what rounding to float32 does to the reference; a float16 one by 4 times what rounding the
weights to float16 does to it, if that is more. An int8 model is not refused for what it loses; that
is told.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from archspec.backends.reference import Reference
from archspec.deploy.check import BATCHES, Agreement, random_images
from archspec.deploy.deviation import bound, difference, of_shares
from archspec.deploy.litert import LiteRT, batches, first_line, quiet
from archspec.errors import SpecError, did_you_mean, error
from archspec.files import write_whole
from archspec.graph import INPUT, Graph
from archspec.passes.pipeline import deployed
from archspec.passes.zeros import zeros

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]

PRECISIONS = ("fp32", "fp16", "int8")
"""What weights are stored in; "int8" is what is computed in as well."""

_TOLERANCE = 3e-5
"""More than in `deploy.check`: LiteRT sums term after term, 25,088 of them in VGG make 1.2e-5."""

_HELD_BACK = 10
"""One image of so many is not calibrated with but compared with."""

_MOST = 16
"""Images that are compared at the most."""

_BLIND = 0.1
"""Bound over which an output proves nothing: rounding has grown until it hides mistakes."""

_UNKNOWN = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
"""How the converter names an operator that LiteRT lacks."""


@dataclass(frozen=True)
class Converted:
    """The file for LiteRT that an export wrote.

    Args:
        path: where it is.
        bytes: its size.
        sha256: of what is in it, hexadecimal.
        precision: one of `PRECISIONS`.
        agreement: of LiteRT and the reference; none for int8, or if it was not checked.
        drift: of int8, the root of the mean square of its difference from the reference on images
            that it was not calibrated with, in standard deviations of the output, where that is
            largest; none for floats, or if it was not checked.
    """

    path: Path
    bytes: int
    sha256: str
    precision: str
    agreement: Agreement | None = None
    drift: float | None = None


def export_tflite(  # noqa: PLR0913  each is an option of the command
    graph: Graph,
    weights: Weights,
    path: str | os.PathLike[str],
    *,
    precision: str = "fp32",
    batch: int | None = 1,
    images: Iterable[Array] | None = None,
    check: bool = True,
    metadata: Mapping[str, str] | None = None,
) -> Converted:
    """Write the graph to `path` as a model for LiteRT that was checked before the file appears.

    The model takes `input` (batch, h, w, c) and gives the outputs of the graph by their names in
    its signature, all in float32.

    Args:
        graph: as it was lowered.
        weights: an array for each key of `graph.weights`.
        path: of the file; an older one is replaced.
        precision: one of `PRECISIONS`.
        batch: number of images; None for any number, which few accelerators take.
        images: for int8, what the model will see, (h, w, c) as its input takes them; nine of ten
            calibrate it, the others tell its drift.
        check: whether LiteRT must agree with the reference.
        metadata: name → text, files in a ZIP archive behind the model, where such have their place.

    Raises:
        SpecError: E411, E460 to E462, it cannot be so; E463, TensorFlow cannot convert it; E464 to
            E466 and E468, the check fails; E110, the file cannot be written.
    """
    _refuse(path, precision, batch)
    held, seen = _divided(images, graph) if precision == "int8" else (None, None)
    small, arrays = deployed(graph, weights)
    data = _with_files(_convert(small, arrays, precision, batch, seen), metadata or {})
    agreement = drift = None
    if check and held is not None:
        drift = _drift(LiteRT(data), graph, weights, held, batch or 1)
    elif check:
        rounded = _rounded(small, arrays) if precision == "fp16" else None
        tried = (batch,) if batch else BATCHES
        agreement = _agreement(LiteRT(data), graph, weights, rounded, tried)
    write_whole(path, data)
    digest = sha256(data).hexdigest()
    return Converted(Path(path), len(data), digest, precision, agreement, drift)


def _refuse(path: str | os.PathLike[str], precision: str, batch: int | None) -> None:
    name = os.fspath(path)
    if not name.endswith(".tflite"):
        raise error("E460", f"'{name}' is no name of a LiteRT file", hint="it ends with .tflite")
    if precision not in PRECISIONS:
        hint = did_you_mean(precision, PRECISIONS)
        raise error("E461", f"there is no precision '{precision}' of LiteRT files", hint=hint)
    if batch is not None and batch < 1:
        raise error("E411", f"a batch of {batch} images")


def _divided(images: Iterable[Array] | None, graph: Graph) -> tuple[Array, Array]:
    """The images to compare with, and those to calibrate with."""
    shape = "x".join(map(str, graph.input))
    hint = f"give images of {shape}, as the input takes them"
    if images is None:
        raise error("E462", "int8 is calibrated with images, and there are none", hint=hint)
    given = [np.asarray(image, np.float32) for image in images]
    odd = next((image.shape for image in given if image.shape != graph.input), None)
    if odd is not None:
        found = "x".join(map(str, odd))
        raise error("E462", f"an image to calibrate with is {found}, not {shape}", hint=hint)
    if len(given) < 2:  # noqa: PLR2004  one of each
        raise error("E462", f"int8 needs 2 images or more, and there is {len(given)}", hint=hint)
    return np.stack(given[::_HELD_BACK][:_MOST]), np.stack(
        [image for place, image in enumerate(given) if place % _HELD_BACK]
    )


def _convert(
    graph: Graph, weights: Weights, precision: str, batch: int | None, seen: Array | None
) -> bytes:
    """What TensorFlow's converter makes of the Keras model."""
    from archspec.backends.keras import emit  # noqa: PLC0415

    model = emit(*(zeros(graph, weights) if precision == "int8" else (graph, weights)))
    # Errors of TensorFlow have no base class of their own.
    try:
        with quiet(), TemporaryDirectory() as folder:
            import tensorflow as tf  # noqa: PLC0415

            flow: Any = tf
            _save(model, graph, batch, folder)
            converter = flow.lite.TFLiteConverter.from_saved_model(folder)
            if precision != "fp32":
                converter.optimizations = [flow.lite.Optimize.DEFAULT]
            if precision == "fp16":
                converter.target_spec.supported_types = [flow.float16]
            if seen is not None:
                converter.target_spec.supported_ops = [flow.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.representative_dataset = lambda: batches(seen, batch or 1)
            return bytes(converter.convert())
    except Exception as reason:
        raise _failed(graph, reason) from reason


def _save(model: Any, graph: Graph, batch: int | None, folder: str) -> None:  # noqa: ANN401
    """Save a model with a signature that names input and outputs as the graph does."""
    from archspec.backends.keras import keras  # noqa: PLC0415

    def serve(images: Any) -> Any:  # noqa: ANN401  tensors
        values = model(images, training=False)
        return {"output": values} if list(graph.outputs) == ["output"] else values

    kit: Any = keras
    archive = kit.export.ExportArchive()
    archive.track(model)
    image = kit.InputSpec(shape=(batch, *graph.input), dtype="float32", name=INPUT)
    archive.add_endpoint("serving_default", serve, input_signature=[image])
    archive.write_out(folder, verbose=False)


def _failed(graph: Graph, reason: Exception) -> SpecError:
    names = sorted(set(_UNKNOWN.findall(str(reason))))
    if names:
        return error("E463", f"LiteRT has no operators for {', '.join(names)} of TensorFlow")
    return error("E463", f"TensorFlow cannot convert '{graph.name}': {first_line(reason)}")


def _with_files(data: bytes, files: Mapping[str, str]) -> bytes:
    """The model with a ZIP archive of texts by name behind it; nothing if there are none."""
    if not files:
        return data
    whole = BytesIO(data)
    with ZipFile(whole, "a") as archive:
        for name, text in sorted(files.items()):
            entry = ZipInfo(name)  # of 1980, whenever it was written
            entry.external_attr = 0o644 << 16  # else nobody may read it when it is taken out
            archive.writestr(entry, text)
    return whole.getvalue()


def _agreement(
    runtime: LiteRT,
    graph: Graph,
    weights: Weights,
    rounded: Reference | None,
    batches: tuple[int, ...],
) -> Agreement:
    """Compare the outputs for random images; `SpecError` where one differs.

    Args:
        runtime: the model.
        graph: as it was before the passes.
        weights: of that graph.
        rounded: what the reference makes of weights that were rounded.
        batches: numbers of images at a time.
    """
    images = random_images(graph, weights)
    near = Reference(graph, weights)(images)
    _need_finite(near)
    found = [runtime(images, size) for size in batches]
    gaps = {name: max(difference(one[name], near[name]) for one in found) for name in near}
    bounds = dict.fromkeys(near, _TOLERANCE)
    if max(gaps.values()) > _TOLERANCE:
        exact = Reference(graph, weights, "float64")(images)
        bounds = {
            name: max(
                bound(near[name], exact[name], _TOLERANCE), of_shares(graph, name, exact[name])
            )
            for name in near
        }
        _need_sight(bounds)
    if rounded:
        coarse = rounded(images)
        bounds = {name: bound(coarse[name], near[name], bounds[name]) for name in near}
    worst = max(near, key=lambda name: gaps[name] / bounds[name])
    if gaps[worst] > bounds[worst]:
        raise error(
            "E466",
            f"LiteRT is {gaps[worst]:.1e} standard deviations of output '{worst}' away from the"
            f" reference, more than {bounds[worst]:.1e}",
        )
    height, width, _ = graph.input
    sizes = ((height, width),)
    return Agreement(gaps[worst], bounds[worst], batches, len(near), sizes=sizes)


def _need_sight(bounds: Mapping[str, float]) -> None:
    """Refuse to say that a model agrees whose outputs could be anything."""
    worst = max(bounds, key=lambda name: bounds[name])
    if bounds[worst] > _BLIND:
        raise error(
            "E468",
            f"LiteRT cannot be compared: its rounding may move output '{worst}' by"
            f" {bounds[worst]:.1e} standard deviations",
            hint="look at the weights; random ones may do that, trained ones do not",
        )


def _rounded(graph: Graph, weights: Weights) -> Reference:
    """The reference of the graph after the passes, with weights as float16 holds them."""
    with np.errstate(over="ignore"):
        coarse = {key: array.astype(np.float16) for key, array in weights.items()}
    return Reference(graph, coarse)


def _drift(runtime: LiteRT, graph: Graph, weights: Weights, images: Array, batch: int) -> float:
    """The largest root of the mean square of a difference, in standard deviations of an output."""
    exact = Reference(graph, weights)(images)
    _need_finite(exact)
    found = runtime(images, batch)
    return max(
        float(np.sqrt(np.mean((found[name] - exact[name]) ** 2)) / (exact[name].std() or 1.0))
        for name in exact
    )


def _need_finite(values: Mapping[str, Array]) -> None:
    for name, array in values.items():
        if not np.isfinite(array).all():
            message = f"output '{name}' is not finite"
            raise error("E465", message, hint="look at the weights")
