"""Graph → what it costs: parameters and multiply-accumulates, per row and in all. Pure Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from archspec.graph import Graph, Node
from archspec.ops import Shape


@dataclass(frozen=True, slots=True)
class RowCost:
    """What one row of a spec costs.

    Args:
        row: `stages.s3`.
        input: shape of what its first node reads.
        output: shape of what its last node gives.
        trainable: numbers that training changes.
        statistics: numbers that it does not: batch norm's means and variances.
        macs: multiply-accumulates of convolutions and dense layers for one image.
    """

    row: str
    input: Shape
    output: Shape
    trainable: int
    statistics: int
    macs: int

    @property
    def params(self) -> int:
        """All numbers, statistics included, as Keras counts them."""
        return self.trainable + self.statistics


@dataclass(frozen=True, slots=True)
class Cost:
    """What a graph costs, row by row."""

    rows: tuple[RowCost, ...]

    def __iter__(self) -> Iterator[RowCost]:
        return iter(self.rows)

    @property
    def trainable(self) -> int:
        """Numbers that training changes."""
        return sum(row.trainable for row in self.rows)

    @property
    def params(self) -> int:
        """All numbers, statistics included, as Keras counts them."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(row.macs for row in self.rows)


def emit(graph: Graph) -> Cost:
    """Cost of a graph; nodes of one row stand together."""
    rows = groupby(graph.nodes, lambda node: node.row)
    return Cost(tuple(_row(graph, row, list(nodes)) for row, nodes in rows))


def _row(graph: Graph, row: str, nodes: list[Node]) -> RowCost:
    weights = [weight for node in nodes for weight in graph.weights_of(node).values()]
    return RowCost(
        row=row,
        input=graph.inputs_of(nodes[0])[0],
        output=nodes[-1].shape,
        trainable=sum(weight.size for weight in weights if weight.trainable),
        statistics=sum(weight.size for weight in weights if not weight.trainable),
        macs=sum(map(graph.macs_of, nodes)),
    )
