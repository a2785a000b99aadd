"""How far ONNX Runtime is from the reference: at an output, and at each node by itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx

from archspec.backends.onnx.form import Form, Precision
from archspec.backends.reference import Array, Reference, Weights
from archspec.deploy.runtime import Runtime, last
from archspec.graph import Graph, Node, needed
from archspec.ops import (
    Activation,
    BatchNorm,
    Concat,
    Convolution,
    Dense,
    Flatten,
    Pad,
    Rescale,
    Scale,
    Slice,
    Standardize,
)
from archspec.passes.rewire import alone

ROUNDING: Mapping[Precision, float] = {"fp32": 1e-3, "fp16": 1e-2}
"""What is below notice at a node: runtimes sum a whole image without care (6e-5 for 300 by 300)."""

_FOLDED = ("Conv", "Gemm")
"""What a batch norm is folded into."""

_AFFINE = (Rescale, Standardize)
"""What is merged where it stands in a row."""

_SLACK = 4
"""How many times the reference's own rounding error a difference may be, if that is more."""


_DRAWS = 4
"""How often values are drawn that float16 may have rounded: in one draw they may cancel out."""


_VECTORS = 2
"""Sides of an output with a number for each class of each image."""


class Deviation(NamedTuple):
    """What one node of a model adds to the difference.

    Args:
        node: of the graph.
        difference: in standard deviations of its value, when it reads what ONNX Runtime reads.
        bound: what that may be.
    """

    node: Node
    difference: float
    bound: float

    @property
    def is_over(self) -> bool:
        """Whether it is more than rounding."""
        return self.difference > self.bound


def difference(actual: Array, expected: Array) -> float:
    """The largest difference in standard deviations of what is expected.

    Where that is one value everywhere, the difference is in shares of it. `actual` may be more
    images than `expected`, which are then repeated. Images of another shape are infinitely off.
    """
    if actual.shape[1:] != expected.shape[1:]:
        return np.inf
    with np.errstate(all="ignore"):
        scale = expected.std(dtype=np.float64) or np.abs(expected).max() or 1.0
        largest = np.abs(actual - repeat(expected, len(actual)).astype(np.float64)).max()
    return float(largest / scale) if np.isfinite(largest) else np.inf


def bound(near: Array, exact: Array, tolerance: float) -> float:
    """What a difference may be where the reference gives `near` in float32, `exact` in float64."""
    return max(tolerance, _SLACK * difference(near, exact))


def of_shares(graph: Graph, output: str, exact: Array) -> float:
    """What a difference may be of sigmoids, 0 for other outputs.

    Runtimes are off by a last place of 1 however small the share is. That is much in standard
    deviations where nothing has been learnt and all shares are nearly the same.
    """
    node = graph.named.get(graph.outputs[output])
    while node and isinstance(node.op, Slice):
        node = graph.named.get(node.inputs[0])
    if node is None or node.op != Activation("sigmoid"):
        return 0
    return difference(exact + _SLACK * float(np.finfo(np.float32).eps), exact)


def is_one_class(output: Array, tolerance: float) -> bool:
    """Whether an image gives one number and no other, as a softmax of large logits does.

    Other logits may give the same.
    """
    if output.ndim != _VECTORS or output.shape[1] < 2:  # noqa: PLR2004  two classes
        return False
    *_, second, first = np.sort(np.abs(output), axis=1).T
    return bool(np.any(second <= tolerance * first))


def repeat(images: Array, count: int) -> Array:
    """The images over and over, `count` in all."""
    return images[np.arange(count) % len(images)]


