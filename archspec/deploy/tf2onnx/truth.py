"""What Keras computes, and how far ONNX Runtime is from that: at an output, and layer by layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx

from archspec.deploy.check import TOLERANCES, Agreement, sentence
from archspec.deploy.deviation import Array, difference, exposed, is_one_class
from archspec.deploy.runtime import Runtime, validate
from archspec.deploy.tf2onnx.layers import Layer, Model, Net, Tensor
from archspec.errors import error

LAYER = 3e-4
"""What a layer may differ by, in standard deviations of its result, when it reads what ONNX
Runtime reads: runtimes sum a whole image without care (1e-4 in mobilevit_v2's norms)."""

_HALF = 1e3
"""How much more that may be of a model that computes in float16."""

_EPSILON = 1e-7
"""The least that Normalization divides by."""

_BATCHES = (1, 3)
_SIZES = (96, 160), (128, 96)
"""Heights and widths that are tried where any go."""


@dataclass(frozen=True)
class Keras:
    """A Keras model as what an ONNX model is compared with.

    Args:
        net: the model.
        batch: number of images; any where it is none.
    """

    net: Net
    batch: int | None

    def __call__(self, images: Array) -> dict[str, Array]:
        """Each output by name, channels last."""
        return {name: np.asarray(value) for name, value in self.net.outputs(images).items()}

    @cached_property
    def trials(self) -> Sequence[tuple[Array, Mapping[str, Array]]]:
        """Random images (batch, h, w, c) of all kinds that the model takes, and the outputs.

        They are such that a rescaling in front makes them standard normal.
        """
        size = self.net.size
        trials: list[tuple[Array, Mapping[str, Array]]] = []
        generator = np.random.default_rng(0)
        scale, offset = _affine(self.net.model)
        is_open = self.batch is None or None in size
        for place, count in enumerate(_BATCHES if is_open else (0,)):
            height, width = (own or other[place] for own, other in zip(size, _SIZES, strict=False))
            images = generator.standard_normal((self.batch or count, height, width, size.channels))
            images = ((images - offset) / np.where(scale == 0, 1, scale)).astype(np.float32)
            trials.append((images, self(images)))
        return trials

    def agree(self, model: onnx.ModelProto) -> Agreement:
        """Check that a model is valid ONNX, runs, and computes what Keras does.

        Where an output differs by more than is below notice in float32, rounding may have grown,
        and where a softmax gives one class alone, it hides what is before: then each layer is
        compared by itself, on the values that ONNX Runtime computed before it.

        Raises:
            SpecError: E420, not valid ONNX; E421, ONNX Runtime refuses it; E422, an output is
                not finite; E423, it differs: names the first layer that diverges.
        """
        validate(model)
        runtime = Runtime(model)
        batches = tuple(len(images) for images, _ in self.trials)
        gaps: list[tuple[float, str, Array]] = []
        for images, truth in self.trials:
            self._need_finite(images, truth)
            found = runtime(images)
            gaps += [(difference(found[name], truth[name]), name, images) for name in truth]
        gap, name, images = max(gaps, key=lambda one: one[0])
        agreement = Agreement(
            gap, TOLERANCES["fp32"] * self._slack, batches, len(self.trials[0][1])
        )
        if gap <= agreement.bound and not self._are_sure:
            return agreement
        layers = self._deviations(model, images)
        allowed = LAYER * self._slack
        worst = max(layers.values())
        if worst <= allowed:
            return Agreement(worst, allowed, batches, agreement.outputs, by_node=True)
        message = sentence(f"output '{name}' away from Keras", gap, agreement.bound)
        first = next(path for path, own in layers.items() if own > allowed)
        if first:
            message += f"; the first layer that diverges is '{first}', by {layers[first]:.1e}"
        raise error("E423", message)

    @property
    def _are_sure(self) -> bool:
        tolerance = TOLERANCES["fp32"]
        return any(
            is_one_class(array, tolerance) for _, truth in self.trials for array in truth.values()
        )

    @property
    def _slack(self) -> float:
        kinds = {layer.compute_dtype for layer in self.net.layers()}
        return _HALF if "float16" in kinds else 1

    def _deviations(self, model: onnx.ModelProto, images: Array) -> dict[str, float]:
        """What each layer adds whose result is a value of the model, and the rest for "".

        Keras computes each layer of what ONNX Runtime computed before it.
        """
        held = {node.name: node.output[0] for node in model.graph.node}
        results = Runtime(exposed(model, held.values()))(images)
        found: dict[str, float] = {}

        def hear(path: str, value: Tensor) -> Tensor:
            given = _aligned(results.get(held.get(path, "")), value)
            if given is None:
                return value
            found[path] = difference(given, np.asarray(value))
            return given.astype(value.dtype.name)

        with self.net.hearing(hear):
            outputs = self(images)
        found[""] = max(difference(results[name], outputs[name]) for name in outputs)
        return found

    def _need_finite(self, images: Array, truth: Mapping[str, Array]) -> None:
        bad = [name for name, array in truth.items() if not np.isfinite(array).all()]
        if not bad:
            return
        broken: list[str] = []

        def hear(path: str, value: Tensor) -> Tensor:
            if hasattr(value, "dtype") and not np.isfinite(np.asarray(value)).all():
                broken.append(path)
            return value

        with self.net.hearing(hear):
            self(images)
        message = f"output '{bad[0]}' is not finite for a random image"
        if broken:
            message += f"; the first value that is not is of '{broken[0]}'"
        raise error("E422", message, hint="look at the weights")


def _aligned(given: Array | None, value: Tensor) -> Array | None:
    """What ONNX Runtime has, laid out as Keras has it; none where that is something else."""
    if given is None or not hasattr(value, "shape"):
        return None
    wanted = np.asarray(value)
    layouts = [given]
    if given.ndim == 4:  # noqa: PLR2004  an image, which the runtime takes for channels first
        layouts += [given.transpose(0, 3, 1, 2)]
    fitting = [one for one in layouts if one.shape == wanted.shape]
    if not fitting and _long(given.shape) == _long(wanted.shape):
        fitting = [given.reshape(wanted.shape)]
    return min(fitting, key=lambda one: difference(one, wanted), default=None)


def _long(shape: Sequence[int]) -> list[int]:
    """The sizes that are not 1."""
    return [size for size in shape if size != 1]


def _affine(model: Model) -> tuple[Array, Array]:
    """What the rescaling in front of a model does, for each channel: scale and offset."""
    from archspec.backends.keras import keras  # noqa: PLC0415

    kinds: Any = keras.layers
    layer = _first(model, kinds.InputLayer)
    if isinstance(layer, kinds.Rescaling):
        return np.asarray(layer.scale, float), np.asarray(layer.offset, float)
    if isinstance(layer, kinds.Normalization) and not layer.invert:
        deviation = np.sqrt(np.asarray(layer.variance, float)).reshape(-1)
        scale = 1 / np.maximum(deviation, _EPSILON)
        return scale, -np.asarray(layer.mean, float).reshape(-1) * scale
    return np.ones(1), np.zeros(1)


def _first(layer: Layer, inputs: type) -> Layer:
    """The first layer that computes something."""
    while own := [one for one in getattr(layer, "layers", ()) if not isinstance(one, inputs)]:
        layer = own[0]
    return layer
