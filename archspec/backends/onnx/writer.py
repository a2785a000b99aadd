"""An ONNX graph while it is written: names, shapes, nodes, initializers."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from archspec.graph import INPUT, Graph, Node
from archspec.ops import Shape

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]

_TYPES = {"f": ("<f4", onnx.TensorProto.FLOAT), "i": ("<i8", onnx.TensorProto.INT64)}
"""Kind of an array in numpy → how it is stored."""


def channels_first(shape: Shape) -> Shape:
    """(h, w, c) → (c, h, w); vectors stay."""
    return (shape[-1], *shape[:-1])


class Writer:
    """Writes a graph node by node.

    Args:
        proto: the ONNX graph to fill.
        graph: what is written.
        weights: its arrays.
        opset: that the rules write for.
        batch: number of images, or any.

    Attributes:
        shapes: of each ONNX value so far, channels first.
        unordered: flattened value → image (h, w, c) whose values lie in it channels first.
    """

    def __init__(
        self,
        proto: onnx.GraphProto,
        graph: Graph,
        weights: Weights,
        opset: int,
        batch: int | None,
    ) -> None:
        self.proto = proto
        self.graph = graph
        self.weights = weights
        self.opset = opset
        self.batch = batch
        proto.name = graph.name
        self.shapes: dict[str, Shape] = {}
        self.unordered: dict[str, Shape] = {}
        self._held: set[str] = set()
        # An output's value bears the output's name; a node of that name has to give way.
        self._names = {INPUT: INPUT}
        for output, value in graph.outputs.items():
            self._names.setdefault(value, output)
        for node in graph.nodes:
            taken = node.name in graph.outputs
            self._names.setdefault(node.name, f"{node.name}/value" if taken else node.name)

    def site(self, node: Node) -> "Site":
        """Where the rule for `node` writes."""
        return Site(self, node, tuple(self._names[name] for name in node.inputs))

    def settle(self, node: Node) -> None:
        """Give the last ONNX node the name of `node`, and its value the name that readers know."""
        last, value = self.proto.node[-1], self._names[node.name]
        self.shapes[value] = self.shapes.pop(last.output[0])
        last.name, last.output[0] = node.name, value

    def finish(self) -> None:
        """Write the outputs, and a shape for every value."""
        for output, value in self.graph.outputs.items():
            if self._names[value] != output:
                self.add("Identity", [self._names[value]], f"{output}/Identity", output)
                self.shapes[output] = channels_first(self.graph.shapes[value])
        infos = {name: self._info(name, shape) for name, shape in self.shapes.items()}
        self.proto.input.append(self._info(INPUT, channels_first(self.graph.input)))
        self.proto.output.extend(infos.pop(name) for name in self.graph.outputs)
        self.proto.value_info.extend(infos.values())

    def add(
        self,
        kind: str,
        inputs: Sequence[str],
        name: str,
        output: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Append an ONNX node."""
        self.proto.node.append(helper.make_node(kind, inputs, [output], name, **(attributes or {})))

    def hold(self, name: str, array: Array) -> str:
        """An initializer of that name, which is written once."""
        if name not in self._held:
            self._held.add(name)
            dtype, kind = _TYPES[array.dtype.kind]
            data = np.asarray(array, dtype).tobytes()
            self.proto.initializer.add(name=name, data_type=kind, dims=array.shape, raw_data=data)
        return name

    def _info(self, name: str, shape: Shape) -> onnx.ValueInfoProto:
        batch = "batch" if self.batch is None else self.batch
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, *shape])


class Site:
    """The place of one node: where its rule reads and writes.

    Args:
        writer: of the whole graph.
        node: of the graph.
        inputs: ONNX names of what it reads.

    Attributes:
        opset: that the rule writes for.
        shape: of the first input, channels last.
    """

    def __init__(self, writer: Writer, node: Node, inputs: tuple[str, ...]) -> None:
        self.writer = writer
        self.node = node
        self.inputs = inputs
        self.opset = writer.opset
        self.shape = writer.graph.shapes[node.inputs[0]]

    def add(self, kind: str, *inputs: str, shape: Shape = (), **attributes: Any) -> str:  # noqa: ANN401  ONNX's
        """Append an ONNX node and name its value; its shape is the node's, if not `shape`."""
        name = f"{self.node.name}/{kind}"
        while name in self.writer.shapes:
            name += "_"
        self.writer.shapes[name] = shape or channels_first(self.node.shape)
        self.writer.add(kind, inputs, name, name, attributes)
        return name

    def array(self, name: str, dtype: type[np.floating[Any]] = np.float32) -> Array:
        """A weight of the node in Keras layout."""
        return np.asarray(self.writer.weights[f"{self.node.name}/{name}"], dtype)

    def weight(self, name: str, array: Array | None = None) -> str:
        """An initializer called as the weight is; `array` is the weight in ONNX layout."""
        array = self.array(name) if array is None else array
        return self.writer.hold(f"{self.node.name}/{name}", array)

    def per_channel(self, name: str, array: Array | None = None) -> str:
        """The same for a vector (c,), shaped so that it broadcasts over images."""
        array = self.array(name) if array is None else array
        return self.weight(name, array.reshape(1, -1, *[1] * (len(self.shape) - 1)))

    def number(self, value: float, count: int | None = None) -> str:
        """A constant, or a vector of `count` of them; one initializer for all who need it."""
        name = f"constant/{value}" if count is None else f"constant/{value}x{count}"
        return self.writer.hold(name, np.full(() if count is None else count, float(value)))

    def integers(self, *values: int) -> str:
        """A shape, or indices; one initializer for all who need it."""
        return self.writer.hold(f"constant/{list(values)}", np.array(values, np.int64))
