"""Whether an ONNX model computes what its graph means: ONNX Runtime against the reference."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx

from archspec.backends.onnx.form import Form, Precision
from archspec.backends.reference import Array, Reference, Weights
from archspec.deploy.detections import check_tail, split, suppressing
from archspec.deploy.deviation import (
    Deviation,
    bound,
    deviations,
    difference,
    is_one_class,
    of_shares,
    repeat,
    rounding,
)
from archspec.deploy.runtime import Runtime, validate
from archspec.errors import SpecError, error
from archspec.graph import INPUT, Graph, resized
from archspec.ops import Rescale, ShapeError, Standardize
from archspec.passes.merge import affine

TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-5, "fp16": 1e-3}
"""Difference, in standard deviations of an output, that is below notice."""

_BLIND = 100
"""Times the tolerance: a bound over that proves nothing, rounding has grown until it hides
mistakes."""

_IMAGES = 2
"""Different images; a larger batch repeats them."""

BATCHES = (1, 3)
"""What is tried where any batch goes."""

_SIDES = ((0, 0), (1, 1), (33, 2))
"""What is added to height and width of the images where any size goes."""


@dataclass(frozen=True)
class Agreement:
    """How well ONNX Runtime and the reference agree.

    Args:
        difference: the largest, in standard deviations of the value that it is in.
        bound: what it may be.
        batches: numbers of images that were tried.
        outputs: how many outputs were compared.
        by_node: whether the largest difference is that of a node by itself, which decides where
            rounding, or a softmax, hides what an output could show.
        sizes: heights and widths of the images that were tried.
        suppressed: images of random boxes and scores of which the same detections were made; 0
            where nothing is suppressed.
    """

    difference: float
    bound: float
    batches: tuple[int, ...]
    outputs: int
    by_node: bool = False
    sizes: tuple[tuple[int, int], ...] = ()
    suppressed: int = 0


class Truth(Protocol):
    """What a model may be compared with in the reference's stead."""

    def agree(self, model: onnx.ModelProto) -> Agreement:
        """As `check`, which calls it."""
        ...


def check(  # noqa: PLR0913  what is compared, and how
    model: onnx.ModelProto,
    graph: Graph,
    weights: Weights,
    form: Form = Form(),
    *,
    tolerance: float | None = None,
    keras: Truth | None = None,
    folder: Path | None = None,
) -> Agreement:
    """Check that a model is valid ONNX, runs, and computes what `graph` means.

    The images are random and the same each time. A difference may be `tolerance` standard
    deviations of the output, or 4 times what rounding to the file's precision does to the
    reference. Where boxes are suppressed, boxes and scores before that are compared, and what
    suppresses them by itself, see `deploy.detections`.

    Args:
        model: with the input `input` and the outputs of the graph.
        graph: as it was before any pass. Passes keep names; where they took out a node, the one
            that it read now gives its value.
        weights: of that graph.
        form: that the model has. Where any size goes, several are tried.
        tolerance: see above; that of `TOLERANCES` if none is given.
        keras: what to compare with in the reference's stead.
        folder: where the file with the model's weights is, if they are not in the model.

    Raises:
        SpecError: E420, not valid ONNX; E421, ONNX Runtime refuses it; E422, an output is not
            finite; E423, a difference is over the bound: names the first node that diverges.
    """
    if keras is not None:
        return keras.agree(model)
    validate(model, folder)
    if suppressing(graph):
        runtime, images = Runtime(model, form, folder), random_images(graph, weights, form)
        runtime(repeat(images, runtime.batch or BATCHES[-1]))
        parts = split(model, graph)
        found = check(parts.front, parts.graph, weights, form, tolerance=tolerance, folder=folder)
        return replace(found, suppressed=check_tail(parts))
    return _compared(model, graph, weights, form, tolerance, folder)


def _compared(
    model: onnx.ModelProto,
    graph: Graph,
    weights: Weights,
    form: Form,
    tolerance: float | None,
    folder: Path | None,
) -> Agreement:
    runtime = Runtime(model, form, folder)
    allowed = TOLERANCES[form.precision] if tolerance is None else tolerance
    found: list[Agreement] = []
    for sized in _sized(graph) if form.any_size else (graph,):
        trial = _Trial(model, sized, weights, form, allowed, folder)
        agreement, blind = trial.outputs(runtime)
        found.append(trial.nodes(agreement) if blind else agreement)
    worst = max(found, key=lambda one: one.difference / one.bound)
    sizes = tuple(size for one in found for size in one.sizes)
    return replace(worst, sizes=sizes)


