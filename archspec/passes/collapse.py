"""Collapse convolutions side by side into one convolution."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.ops import Convolution, Dense
from archspec.passes.fold import fold_arrays, statistics
from archspec.passes.structure.collapse import Sum, Term, collapsed, taps_of

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]


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
    arrays = dict(weights)
    for step in collapsed(graph, any_size=any_size):
        for found in step.sums:
            summed = _summed(found, arrays)
            for key in found.gone:
                del arrays[key]
            arrays |= {f"{found.name}/{name}": array for name, array in summed.items()}
        graph = step.graph
        fold_arrays(arrays, step.folded)
    return graph, arrays


def _summed(found: Sum, arrays: Weights) -> dict[str, Array]:
    """Kernel and bias of the op that gives the sum."""
    _name, terms, image, op, _gone = found
    groups = op.groups if isinstance(op, Convolution) else 1
    plane = image[-1] // groups, op.channels
    rows, columns = taps_of(op, image)
    kernel, bias = np.zeros((len(rows), len(columns), *plane)), np.zeros(op.channels)
    for term in terms:
        top, left = (axis[0] for axis in taps_of(term.op, image))
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


def _affine(term: Term, plane: tuple[int, int], arrays: Weights) -> tuple[Array, Array]:
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
