"""Fold batch norm and scales into what stands before them, or after them."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph, Node
from archspec.ops import BatchNorm, Scale
from archspec.passes.structure.fold import Folded, folded

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]


def fold(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """Fold each batch norm or scale into the convolution or dense layer whose only reader it is.

    Behind a concatenation of such, its channels go into each of them. Where there is none, a batch
    norm goes into the dense layer that is its only reader; a convolution after it pads with zeros,
    which the norm would change.

    Requires: an array for each key of `graph.weights`.
    Ensures: a batch norm or a scale is left only behind another op, a concatenation with one in it,
        or behind a value that is read twice or is an output itself; a batch norm only before
        another op than a dense layer, or where it is itself read twice or an output. What was
        folded into keeps its name and has a bias; its arrays are computed in float64 and keep their
        type. Outputs are equal up to rounding.
    """
    result = folded(graph)
    arrays = dict(weights)
    fold_arrays(arrays, result)
    return result.graph, arrays


def fold_arrays(arrays: dict[str, Array], result: Folded) -> None:
    """Do to the arrays of a graph what was done to it."""
    for norm, targets in result.behind:
        _fold(arrays, targets, norm)
    for norm, (target,) in result.ahead:
        _fold_ahead(arrays, target, norm)


def statistics(norm: Node, weights: Weights) -> tuple[Array, Array, Array]:
    """Scale, mean and offset of a batch norm or scale, (x - mean) · scale + offset, in float64."""

    def wide(name: str) -> Array:
        return weights[f"{norm.name}/{name}"].astype(np.float64)

    if isinstance(norm.op, Scale):
        gamma = wide("gamma")
        beta = wide("beta") if norm.op.bias else np.zeros_like(gamma)
        each = norm.shape[-1] // gamma.size
        return np.repeat(gamma, each), np.zeros(norm.shape[-1]), np.repeat(beta, each)
    assert isinstance(norm.op, BatchNorm)  # noqa: S101
    # Statistics from a file may be negative or infinite: NaN is what batch norm makes of them.
    with np.errstate(all="ignore"):
        scale = wide("gamma") / np.sqrt(wide("moving_variance") + norm.op.epsilon)
    return scale, wide("moving_mean"), wide("beta")


def _fold(arrays: dict[str, Array], targets: Sequence[Node], norm: Node) -> None:
    """Replace the arrays of `targets` and take out those of `norm` behind them."""
    factors = _taken(arrays, norm)
    ends = np.cumsum([target.shape[-1] for target in targets])[:-1]
    for target, *own in zip(targets, *(np.split(factor, ends) for factor in factors), strict=True):
        scale, mean, offset = own
        kernel, bias = _linear(arrays, target)
        with np.errstate(all="ignore"):
            # Channels come last: as one axis, or the last two of a depthwise kernel (kh, kw, c, m).
            scaled = kernel.reshape(-1, len(scale)) * scale
            shift = offset + (bias - mean) * scale
        arrays[f"{target.name}/kernel"] = scaled.reshape(kernel.shape).astype(kernel.dtype)
        arrays[f"{target.name}/bias"] = shift.astype(kernel.dtype)


def _fold_ahead(arrays: dict[str, Array], target: Node, norm: Node) -> None:
    """Replace the arrays of `target`, a dense layer, and take out those of `norm` before it."""
    scale, mean, offset = _taken(arrays, norm)
    kernel, bias = _linear(arrays, target)
    with np.errstate(all="ignore"):
        shift = bias + (offset - mean * scale) @ kernel
        scaled = kernel * scale[:, None]
    arrays[f"{target.name}/kernel"] = scaled.astype(kernel.dtype)
    arrays[f"{target.name}/bias"] = shift.astype(kernel.dtype)


def _taken(arrays: dict[str, Array], norm: Node) -> tuple[Array, Array, Array]:
    """The statistics of `norm`, whose arrays are taken out."""
    factors = statistics(norm, arrays)
    for name in norm.op.weights(norm.shape):
        del arrays[f"{norm.name}/{name}"]
    return factors


def _linear(arrays: Weights, target: Node) -> tuple[Array, Array]:
    """Kernel and bias of a convolution or dense layer."""
    return arrays[f"{target.name}/kernel"], arrays.get(f"{target.name}/bias", np.zeros(()))
