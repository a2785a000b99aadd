"""Graph → what it costs, per row and in all: numbers, work, memory, what it sees. Pure Python."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

from archspec.backends.cost.reach import reaches
from archspec.errors import did_you_mean, error
from archspec.graph import Graph, Node
from archspec.ops import Convolution, Dense, Shape
from archspec.passes.liveness import alive, moved
from archspec.passes.structure import deployed

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

BYTES: Mapping[Precision, int] = {"fp32": 4, "fp16": 2, "int8": 1}
"""Of one activation."""


class Count(NamedTuple):
    """Numbers that training changes, numbers that it does not, multiply-accumulates."""

    trainable: int
    statistics: int
    macs: int


class WeightBytes(NamedTuple):
    """Bytes of the weights of a deployed net.

    Args:
        fp32: four a number.
        fp16: two a number.
        int8: one a number of a kernel of a convolution or dense layer, four of all else: biases,
            and norms that are left.
    """

    fp32: int
    fp16: int
    int8: int


@dataclass(frozen=True, slots=True)
class RowCost:
    """What one row of a spec costs, for a batch of images.

    Numbers, multiply-accumulates and shapes are those of the net as it is trained; memory, weights
    and traffic those of the net as it is deployed, after all passes. A row of which nothing is left
    there has none of these.

    Args:
        row: `stages.s3`.
        input: shape of what its first node reads.
        output: shape of what its last node gives.
        trainable: numbers that training changes.
        statistics: numbers that it does not: batch norm's means and variances.
        macs: multiply-accumulates of convolutions and dense layers.
        peak_memory: the most bytes of activations that are alive at one of its nodes, in all of
            the net; see `liveness`.
        weights: bytes.
        moved: bytes that its ops read and write, activations and weights; see `liveness.moved`.
        receptive_field: height and width of what a pixel of its output sees of the image, in
            pixels; None: all of it; see `reach`.
        stride: pixels of the image between two pixels of its output; None: it has no pixels.
    """

    row: str
    input: Shape
    output: Shape
    trainable: int
    statistics: int
    macs: int
    peak_memory: int
    weights: WeightBytes
    moved: int
    receptive_field: tuple[int, int] | None
    stride: tuple[float, float] | None

    @classmethod
    def nothing(cls, row: str) -> "RowCost":
        """Of a row that no output needs, which is not in the graph."""
        return cls(row, (), (), 0, 0, 0, 0, WeightBytes(0, 0, 0), 0, None, None)

    @property
    def params(self) -> int:
        """All numbers, statistics included, as Keras counts them."""
        return self.trainable + self.statistics

    @property
    def flops(self) -> int:
        """Twice the multiply-accumulates: each is a product and a sum. Nothing else counts."""
        return 2 * self.macs

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs for each byte that is moved; 0 where none is."""
        return self.flops / self.moved if self.moved else 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a graph costs, row by row.

    Args:
        rows: in the order of the graph.
        batch: number of images.
        precision: of the activations, and of the weights in `moved`.
        peak_node: where the most bytes are alive, the first such node of the deployed graph.
    """

    rows: tuple[RowCost, ...]
    batch: int = 1
    precision: Precision = "fp32"
    peak_node: str = ""

    def __iter__(self) -> Iterator[RowCost]:
        return iter(self.rows)

    def _repr_html_(self) -> str:
        """For a notebook: the table by row and in all."""
        from archspec.notebook import cost_html  # noqa: PLC0415  above, and only where it is shown

        return cost_html(self)

    @property
    def trainable(self) -> int:
        """Numbers that training changes."""
        return sum(row.trainable for row in self.rows)

    @property
    def statistics(self) -> int:
        """Numbers that it does not: batch norm's means and variances."""
        return sum(row.statistics for row in self.rows)

    @property
    def params(self) -> int:
        """All numbers, statistics included, as Keras counts them."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and dense layers."""
        return sum(row.macs for row in self.rows)

    @property
    def flops(self) -> int:
        """Twice the multiply-accumulates: each is a product and a sum. Nothing else counts."""
        return 2 * self.macs

    @property
    def peak_memory(self) -> int:
        """The most bytes of activations that are alive at one node, at `peak_node`."""
        return max((row.peak_memory for row in self.rows), default=0)

    @property
    def weights(self) -> WeightBytes:
        """Bytes of the weights of the deployed net."""
        return _sum(row.weights for row in self.rows)

    @property
    def moved(self) -> int:
        """Bytes that all ops read and write."""
        return sum(row.moved for row in self.rows)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs for each byte that is moved; 0 where none is."""
        return self.flops / self.moved if self.moved else 0.0


def emit(graph: Graph, *, batch: int = 1, precision: Precision = "fp32") -> Cost:
    """Cost of a graph as it was lowered, run on a batch of images.

    Raises:
        SpecError: E411, there is no image; E414, there is no such precision.
    """
    if precision not in BYTES:
        hint = did_you_mean(str(precision), PRECISIONS)
        raise error("E414", f"there is no precision '{precision}'", hint=hint)
    if batch < 1:
        raise error("E411", f"a batch of {batch} images")
    small = deployed(graph)
    size = batch * BYTES[precision]
    memory = {name: size * numbers for name, numbers in alive(small).items()}
    seen = reaches(graph)
    kept = _rows(small)
    rows: list[RowCost] = []
    for row, nodes in _rows(graph).items():
        left = kept.get(row, ())
        weights = _sum(_bytes(small, node) for node in left)
        count = counted(graph, nodes)
        cost = RowCost(
            row=row,
            input=graph.inputs_of(nodes[0])[0],
            output=nodes[-1].shape,
            trainable=count.trainable,
            statistics=count.statistics,
            macs=batch * count.macs,
            peak_memory=max((memory[node.name] for node in left), default=0),
            weights=weights,
            moved=size * sum(moved(small, node) for node in left) + getattr(weights, precision),
            receptive_field=seen[nodes[-1].name].field,
            stride=seen[nodes[-1].name].stride,
        )
        rows.append(cost)
    peak = max(memory, key=memory.__getitem__, default="")
    return Cost(tuple(rows), batch, precision, peak)


def counted(graph: Graph, nodes: Iterable[Node]) -> Count:
    """What is counted of some nodes, for one image."""
    trainable = statistics = macs = 0
    for node in nodes:
        for weight in graph.weights_of(node).values():
            if weight.trainable:
                trainable += weight.size
            else:
                statistics += weight.size
        macs += graph.macs_of(node)
    return Count(trainable, statistics, macs)


def _rows(graph: Graph) -> Mapping[str, Sequence[Node]]:
    rows: dict[str, list[Node]] = {}
    for node in graph.nodes:
        rows.setdefault(node.row, []).append(node)
    return rows


def _bytes(graph: Graph, node: Node) -> WeightBytes:
    numbers = kernel = 0
    for name, weight in graph.weights_of(node).items():
        numbers += weight.size
        if name == "kernel" and isinstance(node.op, Convolution | Dense):
            kernel += weight.size
    return WeightBytes(4 * numbers, 2 * numbers, 4 * numbers - 3 * kernel)


def _sum(weights: Iterable[WeightBytes]) -> WeightBytes:
    fp32 = fp16 = int8 = 0
    for one in weights:
        fp32, fp16, int8 = fp32 + one.fp32, fp16 + one.fp16, int8 + one.int8
    return WeightBytes(fp32, fp16, int8)
