"""Which convolutions side by side become one convolution."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from archspec.graph import Graph, Node, verify
from archspec.ops import Add, BatchNorm, Convolution, Dense, Op, Shape, ShapeError
from archspec.passes.rewire import alone
from archspec.passes.structure.fold import Folded, folded

Linear: TypeAlias = Convolution | Dense


class Term(NamedTuple):
    """One term of a sum: a value, perhaps convolved, perhaps batch-normed after that.

    Args:
        source: the value.
        node: the convolution or dense layer, if there is one.
        norm: the batch norm, if there is one.
    """

    source: str
    node: Node | None
    norm: Node | None

    @property
    def op(self) -> Op | None:
        """The convolution or dense layer."""
        return self.node.op if self.node else None


class Sum(NamedTuple):
    """A sum of convolutions of one value, and the one op that gives it.

    Args:
        name: of the sum, and then of the op.
        terms: of the sum.
        image: shape of the value.
        op: what gives the sum.
        gone: keys of the arrays that its terms had.
    """

    name: str
    terms: Sequence[Term]
    image: Shape
    op: Linear
    gone: Sequence[str]


class Step(NamedTuple):
    """Sums that become one op each, then norms that are folded."""

    sums: Sequence[Sum]
    folded: Folded

    @property
    def graph(self) -> Graph:
        """After the step."""
        return self.folded.graph


def collapsed(graph: Graph, *, any_size: bool = False) -> Iterator[Step]:
    """The steps of `collapse`, one or more, each with the graph after it."""
    while True:  # a batch norm may stand behind a sum, and be a term of another one
        graph, sums = _summed(graph, any_size=any_size)
        before = len(graph.nodes)
        step = Step(sums, folded(graph))
        graph = step.graph
        yield step
        if len(graph.nodes) == before:
            return


def _summed(graph: Graph, *, any_size: bool) -> tuple[Graph, Sequence[Sum]]:
    """The graph without the sums that can go; a batch norm behind one is not folded yet."""
    nodes = dict(graph.named)
    sums: list[Sum] = []
    for node in graph.nodes:
        if isinstance(node.op, Add) and (found := _sum(graph, nodes, node, any_size=any_size)):
            sums.append(found)
            for old in (old for term in found.terms for old in term[1:] if old):
                nodes.pop(old.name, None)
            nodes[node.name] = replace(node, op=found.op, inputs=(found.terms[0].source,))
    if not sums:
        return graph, sums
    kept = (nodes[node.name] for node in graph.nodes if node.name in nodes)
    graph = replace(graph, nodes=tuple(kept))
    verify(graph)
    return graph, sums


def _sum(graph: Graph, nodes: Mapping[str, Node], node: Node, *, any_size: bool) -> Sum | None:
    """What a node adds up, if one op can do it."""
    terms = [_term(graph, nodes, name) for name in node.inputs]
    if any_size and _moves(terms):
        return None
    image = graph.shapes[terms[0].source]
    op = _joined(terms, image, node.shape)
    if op is None:
        return None
    gone = dict.fromkeys(
        f"{old.name}/{array}"
        for term in terms
        for old in term[1:]
        if old
        for array in old.op.weights(*graph.inputs_of(old))
    )
    return Sum(node.name, terms, image, op, tuple(gone))


def _term(graph: Graph, nodes: Mapping[str, Node], name: str) -> Term:
    """How a term comes about by what nothing but the sum reads."""
    norm, node = None, nodes.get(name)
    if node and isinstance(node.op, BatchNorm) and alone(graph, name):
        norm, name = node, node.inputs[0]
        node = nodes.get(name)
    if node and isinstance(node.op, Convolution | Dense) and alone(graph, name):
        return Term(node.inputs[0], node, norm)
    return Term(name, None, norm)


def _moves(terms: Sequence[Term]) -> bool:
    """Whether the windows of the terms lie otherwise to each other at another size of the image."""
    ops = [term.op for term in terms if isinstance(term.op, Convolution)]
    windows = {(op.kernel, op.padding, op.dilation) for op in ops}
    return len(windows) > 1 and not all(op.steady_pads() for op in ops)


def _joined(terms: Sequence[Term], image: Shape, shape: Shape) -> Linear | None:
    """The one op (h, w, c) → `shape` that can give the sum, if there is one."""
    ops = [term.op for term in terms if isinstance(term.op, Convolution | Dense)]
    if not ops or len({term.source for term in terms}) > 1:
        return None
    convolutions = [op for op in ops if isinstance(op, Convolution)]
    if not convolutions:
        return replace(ops[0], bias=True)
    strides = {term.op.stride if isinstance(term.op, Convolution) else 1 for term in terms}
    dilations = {op.dilation for op in convolutions if op.kernel != (1, 1)}
    groups = {op.groups for op in convolutions}
    if max(map(len, (strides, dilations, groups))) > 1:
        return None
    return _spanning(convolutions, [taps_of(term.op, image) for term in terms], image, shape)


def _spanning(
    ops: Sequence[Convolution], taps: Sequence[tuple[range, range]], image: Shape, shape: Shape
) -> Convolution | None:
    """The op with the least window that has all taps, placed by the padding of one of them."""
    step = max(op.dilation if op.kernel != (1, 1) else 1 for op in ops)
    rows, columns = (_span(axis, step) for axis in zip(*taps, strict=True))
    if rows is None or columns is None:
        return None
    for op in ops:
        wide = replace(op, kernel=(len(rows), len(columns)), dilation=step, bias=True)
        if taps_of(wide, image) == (rows, columns) and _gives(wide, image, shape):
            return wide
    return None


def taps_of(op: Op | None, image: Shape) -> tuple[range, range]:
    """Rows and columns that the window at the first pixel reads, seen from that pixel."""
    if not isinstance(op, Convolution):
        return range(1), range(1)
    rows, columns = (
        range(-before, size * op.dilation - before, op.dilation)
        for (before, _), size in zip(op.pads(image), op.kernel, strict=True)
    )
    return rows, columns


def _span(taps: Iterable[range], step: int) -> range | None:
    """Taps a `step` apart that have all of these among them, if there are such."""
    taps = tuple(taps)
    span = range(min(own[0] for own in taps), max(own[-1] for own in taps) + 1, step)
    return span if all(own[0] in span for own in taps) else None


def _gives(op: Op, image: Shape, shape: Shape) -> bool:
    try:
        return op.infer(image) == shape
    except ShapeError:
        return False
