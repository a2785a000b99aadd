"""An ONNX graph while it is written: names, shapes, nodes, initializers."""

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from archspec.backends.onnx.form import Form, Precision
from archspec.errors import SpecError, error
from archspec.graph import INPUT, Graph, Node, resized
from archspec.ops import Shape, ShapeError, kind

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]

FLOATS = {"fp32": ("<f4", TensorProto.FLOAT), "fp16": ("<f2", TensorProto.FLOAT16)}
"""Precision → how its numbers are stored."""

_LEAST = float(np.finfo(np.float16).smallest_subnormal)

_INTEGERS = ("<i8", TensorProto.INT64)

_INLINE = 1024
"""Bytes of the largest array that stays in the model where weights go into a file of their own."""

_PAGE = 4096
"""Where arrays begin in that file, so that runtimes can map them."""

_IMAGE = 3

CURE = "leave out '--size dynamic'"


def channels_first(shape: Shape) -> Shape:
    """(h, w, c) → (c, h, w); vectors and matrices stay."""
    return (shape[-1], *shape[:-1]) if len(shape) == _IMAGE else shape


class Writer:
    """Writes a graph node by node.

    Args:
        proto: the ONNX graph to fill.
        graph: what is written.
        weights: its arrays.
        form: that the rules write.
        data: a file for the weights, if they do not go into the graph.

    Attributes:
        shapes: of each ONNX value so far, channels first.
        varying: values of the graph whose height and width are those of the image, or follow them.
        inferred: values whose types and shapes ONNX infers of the whole.
        unordered: flattened value → image (h, w, c) whose values lie in it channels first.
    """

    def __init__(
        self,
        proto: onnx.GraphProto,
        graph: Graph,
        weights: Weights,
        form: Form,
        data: BinaryIO | None = None,
    ) -> None:
        self.proto = proto
        self.graph = graph
        self.weights = weights
        self.form = form
        proto.name = graph.name
        self.shapes: dict[str, Shape] = {}
        self.unordered: dict[str, Shape] = {}
        self.varying = _varying(graph) if form.any_size else frozenset[str]()
        self._data = data
        self._held: set[str] = set()
        self._types: dict[str, int] = {}
        self.inferred: set[str] = set()
        # An output's value bears the output's name; a node of that name has to give way.
        self._names = {INPUT: self._open()}
        for output, value in graph.outputs.items():
            if not self._closing(value):
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
        self.inferred.discard(last.output[0])
        self.shapes[value] = self.shapes.pop(last.output[0])
        last.name, last.output[0] = node.name, value

    def type(self, node: Node, kind: int) -> None:
        """Say what the numbers of a node are, where they are not of the file's precision."""
        self._types[self._names[node.name]] = kind

    def _open(self) -> str:
        """Write what makes the graph's input of that of the file, and name its value."""
        kind = TensorProto.UINT8 if self.form.pixels else TensorProto.FLOAT
        self.proto.input.append(self._info(INPUT, self._sides(INPUT, INPUT), kind))
        value = INPUT
        if self.form.layout == "nhwc":
            value = self._step(value, "Transpose", perm=(0, 3, 1, 2))
            self._types[value] = kind
        if kind != FLOATS[self.form.precision][1]:
            value = self._step(value, "Cast", to=FLOATS[self.form.precision][1])
        return value

    def _step(self, value: str, kind: str, **attributes: Any) -> str:  # noqa: ANN401  ONNX's
        name = f"{INPUT}/{kind}"
        self.add(kind, [value], name, [name], attributes)
        self.shapes[name] = channels_first(self.graph.input)
        return name

    def _closing(self, value: str) -> dict[str, Mapping[str, Any]]:
        """What makes an output of the file of a value of the graph."""
        steps: dict[str, Mapping[str, Any]] = {}
        node = self.graph.named.get(value)
        if self.form.precision != "fp32" and not (node and node.op.is_whole):
            steps["Cast"] = {"to": TensorProto.FLOAT}
        if self.form.layout == "nhwc" and len(self.graph.shapes[value]) == _IMAGE:
            steps["Transpose"] = {"perm": (0, 2, 3, 1)}
        return steps

    def finish(self) -> None:
        """Write the outputs, and a shape for every value."""
        taken = {node.name for node in self.proto.node}
        for output, value in self.graph.outputs.items():
            name, steps = self._names[value], self._closing(value)
            if not steps and name != output:
                steps["Identity"] = {}
            for step, attributes in steps.items():
                result = output if step == list(steps)[-1] else f"{output}/{step}"
                own = f"{output}/{step}"
                while own in taken:
                    own += "_"
                taken.add(own)
                self.add(step, [name], own, [result], attributes)
                self.shapes[result] = channels_first(self.graph.shapes[value])
                self._types[result] = self._types.get(self._names[value], TensorProto.FLOAT)
                name = result
        for output, value in self.graph.outputs.items():
            del self.shapes[output]
            sides = self._sides(value, output)
            kind = self._types.get(output, TensorProto.FLOAT)
            self.proto.output.append(self._info(output, sides, kind))
        if self.form.any_size:
            return  # ONNX infers what it can of the other values
        precision = FLOATS[self.form.precision][1]
        known = {name: self.shapes[name] for name in self.shapes if name not in self.inferred}
        for name, shape in known.items():
            kind = self._types.get(name, precision)
            self.proto.value_info.append(self._info(name, shape, kind))

    def add(
        self,
        kind: str,
        inputs: Sequence[str],
        name: str,
        outputs: Sequence[str],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Append an ONNX node."""
        self.proto.node.append(helper.make_node(kind, inputs, outputs, name, **(attributes or {})))

    def hold(self, name: str, array: Array, precision: Precision | None = None) -> str:
        """An initializer of that name, written once, in the file's precision if in no other."""
        if name not in self._held:
            self._held.add(name)
            dtype, kind = (
                FLOATS[precision or self.form.precision] if array.dtype.kind == "f" else _INTEGERS
            )
            with np.errstate(over="ignore"):  # infinity in float16; the check finds it
                array = np.asarray(array, dtype)
            tensor = self.proto.initializer.add(name=name, data_type=kind, dims=array.shape)
            if self._data is None or array.nbytes <= _INLINE:
                tensor.raw_data = array.tobytes()
            else:
                _put(array, self._data, tensor)
        return name

    def _sides(self, value: str, name: str) -> Sequence[int | str]:
        """The shape of a value as the user of the file sees it, who calls it `name`."""
        shape = self.graph.shapes[value]
        if len(shape) != _IMAGE:
            return shape
        sides: Sequence[int | str] = shape[:2]
        if value in self.varying:
            sides = ("height", "width") if name == INPUT else (f"{name}_height", f"{name}_width")
        return (shape[2], *sides) if self.form.layout == "nchw" else (*sides, shape[2])

    def _info(self, name: str, shape: Sequence[int | str], kind: int) -> onnx.ValueInfoProto:
        batch = "batch" if self.form.batch is None else self.form.batch
        return helper.make_tensor_value_info(name, kind, [batch, *shape])


def _varying(graph: Graph) -> frozenset[str]:
    """The values whose height and width are others where the image is twice as high and wide."""
    height, width, _ = graph.input
    try:
        large = resized(graph, 2 * height, 2 * width).shapes
    except ShapeError as reason:
        message = f"{graph.name} takes no images of another size: {reason}"
        raise error("E416", message, None, CURE) from reason
    return frozenset(
        name
        for name, shape in graph.shapes.items()
        if len(shape) == _IMAGE and large[name] != shape
    )


def _put(array: Array, data: BinaryIO, tensor: TensorProto) -> None:
    """Write an array into the file of the weights, and into `tensor` where it lies there."""
    data.write(bytes(-data.tell() % _PAGE))
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", ""), ("offset", data.tell()), ("length", array.nbytes)):
        tensor.external_data.add(key=key, value=str(value))
    data.write(np.ascontiguousarray(array).data)


class Site:
    """The place of one node: where its rule reads and writes.

    Args:
        writer: of the whole graph.
        node: of the graph.
        inputs: ONNX names of what it reads.

    Attributes:
        form: that the rule writes.
        opset: the version of operators in it.
        shape: of the first input, channels last.
        varies: whether height and width of that may be any.
    """

    def __init__(self, writer: Writer, node: Node, inputs: tuple[str, ...]) -> None:
        self.writer = writer
        self.node = node
        self.inputs = inputs
        self.form = writer.form
        self.opset = writer.form.opset
        self.shape = writer.graph.shapes[node.inputs[0]]
        self.varies = node.inputs[0] in writer.varying

    def add(self, kind: str, *inputs: str, shape: Shape = (), **attributes: Any) -> str:  # noqa: ANN401  ONNX's
        """Append an ONNX node and name its value; its shape is the node's, if not `shape`."""
        return self._add(kind, inputs, [shape or channels_first(self.node.shape)], attributes)[0]

    def step(self, kind: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401  ONNX's
        """Append an ONNX node whose value is read in this rule alone, of a type of its own."""
        return self.steps(kind, 1, *inputs, **attributes)[0]

    def steps(self, kind: str, count: int, *inputs: str, **attributes: Any) -> Sequence[str]:  # noqa: ANN401
        """The same for a node that gives `count` values."""
        names = self._add(kind, inputs, [()] * count, attributes)
        self.writer.inferred.update(names)
        return names

    def _add(
        self,
        kind: str,
        inputs: Sequence[str],
        shapes: Sequence[Shape],
        attributes: Mapping[str, Any],
    ) -> Sequence[str]:
        names = list[str]()
        for shape in shapes:
            name = f"{self.node.name}/{kind}"
            while name in self.writer.shapes:
                name += "_"
            self.writer.shapes[name] = shape
            names.append(name)
        self.writer.add(kind, inputs, names[0], names, attributes)
        return names

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

    @property
    def last(self) -> int:
        """The axis of the channels of an image, of the last of a vector or a matrix."""
        return 1 if len(self.shape) == _IMAGE else len(self.shape)

    def number(self, value: float, count: int | None = None) -> str:
        """A constant, or a vector of `count` of them; one initializer for all who need it.

        What keeps a divisor from zero is not rounded to zero.
        """
        if value > 0 and self.form.precision == "fp16":
            value = max(value, _LEAST)
        name = f"constant/{value}" if count is None else f"constant/{value}x{count}"
        return self.writer.hold(name, np.full(() if count is None else count, float(value)))

    def single(self, *values: float) -> str:
        """A vector of float32, whatever the file's precision."""
        return self.writer.hold(
            f"constant/single{[*map(float, values)]}", np.array(values, np.float32), "fp32"
        )

    def integers(self, *values: int) -> str:
        """A shape, or indices; one initializer for all who need it."""
        return self.writer.hold(f"constant/{list(values)}", np.array(values, np.int64))

    def image(self, value: str, like: str, shape: Shape) -> str:
        """Reshape to an image (h, w, c) = `shape`, as high and wide as the ONNX value `like`."""
        if not self.varies:
            whole = channels_first(shape)
            return self.add("Reshape", value, self.integers(0, *whole), shape=whole)
        wanted = self.add("Concat", self.integers(0, shape[2]), self.sides(like), axis=0)
        return self.add("Reshape", value, wanted)

    def sides(self, like: str) -> str:
        """Height and width of an ONNX value, where they may be any."""
        shape = self.add("Shape", like)
        return self.add("Slice", shape, self.integers(2), self.integers(4))

    def no_size(self, why: str) -> SpecError:
        """The error of a node that cannot be written for images of any size."""
        where = f"{self.node.name}: {kind(type(self.node.op))}"
        return error("E416", f"{where} {why}", self.node.span, CURE)