def deviations(
    model: onnx.ModelProto,
    graph: Graph,
    weights: Weights,
    images: Array,
    form: Form = Form(),
    folder: Path | None = None,
) -> Sequence[Deviation]:
    """What each node adds, in the order of the graph, all of its values being outputs.

    The reference computes each node of what ONNX Runtime computed before it, so that neither an
    earlier node nor rounding that has grown over many of them is blamed on this one.
    """
    graph = needed(graph)  # else a dead node could seem to have become part of another
    held = _held(model, graph)
    runtime = Runtime(exposed(model, [value for _, value in held.values()]), form, folder)
    images = repeat(images, runtime.batch or 1)
    results = runtime.run(images)
    given = {name: last(results[value]) for name, (_, value) in held.items()}

    def steps(
        reference: Reference, read: Mapping[str, Array] = given
    ) -> Iterator[tuple[str, Array]]:
        values = reference.steps(images, read)
        return ((name, value) for name, value in values if name in held)

    near, least = rounding(graph, weights, form), ROUNDING[form.precision]
    added = {name: difference(given[name], value) for name, value in steps(near)}
    bounds = dict.fromkeys(added, least)
    if max(added.values(), default=0) > least:
        exact = Reference(graph, weights, "float64")
        draws = range(_DRAWS if form.precision == "fp16" else 0)
        moved = (steps(exact, _unrounded(given, seed)) for seed in draws)
        for (name, true), *others in zip(steps(exact), steps(near), *moved, strict=True):
            bounds[name] = max(bound(other, true, least) for _, other in others)
    return [Deviation(held[name][0], added[name], bounds[name]) for name in added]


def _unrounded(values: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """What values may have been before they were rounded to float16: half a last place off.

    ONNX Runtime may round where a value is an output, and give it as it was to what reads it.
    """
    generator = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        return {
            name: value
            + generator.choice((-0.5, 0.5), value.shape) * np.spacing(value.astype(np.float16))
            for name, value in values.items()
        }


def rounding(graph: Graph, weights: Weights, form: Form) -> Reference:
    """The reference that rounds as a file of that form does."""
    stored = "float16" if form.precision == "fp16" else None
    return Reference(graph, weights, "float32", stored)


def _held(model: onnx.ModelProto, graph: Graph) -> dict[str, tuple[Node, str]]:
    """Name in the graph → the node of the model that gives its value, and the ONNX name of that.

    A node that a pass took out has no value of its own: the value that it read has become its,
    unless it went into a sum, or into what reads it. What is concatenated before a batch norm that
    was taken out has it inside and is left out, and so are flattened values, which may lie in
    another order.
    """
    values = {node.name: node.output[0] for node in model.graph.node}
    folded = {node.name for node in model.graph.node if node.op_type in _FOLDED}
    givers: dict[str, Node] = {}
    held: dict[str, str] = {}
    for node in graph.nodes:
        giver = node if node.name in values else givers.get(node.inputs[0])
        if giver is None or (giver is not node and not _became(graph, node, givers, folded)):
            continue
        givers[node.name] = giver
        held[giver.name] = node.name
        if giver is not node and isinstance(node.op, BatchNorm | Scale):
            for part in _parts(giver, givers):
                held.pop(part.name, None)
    return {
        name: (givers[name], values[giver])
        for giver, name in held.items()
        if not isinstance(givers[name].op, Flatten)
    }


def _became(graph: Graph, node: Node, givers: Mapping[str, Node], folded: Collection[str]) -> bool:
    """Whether the value that a node read has become its; `folded`: nodes that take batch norms."""
    if isinstance(node.op, BatchNorm):
        giver = givers[node.inputs[0]]
        ends = [part for part in _parts(giver, givers) if not isinstance(part.op, Concat)]
        read = [node.inputs[0], *(part.name for part in ends)]
        return all(part.name in folded for part in ends or [giver]) and all(
            alone(graph, value) for value in read
        )
    if isinstance(node.op, _AFFINE):  # merged into one before it, or gone into a kernel
        giver = givers[node.inputs[0]]
        return isinstance(giver.op, _AFFINE) and alone(graph, node.inputs[0])
    return not isinstance(node.op, Convolution | Dense | Pad)


def _parts(giver: Node, givers: Mapping[str, Node]) -> Iterator[Node]:
    """The nodes that give what a concatenation puts together, and theirs; none for other nodes."""
    if isinstance(giver.op, Concat):
        for name in giver.inputs:
            if name in givers:
                yield givers[name]
                yield from _parts(givers[name], givers)


def exposed(model: onnx.ModelProto, values: Collection[str]) -> onnx.ModelProto:
    """The model with these values as further outputs."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    shown = {info.name for info in model.graph.output}
    exposed.graph.output.extend(
        info for info in model.graph.value_info if info.name in values and info.name not in shown
    )
    return exposed
