"""The meaning of a graph, in plain numpy: images (batch, h, w, c) in, outputs by name out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import erf, pi, prod, sqrt
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from archspec.graph import INPUT, Graph, Node
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Dense,
    Dropout,
    DropPath,
    Flatten,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    Multiply,
    Op,
    Pool,
    Rescale,
    Slice,
    Standardize,
    Window,
)

Array: TypeAlias = NDArray[Any]
Inputs: TypeAlias = Sequence[Array]
Weights: TypeAlias = Mapping[str, Array]


def emit(
    graph: Graph, weights: Weights, dtype: Literal["float32", "float64"] = "float32"
) -> "Reference":
    """The graph as a function of images, computed in `dtype` throughout.

    Args:
        graph: any graph, with or without batch norm, dropout, drop path.
        weights: an array for each key of `graph.weights`, in Keras layout.
        dtype: what images and weights are converted to.
    """
    return Reference(graph, weights, dtype)


class Reference:
    """A graph that computes.

    Args:
        graph: what to compute.
        weights: by `node/weight`.
        dtype: of all arithmetic.
    """

    def __init__(self, graph: Graph, weights: Weights, dtype: str = "float32") -> None:
        self.graph = graph
        self.dtype = np.dtype(dtype)
        self._weights = {
            node.name: {
                name: np.asarray(weights[f"{node.name}/{name}"], self.dtype)
                for name in graph.weights_of(node)
            }
            for node in graph.nodes
        }

    def __call__(self, image: Array) -> dict[str, Array]:
        """The outputs by name, for images (batch, h, w, c) of the graph's size."""
        wanted = set(self.graph.outputs.values())
        found = {name: value for name, value in self.steps(image) if name in wanted}
        return {name: found[node] for name, node in self.graph.outputs.items()}

    def values(self, image: Array) -> dict[str, Array]:
        """Every value by the name of its node, the input included, in the order of the nodes."""
        return dict(self.steps(image))

    def steps(
        self, image: Array, given: Mapping[str, Array] | None = None
    ) -> Iterator[tuple[str, Array]]:
        """The same, one after the other; a value is forgotten when nothing more reads it.

        Args:
            image: as for a call.
            given: values by name that are read in the stead of those computed.
        """
        assert image.shape[1:] == self.graph.input, image.shape  # noqa: S101
        values = {INPUT: np.asarray(image, self.dtype)}
        yield INPUT, values[INPUT]
        readers = {name: len(nodes) for name, nodes in self.graph.readers.items()}
        for node in self.graph.nodes:
            value = self._compute(node, values)
            yield node.name, value
            values[node.name] = np.asarray((given or {}).get(node.name, value), self.dtype)
            for name in {node.name, *node.inputs}:
                readers[name] -= name != node.name
                if not readers[name]:
                    del values[name]

    def _compute(self, node: Node, values: Mapping[str, Array]) -> Array:
        rule = RULES[type(node.op)]
        # A weight file may hold anything: NaN and infinity are values here, not warnings.
        with np.errstate(all="ignore"):
            return rule(node.op, [values[name] for name in node.inputs], self._weights[node.name])


def _convolution(op: Convolution, inputs: Inputs, weights: Weights) -> Array:
    (image,) = inputs
    windows, kernel = _windows(op, image), weights["kernel"]
    if op.depthwise(image.shape[1:]):
        out = np.einsum("nhwcyx,yxcm->nhwcm", windows, kernel)
        out = out.reshape(*out.shape[:3], op.channels)
    else:
        taken = np.split(windows, op.groups, axis=3)
        filters = np.split(kernel, op.groups, axis=3)
        axes = ((4, 5, 3), (0, 1, 2))
        parts = [np.tensordot(*pair, axes) for pair in zip(taken, filters, strict=True)]
        out = np.concatenate(parts, axis=-1)
    return out + weights["bias"] if op.bias else out


def _pool(op: Pool, inputs: Inputs, _: Weights) -> Array:
    (image,) = inputs
    if op.type == "max":
        return _windows(op, image, fill=-np.inf).max(axis=(-2, -1))
    there = np.ones((1, *image.shape[1:3], 1), image.dtype)
    return _windows(op, image).sum(axis=(-2, -1)) / _windows(op, there).sum(axis=(-2, -1))


