"""How other libraries lay out the arrays of an op, and the way from there to Keras layout."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph, Node
from archspec.ops import ChannelConvolution, Convolution, Dense, Flatten, Shape

Array: TypeAlias = NDArray[Any]


def shapes(graph: Graph, node: Node, array: str) -> Iterator[Shape]:
    """Shapes, any of which an array of a node may have in PyTorch.

    A 1x1 convolution may be a linear layer there and the other way round; a linear layer on a
    flattened image reads its channels first.
    """
    wanted = graph.weights_of(node)[array].shape
    (image, *_) = graph.inputs_of(node)
    match array, node.op:
        case "kernel", Convolution() as op:
            yield (op.channels, image[-1] // op.groups, *op.kernel)
            if op.kernel == (1, 1) and op.groups == 1:
                yield (op.channels, image[-1])
        case "kernel", Dense() as op:
            height, width, channels = _flattened(graph, node)
            yield (op.channels, *image)
            yield (op.channels, channels, height, width)
        case "kernel", ChannelConvolution() as op:
            yield (1, 1, op.kernel)
        case _:
            yield wanted
            # A number for each channel of an image, or for each head.
            yield (*wanted, 1, 1)
            yield (1, *wanted, 1, 1)
            yield (1, 1, *wanted)


def keras_shapes(graph: Graph, node: Node, array: str) -> Iterator[Shape]:
    """Shapes, any of which an array of a node may have in a Keras model; all hold the same order.

    A 1x1 convolution may be a dense layer there, a depthwise one a convolution with groups.
    """
    wanted = graph.weights_of(node)[array].shape
    yield wanted
    if array == "kernel" and isinstance(node.op, Convolution):
        if node.op.kernel == (1, 1) and node.op.groups == 1:
            yield wanted[2:]
        if node.op.depthwise(graph.inputs_of(node)[0]):
            yield (*wanted[:2], 1, node.op.channels)


def converted(values: Array, graph: Graph, node: Node, array: str) -> Array:
    """An array of one of the `shapes`, in Keras layout."""
    wanted = graph.weights_of(node)[array].shape
    match array, node.op:
        case "kernel", Convolution() as op:
            image = graph.inputs_of(node)[0]
            full = values.reshape(op.channels, image[-1] // op.groups, *op.kernel)
            turned = full.transpose(2, 3, 1, 0)
        case "kernel", Dense() as op:
            height, width, channels = _flattened(graph, node)
            turned = values.reshape(op.channels, channels, height, width).transpose(2, 3, 1, 0)
        case _:
            turned = values
    return turned.reshape(wanted)


def _flattened(graph: Graph, node: Node) -> Shape:
    """The image (h, w, c) that a dense layer reads as a vector."""
    before = graph.named.get(node.inputs[0])
    while before is not None and not graph.weights_of(before):
        if isinstance(before.op, Flatten):
            height, width, channels = graph.inputs_of(before)[0]
            return height, width, channels
        before = graph.named.get(before.inputs[0])
    return (1, 1, *graph.inputs_of(node)[0])
