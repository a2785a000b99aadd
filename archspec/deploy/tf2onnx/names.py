"""Names and sizes that say what a model is: layers of Keras, the same on every run."""

from collections import Counter, defaultdict
from collections.abc import Mapping

import onnx
from onnx import shape_inference

from archspec.deploy.tf2onnx.trace import Traced
from archspec.deploy.tf2onnx.wires import Node, Shape, reads
from archspec.graph import INPUT

_ARRAYS = dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), ("kernel", "bias"))
"""Kind of node → what Keras calls the arrays that it reads behind the value."""

_BIASED = 3  # inputs of a convolution: value, kernel, bias


def declare(proto: onnx.ModelProto, given: Shape, outputs: Mapping[str, Shape]) -> dict[str, Shape]:
    """Name outputs and sizes of input and outputs, and say the shape of every value.

    Args:
        proto: with as many outputs, in this order.
        given: shape of the input.
        outputs: shape of each output by name.
    """
    graph = proto.graph
    olds = [value.name for value in graph.output]
    rename(graph, dict(zip(olds, outputs, strict=True)))
    shapes = {INPUT: given, **outputs}
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.ClearField("shape")
        for size in shapes[value.name]:
            dimension = value.type.tensor_type.shape.dim.add()
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size
    return infer(proto)


def infer(proto: onnx.ModelProto) -> dict[str, Shape]:
    """Write the shape of every value, as far as ONNX can tell, and give them back."""
    del proto.graph.value_info[:]
    inferred = shape_inference.infer_shapes(proto, data_prop=True).graph
    proto.graph.value_info.extend(inferred.value_info)
    return {
        value.name: tuple(
            size.dim_value if size.HasField("dim_value") else size.dim_param or "?"
            for size in value.type.tensor_type.shape.dim
        )
        for value in (*inferred.input, *inferred.output, *inferred.value_info)
        if value.type.tensor_type.HasField("shape")
    }


def rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Let values have other names everywhere, inside of loops and conditions too."""
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(end, end) for end in ends]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                rename(attribute.g, names)


def call(traced: Traced, opset: int) -> None:
    """Name nodes after the layers that they come from, values and constants after the nodes.

    The node that gives the result of a layer has the layer's path; others in the layer have their
    kind behind that.
    """
    graph = traced.proto.graph
    layers = _layers(traced)
    results = _results(graph, layers)
    for node in graph.node:
        layer, result = layers[node.name], results.get(node.name)
        node.name = result or f"{layer}/{node.op_type}".lstrip("/")
    _Names(graph, set(results.values()), opset).settle()


def _layers(traced: Traced) -> dict[str, str]:
    """Node → layer that it comes from.

    A convolution that tf2onnx has added a bias to bears no name of TensorFlow's any more. It
    belongs where its bias comes from, if that is no other node's as well.
    """
    shared = Counter(name for node in traced.proto.graph.node for name in node.input)
    layers: dict[str, str] = {}
    for node in traced.proto.graph.node:
        bias = node.input[2] if len(node.input) == _BIASED and node.op_type == "Conv" else ""
        source = bias if "/" not in node.name and shared[bias] == 1 else node.name
        layers[node.name] = traced.layer(source)
    return layers


def _results(graph: onnx.GraphProto, layers: Mapping[str, str]) -> dict[str, str]:
    """Node → layer whose result it gives: of what the layer computes, only that is read outside."""
    readers: defaultdict[str, set[str]] = defaultdict(set)
    for node in graph.node:
        for value in reads(node):
            readers[value].add(layers[node.name])
    for value in graph.output:
        readers[value.name].add("")
    leaving: defaultdict[str, list[str]] = defaultdict(list)
    for node in graph.node:
        layer = layers[node.name]
        leaving[layer] += [node.name for value in node.output if readers[value] - {layer}]
    return {names[0]: layer for layer, names in leaving.items() if layer and len(names) == 1}


class _Names:
    """New names for everything inside a graph, which nothing but its nodes decide."""

    def __init__(self, graph: onnx.GraphProto, results: set[str], opset: int) -> None:
        self.graph = graph
        self.opset = opset
        self.values = {value.name: value.name for value in (*graph.input, *graph.output)}
        self.used = Counter(self.values.values())
        self.nodes = Counter(results)
        self.results = results

    def settle(self) -> None:
        """Give them."""
        self._within(self.graph)
        rename(self.graph, self.values)

    def _within(self, graph: onnx.GraphProto) -> None:
        constants = {tensor.name for tensor in graph.initializer}
        for node in graph.node:
            if node.name not in self.results:
                node.name = unique(node.name, self.nodes)
            for place, value in enumerate(node.output):
                self._give(value, node.name if place == 0 else f"{node.name}:{place}")
            for place, value in enumerate(node.input):
                if value in constants:
                    self._give(value, f"{node.name}/{self._slot(node, place)}")
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    self._inside(attribute.g, f"{node.name}/{attribute.name}")

    def _inside(self, graph: onnx.GraphProto, name: str) -> None:
        """Name what is in a loop or a condition after that."""
        graph.name = name
        for place, value in enumerate(graph.input):
            self._give(value.name, f"{name}/input_{place}")
        for node in graph.node:
            node.name = f"{name}/{node.op_type}"
        self._within(graph)

    def _give(self, value: str, name: str) -> None:
        if value and value not in self.values:
            taken = name in self.used
            self.values[value] = unique(f"{name}/value" if taken else name, self.used)

    def _slot(self, node: Node, place: int) -> str:
        """What an input is called, by Keras or else by ONNX."""
        if place and node.op_type in _ARRAYS:
            return _ARRAYS[node.op_type][place - 1]
        inputs = onnx.defs.get_schema(node.op_type, self.opset, node.domain).inputs
        return inputs[min(place, len(inputs) - 1)].name


def unique(name: str, used: Counter[str]) -> str:
    """A name that was not given yet: with a number behind it, if it was."""
    used[name] += 1
    return name if used[name] == 1 else unique(f"{name}_{used[name]}", used)