def _sized(graph: Graph) -> Iterator[Graph]:
    """The graph for several sizes of the image, odd and not square among them."""
    for higher, wider in _SIDES:
        with suppress(ShapeError):  # its first size fits; another need not
            yield resized(graph, graph.input[0] + higher, graph.input[1] + wider)


@dataclass(frozen=True)
class _Trial:
    """A model and the graph that it should be."""

    model: onnx.ModelProto
    graph: Graph
    weights: Weights
    form: Form
    tolerance: float
    folder: Path | None

    def outputs(self, runtime: Runtime) -> tuple[Agreement, bool]:
        """Compare the outputs, and say whether they could hide a mistake.

        `SpecError` where one is not finite or differs.
        """
        batches = (runtime.batch,) if runtime.batch else BATCHES
        images = random_images(self.graph, self.weights, self.form)
        truth = rounding(self.graph, self.weights, self.form)(images)
        self._need_finite(truth, images)
        results = [runtime(repeat(images, size)) for size in batches]
        gaps = {name: max(difference(one[name], truth[name]) for one in results) for name in truth}
        bounds = dict.fromkeys(truth, self.tolerance)
        if max(gaps.values()) > self.tolerance:
            exact = Reference(self.graph, self.weights, "float64")(images)
            bounds = {
                name: max(
                    bound(truth[name], exact[name], self.tolerance),
                    of_shares(self.graph, name, exact[name]),
                )
                for name in truth
            }
        worst = max(truth, key=lambda name: gaps[name] / bounds[name])
        if gaps[worst] > bounds[worst]:
            place = f"output '{worst}' away from the reference"
            raise self._blame(sentence(place, gaps[worst], bounds[worst]))
        height, width, _ = self.graph.input
        sizes = ((height, width),)
        agreement = Agreement(gaps[worst], bounds[worst], batches, len(truth), sizes=sizes)
        sure = any(is_one_class(array, self.tolerance) for array in truth.values())
        return agreement, sure or agreement.bound > _BLIND * self.tolerance

    def nodes(self, outputs: Agreement) -> Agreement:
        """Compare each node by itself; `SpecError` where one differs."""
        found = self._deviations()
        first = next((one for one in found if one.is_over), None)
        if first:
            place = f"'{first.node.name}' away from the reference"
            message = sentence(place, first.difference, first.bound)
            raise error("E423", message, first.node.span)
        worst = max(found, key=lambda one: one.difference / one.bound)
        return replace(outputs, difference=worst.difference, bound=worst.bound, by_node=True)

    def _blame(self, message: str) -> SpecError:
        """The error with the first node that differs, else with the one that differs most."""
        found = self._deviations()
        worst = max(found, key=lambda one: one.difference, default=None)
        first = next((one for one in found if one.is_over), worst)
        if first is None or first.difference <= self.tolerance:
            return error("E423", message)
        message = f"{message}; the first node that diverges is '{first.node.name}'"
        return error("E423", f"{message}, by {first.difference:.1e}", first.node.span)

    def _deviations(self) -> Sequence[Deviation]:
        images = random_images(self.graph, self.weights, self.form)
        return deviations(self.model, self.graph, self.weights, images, self.form, self.folder)

    def _need_finite(self, truth: Mapping[str, Array], images: Array) -> None:
        bad = [name for name, array in truth.items() if not np.isfinite(array).all()]
        if not bad:
            return
        message, span = f"output '{bad[0]}' is not finite for a random image", None
        hint = "look at the weights"
        if self.form.precision == "fp16":
            message = f"{message} in fp16"
            hint = "values over 65504 are too large for it; leave out '--precision fp16'"
        values = rounding(self.graph, self.weights, self.form).steps(images)
        next(values)  # the image
        for node, (_, value) in zip(self.graph.nodes, values, strict=True):
            if not np.isfinite(value).all():
                message = f"{message}; the first value that is not is of '{node.name}'"
                span = node.span
                break
        raise error("E422", message, span, hint)


def random_images(graph: Graph, weights: Weights, form: Form = Form()) -> Array:
    """Random images (batch, h, w, c), such that a rescaling in front makes them standard normal."""
    generator = np.random.default_rng(0)
    if form.pixels:
        return generator.integers(0, 256, (_IMAGES, *graph.input), np.uint8)
    images = generator.standard_normal((_IMAGES, *graph.input))
    for node in graph.readers[INPUT][:1]:
        if isinstance(node.op, Rescale | Standardize):
            scale, offset = affine(node, weights)
            images = (images - offset) / np.where(scale == 0, 1, scale)
    return images.astype(np.float32)


def sentence(place: str, found: float, allowed: float) -> str:
    """How a difference is said."""
    return f"ONNX Runtime is {found:.1e} standard deviations of {place}, more than {allowed:.1e}"
