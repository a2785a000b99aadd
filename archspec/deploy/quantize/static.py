"""Quantisation: float32 → int8 between QuantizeLinear and DequantizeLinear, by ONNX Runtime."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias

import onnx
from onnx import helper

from archspec.deploy.quantize.calibration import Calibration, too_few
from archspec.deploy.quantize.choose import chosen, narrowest
from archspec.deploy.quantize.compare import Figures, compare
from archspec.deploy.quantize.rewrite import GATE, hard_sigmoids, saturate, spread, tidied
from archspec.deploy.quantize.session import Array, batch_size, feed
from archspec.deploy.runtime import validate
from archspec.errors import SpecError, error

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many images are done, and how many there are."""


class Quantized(NamedTuple):
    """A model in int8, input and outputs those of the float32 model, and how it compares."""

    model: onnx.ModelProto
    figures: Figures


def quantize(
    model: onnx.ModelProto,
    images: Calibration,
    *,
    float_until: str | None = None,
    float_from: Collection[str] = (),
    progress: Progress | None = None,
) -> Quantized:
    """Make int8 of a model, calibrated with some of the images and compared on the others.

    Weights are int8, symmetric, with a scale for each output channel; values are uint8 with a
    scale and a zero point, their ranges the least and the largest that the calibrating images
    give. The first rows stay in float32. Where those end is decided by the shapes in the model,
    never by a clock: the same model, images and package versions give the same bytes on the same
    kind of processor. Hard-sigmoids, also those in hard-swishes, become saturation, see
    `saturate`. Processors without VNNI add pairs of products in 16 bits, which may saturate; the
    figures show it where that happens.

    Args:
        model: in float32, of any opset from 13, with the names that the back end gives.
        images: what it reads.
        float_until: the row or the last node that stays in float32, `s1` or `s1.1.project.conv`;
            INPUT for none. None: where `narrowest` says; `tune` measures others.
        float_from: rows or nodes that stay in float32, and all that reads what they give.
        progress: told after every batch of images.

    Raises:
        SpecError: E452, too few of the images can be read; E455, one is not finite; E457, there
            is nothing to quantise, or ONNX Runtime cannot; E458, `float_until` is not there;
            E420 and E421, the result is not valid.
    """
    done = partial(_tell, progress, len(images.names))
    until = narrowest(model, images.shape) if float_until is None else float_until
    unreadable: list[str] = []
    with TemporaryDirectory(prefix="archspec-") as folder:
        made = Ranges(model, images, Path(folder), unreadable, done).int8(until, float_from)
    calibrated = len(images.calibrating) - len(unreadable)
    _mark(made, until, f"{calibrated} images, sha256 {images.digest}")
    validate(made)
    compared, differences = compare(model, made, images, unreadable, done)
    if not compared:
        raise too_few(calibrated)
    return Quantized(made, Figures(calibrated, compared, tuple(unreadable), until, differences))


def _tell(progress: Progress | None, count: int, done: int) -> None:
    if progress:
        progress(done, count)


@dataclass(frozen=True)
class Ranges:
    """A model and how far its values reach, found out with images when that is first needed.

    Args:
        model: in float32.
        images: what it reads.
        folder: for temporary files.
        unreadable: takes the names of the files that are no pictures.
        done: told how many images are done.
    """

    model: onnx.ModelProto
    images: Calibration
    folder: Path
    unreadable: list[str]
    done: Callable[[int], None]

    def int8(self, float_until: str, float_from: Collection[str] = ()) -> onnx.ModelProto:
        """The model in int8 after the row or node `float_until`, up to those of `float_from`."""
        source = onnx.ModelProto()
        source.CopyFrom(self.model)
        names = spread(source, chosen(source, float_until, float_from))
        gates = hard_sigmoids(source, names)
        try:
            made = self._quantized(source, names, gates.values())
        except SpecError:
            raise
        except Exception as reason:
            if len(self.unreadable) == len(self.images.calibrating):
                raise too_few(0) from reason
            first = str(reason).strip().split("\n", 1)[0]
            raise error("E457", f"ONNX Runtime cannot quantise the model: {first}") from reason
        saturate(made, gates)
        return tidied(made, self.model)

    def _quantized(
        self, source: onnx.ModelProto, names: Sequence[str], gates: Iterable[str]
    ) -> onnx.ModelProto:
        """These nodes quantised, the values `gates` with the scale of hard-sigmoids."""
        from onnxruntime import quantization  # noqa: PLC0415

        library: Any = quantization
        # The library's own preparation takes operators apart; it is said to be done.
        helper.set_model_props(source, {"onnx.quant.pre_process": "onnxruntime.quant"})
        wanted, path = set(names), self.folder / "int8.onnx"
        library.quantize_static(
            source,
            path,
            _Reader(self._feeds()),
            quant_format=library.QuantFormat.QDQ,
            op_types_to_quantize=sorted(
                {node.op_type for node in source.graph.node if node.name in wanted}
            ),
            per_channel=True,
            activation_type=library.QuantType.QUInt8,
            weight_type=library.QuantType.QInt8,
            nodes_to_quantize=list(names),
            extra_options={"TensorQuantOverrides": {value: [GATE] for value in gates}},
            calibration_cache_path=self.folder / "ranges.json",
        )
        return onnx.ModelProto.FromString(path.read_bytes())

    def _feeds(self) -> Iterator[Mapping[str, Array]]:
        size = batch_size(self.model, self.images.shape)
        batches = self.images.batches(self.images.calibrating, size, self.unreadable)
        for count, batch in batches:
            yield feed(self.model, batch)
            self.done(count)


class _Reader:
    """Feeds one after the other, as the calibrator asks for them."""

    def __init__(self, feeds: Iterator[Mapping[str, Array]]) -> None:
        self._feeds = feeds

    def get_next(self) -> Mapping[str, Array] | None:
        """The next one, None at the end."""
        return next(self._feeds, None)


def _mark(model: onnx.ModelProto, float_until: str, calibration: str) -> None:
    """Write into the metadata what was done."""
    said = {entry.key: entry.value for entry in model.metadata_props}
    said["archspec.precision"] = "int8"
    said["archspec.calibration"] = calibration
    said["archspec.float_until"] = float_until
    helper.set_model_props(model, dict(sorted(said.items())))
