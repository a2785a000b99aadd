"""Put the normalization of pixels into the graph."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.errors import error
from archspec.graph import INPUT, Graph, Node, verify
from archspec.ops import Convolution, Rescale
from archspec.spec import Normalization

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]

NAME = "normalization"
"""What the node is called."""


def normalize(
    graph: Graph, weights: Weights, normalization: Normalization
) -> tuple[Graph, Weights]:
    """The graph that takes pixels, RGB from 0 to 255, in the stead of what they are turned into.

    Requires: an array for each key of `graph.weights`; where `normalization` turns the channels
        round, that only convolutions read the image, whose kernels are turned round instead.
    Ensures: there is a Rescale called `normalization`, the only reader of the input. For pixels
        the outputs are those of the graph before for normalized images, up to rounding.

    Raises:
        SpecError: E418, the graph does not take images of three channels, or what reads them
            cannot be turned round.
    """
    channels = graph.input[2]
    scale, offset = normalization.affine()
    if channels != 3 and (normalization.order == "bgr" or len(scale) > 1):  # noqa: PLR2004  RGB
        raise error("E418", f"the normalization is of RGB, {graph.name} takes {channels} channels")
    if normalization.order == "bgr":
        scale, offset = scale[::-1], offset[::-1]
        weights = _turned(graph, weights)
    added = Node(NAME, Rescale(scale, offset), (INPUT,), graph.input)
    nodes = (
        replace(node, inputs=tuple(NAME if name == INPUT else name for name in node.inputs))
        for node in graph.nodes
    )
    outputs = {name: NAME if node == INPUT else node for name, node in graph.outputs.items()}
    graph = replace(graph, nodes=(added, *nodes), outputs=outputs)
    verify(graph)
    return graph, weights


def _turned(graph: Graph, weights: Weights) -> Weights:
    """The weights with the input channels of each convolution that reads the image turned round."""
    arrays = dict(weights)
    others = [node for node in graph.readers[INPUT] if not _is_plain(node)]
    if others or INPUT in graph.outputs.values():
        what = f"'{others[0].name}', which is no plain convolution" if others else "an output"
        raise error("E418", f"the normalization is of BGR, but the image is read by {what}")
    for node in graph.readers[INPUT]:
        arrays[f"{node.name}/kernel"] = arrays[f"{node.name}/kernel"][:, :, ::-1]
    return arrays


def _is_plain(node: Node) -> bool:
    return isinstance(node.op, Convolution) and node.op.groups == 1
