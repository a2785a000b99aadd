"""The meaning of a graph, in plain numpy: images (batch, h, w, c) in, outputs by name out."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from archspec.backends.reference import attention, detection, rules
from archspec.backends.reference.rules import Array, Inputs, Weights
from archspec.graph import INPUT, Graph, Node
from archspec.ops import Op

__all__ = ["RULES", "Array", "Reference", "Weights", "emit"]

RULES: Mapping[type[Op], Callable[[Any, Inputs, Weights], Array]] = {
    **rules.RULES,
    **attention.RULES,
    **detection.RULES,
}
"""Op class → the array it makes of its inputs and weights, batch first, channels last."""


def emit(
    graph: Graph, weights: Weights, dtype: Literal["float32", "float64"] = "float32"
) -> "Reference":
    """The graph as a function of images, computed in `dtype` throughout.

    Args:
        graph: any graph, with or without batch norm, dropout, drop path.
        weights: an array for each key of `graph.weights`, in Keras layout.
        dtype: what images and weights are converted to.
    """
    return Reference(graph, weights, dtype)


class Reference:
    """A graph that computes.

    Args:
        graph: what to compute.
        weights: by `node/weight`.
        dtype: of all arithmetic.
        stored: what weights and values are rounded to, `float16` perhaps, where not to `dtype`.
    """

    def __init__(
        self, graph: Graph, weights: Weights, dtype: str = "float32", stored: str | None = None
    ) -> None:
        self.graph = graph
        self.dtype = np.dtype(dtype)
        self._stored = np.dtype(stored or dtype)
        self._weights = {
            node.name: {
                name: self._rounded(weights[f"{node.name}/{name}"])
                for name in graph.weights_of(node)
            }
            for node in graph.nodes
        }

    def _rounded(self, array: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(array, self._stored).astype(self.dtype, copy=False)

    def __call__(self, image: Array) -> dict[str, Array]:
        """The outputs by name, for images (batch, h, w, c) of the graph's size."""
        wanted = set(self.graph.outputs.values())
        found = {name: value for name, value in self.steps(image) if name in wanted}
        return {name: found[node] for name, node in self.graph.outputs.items()}

    def values(self, image: Array) -> dict[str, Array]:
        """Every value by the name of its node, the input included, in the order of the nodes."""
        return dict(self.steps(image))

    def steps(
        self, image: Array, given: Mapping[str, Array] | None = None
    ) -> Iterator[tuple[str, Array]]:
        """The same, one after the other; a value is forgotten when nothing more reads it.

        Args:
            image: as for a call.
            given: values by name that are read in the stead of those computed.
        """
        assert image.shape[1:] == self.graph.input, image.shape  # noqa: S101
        values = {INPUT: self._rounded(image)}
        yield INPUT, values[INPUT]
        readers = {name: len(nodes) for name, nodes in self.graph.readers.items()}
        for node in self.graph.nodes:
            rounded = np.asarray if node.op.is_whole else self._rounded
            value = rounded(self._compute(node, values))
            yield node.name, value
            values[node.name] = rounded((given or {}).get(node.name, value))
            for name in {node.name, *node.inputs}:
                readers[name] -= name != node.name
                if not readers[name]:
                    del values[name]

    def _compute(self, node: Node, values: Mapping[str, Array]) -> Array:
        rule = RULES[type(node.op)]
        # A weight file may hold anything: NaN and infinity are values here, not warnings.
        with np.errstate(all="ignore"):
            return rule(node.op, [values[name] for name in node.inputs], self._weights[node.name])
