"""Collapse convolutions side by side into one convolution."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph, Node, verify
from archspec.ops import Add, BatchNorm, Convolution, Dense, Op, Shape, ShapeError
from archspec.passes.fold import fold, statistics
from archspec.passes.rewire import alone

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]
Linear: TypeAlias = Convolution | Dense


class _Term(NamedTuple):
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


def collapse(graph: Graph, weights: Weights, *, any_size: bool = False) -> tuple[Graph, Weights]:
    """Replace each sum of convolutions of one value by one convolution of it.

    A term is a convolution of the value with or without a batch norm, a batch norm of the value
    or the value itself; dense layers are summed as convolutions are. Windows may differ in size
    and place: the new one spans them all. Strides and groups must be the same, and the dilations
    of windows that are larger than a pixel.

    Requires: an array for each key of `graph.weights`.
    Ensures: batch norms are folded, see `fold`. A sum is left only where it has no convolution,
        or a term that is something else, of something else, read twice or an output itself; where
        strides, groups or dilations differ; or where no padding puts the new window in its place,
        at every size of the image if that may be any. What replaces a sum has its name and its
        value, and a bias; its arrays are summed in float64 and keep their type. Outputs are equal
        up to rounding.

    Args:
        graph: to change.
        weights: its arrays.
        any_size: whether outputs must be equal for images of every size.
    """
    while True:  # a batch norm may stand behind a sum, and be a term of another one
        graph, weights = _collapsed(graph, weights, any_size=any_size)
        before = len(graph.nodes)
        graph, weights = fold(graph, weights)
        if len(graph.nodes) == before:
            return graph, weights


def _collapsed(graph: Graph, weights: Weights, *, any_size: bool) -> tuple[Graph, Weights]:
    """The graph without the sums that can go; a batch norm behind one is not folded yet."""
    nodes = {node.name: node for node in graph.nodes}
    arrays = dict(weights)
    for node in graph.nodes:
        if not isinstance(node.op, Add):
            continue
        terms = [_term(graph, nodes, name) for name in node.inputs]
        if any_size and _moves(terms):
            continue
        image = graph.shapes[terms[0].source]
        op = _joined(terms, image, node.shape)
        if op is None:
            continue
        summed = _summed(terms, image, op, arrays)
        for old in {old.name: old for term in terms for old in term[1:] if old}.values():
            del nodes[old.name]
            for array in old.op.weights(*graph.inputs_of(old)):
                del arrays[f"{old.name}/{array}"]
        nodes[node.name] = replace(node, op=op, inputs=(terms[0].source,))
        arrays |= {f"{node.name}/{name}": array for name, array in summed.items()}
    kept = (nodes[node.name] for node in graph.nodes if node.name in nodes)
    graph = replace(graph, nodes=tuple(kept))
    verify(graph)
    return graph, arrays


def _term(graph: Graph, nodes: Mapping[str, Node], name: str) -> _Term:
    """How a term comes about by what nothing but the sum reads."""
    norm, node = None, nodes.get(name)
    if node and isinstance(node.op, BatchNorm) and alone(graph, name):
        norm, name = node, node.inputs[0]
        node = nodes.get(name)
    if node and isinstance(node.op, Convolution | Dense) and alone(graph, name):
        return _Term(node.inputs[0], node, norm)
    return _Term(name, None, norm)


def _moves(terms: Sequence[_Term]) -> bool:
    """Whether the windows of the terms lie otherwise to each other at another size of the image."""
    ops = [term.op for term in terms if isinstance(term.op, Convolution)]
    windows = {(op.kernel, op.padding, op.dilation) for op in ops}
    return len(windows) > 1 and not all(op.steady_pads() for op in ops)


def _joined(terms: Sequence[_Term], image: Shape, shape: Shape) -> Linear | None:
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
    return _spanning(convolutions, [_taps(term.op, image) for term in terms], image, shape)


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
        if _taps(wide, image) == (rows, columns) and _gives(wide, image, shape):
            return wide
    return None


def _taps(op: Op | None, image: Shape) -> tuple[range, range]:
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


def _summed(terms: Sequence[_Term], image: Shape, op: Linear, arrays: Weights) -> dict[str, Array]:
    """Kernel and bias of the op that gives the sum."""
    groups = op.groups if isinstance(op, Convolution) else 1
    plane = image[-1] // groups, op.channels
    rows, columns = _taps(op, image)
    kernel, bias = np.zeros((len(rows), len(columns), *plane)), np.zeros(op.channels)
    for term in terms:
        top, left = (taps[0] for taps in _taps(term.op, image))
        y, x = rows.index(top), columns.index(left)
        # Statistics from a file may be anything, see `statistics`.
        with np.errstate(all="ignore"):
            own, shift = _affine(term, plane, arrays)
            kernel[y : y + own.shape[0], x : x + own.shape[1]] += own
            bias += shift
    dtype = next(
        arrays[f"{term.node.name}/kernel"].dtype
        for term in terms
        if term.node and isinstance(term.op, Convolution | Dense)
    )
    shape = op.weights(image)["kernel"].shape
    return {"kernel": kernel.reshape(shape).astype(dtype), "bias": bias.astype(dtype)}


def _affine(term: _Term, plane: tuple[int, int], arrays: Weights) -> tuple[Array, Array]:
    """Kernel (kh, kw, *plane) and bias that do the same as a term, in float64."""
    inputs, channels = plane
    bias = np.zeros(channels)
    if term.node:
        window = term.op.kernel if isinstance(term.op, Convolution) else (1, 1)
        kernel = arrays[f"{term.node.name}/kernel"].astype(np.float64).reshape(*window, *plane)
        bias = arrays.get(f"{term.node.name}/bias", bias).astype(np.float64)
    else:
        kernel = np.zeros((1, 1, *plane))
        kernel[0, 0, np.arange(channels) % inputs, np.arange(channels)] = 1
    if term.norm:
        scale, mean, offset = statistics(term.norm, arrays)
        kernel, bias = kernel * scale, (bias - mean) * scale + offset
    return kernel, bias
