"""How far ONNX Runtime is from the reference: at an output, and at each node by itself."""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import onnx

from archspec.backends.reference import Array, Reference, Weights
from archspec.deploy.runtime import Runtime
from archspec.graph import Graph, Node
from archspec.ops import BatchNorm, Convolution, Dense, Flatten, Pad
from archspec.passes.rewire import alone

_ROUNDING = 1e-3
"""What is below notice at a node: runtimes sum a whole image without care (6e-5 for 300 by 300)."""

_FOLDED = ("Conv", "Gemm")
"""What a batch norm is folded into."""

_SLACK = 4
"""How many times the reference's own rounding error a difference may be, if that is more."""


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
    images than `expected`, which are then repeated.
    """
    with np.errstate(all="ignore"):
        scale = expected.std(dtype=np.float64) or np.abs(expected).max() or 1.0
        largest = np.abs(actual - repeat(expected, len(actual)).astype(np.float64)).max()
    return float(largest / scale) if np.isfinite(largest) else np.inf


def bound(near: Array, exact: Array, tolerance: float) -> float:
    """What a difference may be where the reference gives `near` in float32, `exact` in float64."""
    return max(tolerance, _SLACK * difference(near, exact))


def repeat(images: Array, count: int) -> Array:
    """The images over and over, `count` in all."""
    return images[np.arange(count) % len(images)]


def deviations(
    model: onnx.ModelProto, graph: Graph, weights: Weights, images: Array
) -> Sequence[Deviation]:
    """What each node adds, in the order of the graph, all of its values being outputs.

    The reference computes each node of what ONNX Runtime computed before it, so that neither an
    earlier node nor rounding that has grown over many of them is blamed on this one.
    """
    held = _held(model, graph)
    runtime = Runtime(_exposed(model, [value for _, value in held.values()]))
    images = repeat(images, runtime.batch or 1)
    results = runtime(images)
    given = {name: results[value] for name, (_, value) in held.items()}

    def steps(dtype: Literal["float32", "float64"]) -> Iterator[tuple[str, Array]]:
        values = Reference(graph, weights, dtype).steps(images, given)
        return ((name, value) for name, value in values if name in held)

    added = {name: difference(given[name], value) for name, value in steps("float32")}
    bounds = dict.fromkeys(added, _ROUNDING)
    if max(added.values(), default=0) > _ROUNDING:
        pairs = zip(steps("float32"), steps("float64"), strict=True)
        bounds = {name: bound(near, exact, _ROUNDING) for (name, near), (_, exact) in pairs}
    return [Deviation(held[name][0], added[name], bounds[name]) for name in added]


def _held(model: onnx.ModelProto, graph: Graph) -> dict[str, tuple[Node, str]]:
    """Name in the graph → the node of the model that gives its value, and the ONNX name of that.

    A node that a pass took out has no value of its own: the value that it read has become its,
    unless it went into a sum, or into what reads it. Flattened values may lie in another order
    and are left out.
    """
    values = {node.name: node.output[0] for node in model.graph.node}
    folded = {node.name for node in model.graph.node if node.op_type in _FOLDED}
    givers: dict[str, Node] = {}
    held: dict[str, str] = {}
    for node in graph.nodes:
        giver = node if node.name in values else givers.get(node.inputs[0])
        if giver and (giver is node or _became(graph, node, giver.name in folded)):
            givers[node.name] = giver
            held[giver.name] = node.name
    return {
        name: (givers[name], values[giver])
        for giver, name in held.items()
        if not isinstance(givers[name].op, Flatten)
    }


def _became(graph: Graph, node: Node, folded: bool) -> bool:  # noqa: FBT001
    """Whether the value that a node read has become its; `folded`: an op that takes batch norms."""
    if isinstance(node.op, BatchNorm):
        return folded and alone(graph, node.inputs[0])
    return not isinstance(node.op, Convolution | Dense | Pad)


def _exposed(model: onnx.ModelProto, values: Collection[str]) -> onnx.ModelProto:
    """The model with these values as further outputs."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    exposed.graph.output.extend(info for info in model.graph.value_info if info.name in values)
    return exposed