def _windows(op: Window, image: Array, fill: float = 0.0) -> Array:
    """The pixels that each position of the window sees: (n, h', w', c, kh, kw), a view."""
    pads = op.pads(image.shape[1:])
    if any(map(sum, pads)):
        image = np.pad(image, ((0, 0), *pads, (0, 0)), constant_values=fill)
    height, width = ((kernel - 1) * op.dilation + 1 for kernel in op.kernel)
    windows = sliding_window_view(image, (height, width), (1, 2))
    return windows[:, :: op.stride, :: op.stride, :, :: op.dilation, :: op.dilation]


def _global_pool(op: GlobalPool, inputs: Inputs, _: Weights) -> Array:
    reduce = np.max if op.type == "max" else np.mean
    return reduce(inputs[0], axis=(1, 2), keepdims=True)


def _batch_norm(op: BatchNorm, inputs: Inputs, weights: Weights) -> Array:
    scale = weights["gamma"] / np.sqrt(weights["moving_variance"] + op.epsilon)
    return (inputs[0] - weights["moving_mean"]) * scale + weights["beta"]


def _layer_norm(op: LayerNorm, inputs: Inputs, weights: Weights) -> Array:
    return _normal(inputs[0], -1, op.epsilon) * weights["gamma"] + weights["beta"]


def _group_norm(op: GroupNorm, inputs: Inputs, weights: Weights) -> Array:
    (values,) = inputs
    batch, *_, channels = values.shape
    split = values.reshape(batch, -1, op.groups, channels // op.groups)
    normal = _normal(split, (1, 3), op.epsilon).reshape(values.shape)
    return normal * weights["gamma"] + weights["beta"]


def _normal(values: Array, axis: int | tuple[int, ...], epsilon: float) -> Array:
    """Mean 0 and variance 1 along `axis`."""
    centred = values - values.mean(axis, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis, keepdims=True) + epsilon)


def _rescale(op: Rescale, inputs: Inputs, _: Weights) -> Array:
    (values,) = inputs
    return values * np.asarray(op.scale, values.dtype) + np.asarray(op.offset, values.dtype)


def _standardize(_: Standardize, inputs: Inputs, weights: Weights) -> Array:
    return (inputs[0] - weights["mean"]) / np.maximum(np.sqrt(weights["variance"]), 1e-7)


def _dense(op: Dense, inputs: Inputs, weights: Weights) -> Array:
    out = inputs[0] @ weights["kernel"]
    return out + weights["bias"] if op.bias else out


def _slice(op: Slice, inputs: Inputs, _: Weights) -> Array:
    return inputs[0][..., op.start : op.stop]


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))  # where exp overflows, 1 / infinity is right


def _hard_sigmoid(x: Array) -> Array:
    return np.clip(x + 3, 0, 6) / 6


# numpy has no erf; the C library's is exact to 1e-15, and 100 ns a value will do.
_erf = np.vectorize(erf, otypes=["float64"])


def _gelu(x: Array) -> Array:
    return x * (1 + _erf(x / sqrt(2)).astype(x.dtype)) / 2


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.maximum(x, x * 0.01),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "sigmoid": _sigmoid,
    "swish": lambda x: x * _sigmoid(x),
    "tanh": np.tanh,
    "gelu": _gelu,
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))),
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softmax": _softmax,
}
"""`Activation.function` → what it computes of an array with the channels last."""

RULES: Mapping[type[Op], Callable[[Any, Inputs, Weights], Array]] = {
    Activation: lambda op, inputs, _: FUNCTIONS[op.function](inputs[0]),
    Add: lambda _, inputs, __: sum(inputs[1:], start=inputs[0]),
    BatchNorm: _batch_norm,
    Concat: lambda _, inputs, __: np.concatenate(inputs, axis=-1),
    Convolution: _convolution,
    Dense: _dense,
    DropPath: lambda _, inputs, __: inputs[0],
    Dropout: lambda _, inputs, __: inputs[0],
    Flatten: lambda _, inputs, __: inputs[0].reshape(len(inputs[0]), prod(inputs[0].shape[1:])),
    GlobalPool: _global_pool,
    GroupNorm: _group_norm,
    LayerNorm: _layer_norm,
    Multiply: lambda _, inputs, __: inputs[0] * inputs[1],
    Pool: _pool,
    Rescale: _rescale,
    Slice: _slice,
    Standardize: _standardize,
}
"""Op class → the array it makes of its inputs and weights, batch first, channels last."""
