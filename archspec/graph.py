"""The graph: ops in order, named as the spec names them; built, verified, printed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from archspec.errors import Span
from archspec.ops import Convolution, Op, Shape, Weight

INPUT = "input"
"""The name of the graph's input, in the graph and in every file made from it."""


@dataclass(frozen=True, slots=True)
class Node:
    """One op applied to earlier nodes (or to the input) by name; its output bears its own name.

    Args:
        name: a path of row, block number and part, `s3.2.expand.conv`.
        shape: of the output.
        row: the row of the spec that it comes from, `stages.s3`.
        span: the cell of the spec that an error about it is shown at.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape
    row: str = ""
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after what it reads.

    Args:
        name: of the spec.
        input: shape of the one input.
        outputs: output name → node name.
    """

    name: str
    input: Shape
    nodes: tuple[Node, ...]
    outputs: Mapping[str, str]

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Shape of every value, the input included."""
        return {INPUT: self.input, **{node.name: node.shape for node in self.nodes}}

    def inputs_of(self, node: Node) -> tuple[Shape, ...]:
        """Shapes of what a node reads."""
        return tuple(self.shapes[name] for name in node.inputs)

    def weights_of(self, node: Node) -> Mapping[str, Weight]:
        """Arrays of one node by their name in it."""
        if type(node.op).weights is Op.weights:
            return {}  # as of most nodes, whose inputs need not be looked up for that
        return node.op.weights(*self.inputs_of(node))

    def macs_of(self, node: Node) -> int:
        """Multiply-accumulates of one node for one image."""
        return node.op.macs(*self.inputs_of(node))

    @cached_property
    def weights(self) -> Mapping[str, Weight]:
        """Every array by its key, `s3.2.expand.conv/kernel`, in the order of the nodes."""
        return {
            f"{node.name}/{name}": weight
            for node in self.nodes
            for name, weight in self.weights_of(node).items()
        }

    @cached_property
    def readers(self) -> Mapping[str, Sequence[Node]]:
        """For every value the nodes that read it."""
        found: dict[str, list[Node]] = {name: [] for name in self.shapes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name].append(node)
        return found

    @cached_property
    def named(self) -> Mapping[str, Node]:
        """Every node by its name."""
        return {node.name: node for node in self.nodes}

    def under(self, path: str) -> Iterator[Node]:
        """The nodes whose name is `path` or begins with it, part by part."""
        prefix = f"{path}."
        return (node for node in self.nodes if node.name == path or node.name.startswith(prefix))

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {_shape(self.input)}, {len(self.nodes)} nodes>"

    def _repr_svg_(self) -> str:
        """For a notebook: the diagram."""
        from archspec.backends.diagram import emit  # noqa: PLC0415  above, and only where it is shown

        return emit(self)

    def __str__(self) -> str:
        """One line a node, stable: what tests compare."""
        lines = [f"graph {self.name}", f"  {INPUT}: {_shape(self.input)}"]
        lines += [
            f"  {node.name} = {node.op} ({', '.join(node.inputs)}) : {_shape(node.shape)}"
            for node in self.nodes
        ]
        lines += [f"  output {name} = {node}" for name, node in self.outputs.items()]
        return "\n".join(lines)


def verify(graph: Graph) -> None:
    """Assert what every stage may rely on: unique names, order, shapes, outputs that exist.

    A breach is a bug of the compiler, not of the spec: `AssertionError`.
    """
    known: dict[str, Shape] = {INPUT: graph.input}
    for node in graph.nodes:
        assert node.name not in known, f"{node.name} stands twice"  # noqa: S101
        missing = [name for name in node.inputs if name not in known]
        assert not missing, f"{node.name} reads {missing} before they are there"  # noqa: S101
        shape = node.op.infer(*(known[name] for name in node.inputs))
        assert shape == node.shape, f"{node.name} is {node.shape}, its op gives {shape}"  # noqa: S101
        known[node.name] = shape
    assert graph.outputs, "no output"  # noqa: S101
    for name, node in graph.outputs.items():
        assert node in known, f"output {name} is {node}, which is not there"  # noqa: S101


def needed(graph: Graph) -> Graph:
    """The graph less what no output needs, such as a head that `outputs` leave aside."""
    read, kept = set(graph.outputs.values()), list[Node]()
    for node in reversed(graph.nodes):
        if node.name in read:
            read.update(node.inputs)
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)))


def resized(graph: Graph, height: int, width: int) -> Graph:
    """The same ops for images of another size; a Dense that reads all of an image changes with it.

    Raises:
        ShapeError: an op cannot take what it gets then.
    """
    build = GraphBuilder(graph.name, (height, width, graph.input[2]))
    for node in graph.nodes:
        build.add(node.name, node.op, node.inputs, node.row, node.span)
    return build.build(graph.outputs)


class GraphBuilder:
    """Adds nodes one by one, inferring shapes."""

    def __init__(self, name: str, image: Shape) -> None:
        self.name = name
        self.shapes: dict[str, Shape] = {INPUT: image}
        self.nodes: list[Node] = []

    def add(
        self, name: str, op: Op, inputs: Sequence[str], row: str = "", span: Span | None = None
    ) -> str:
        """Append a node and return its name.

        Raises:
            ShapeError: the op cannot take inputs of these shapes.
        """
        shape = op.infer(*[self.shapes[value] for value in inputs])
        assert name not in self.shapes, name  # noqa: S101
        self.shapes[name] = shape
        self.nodes.append(Node(name, op, tuple(inputs), shape, row, span))
        return name

    def build(self, outputs: Mapping[str, str]) -> Graph:
        """The graph so far; what `verify` asserts holds by the way it was built."""
        return Graph(self.name, self.shapes[INPUT], tuple(self.nodes), dict(outputs))


def is_depthwise(graph: Graph, node: Node) -> bool:
    """Whether a node is a convolution in which each input channel has filters of its own."""
    return isinstance(node.op, Convolution) and node.op.depthwise(graph.inputs_of(node)[0])


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "scalar"
