"""What the ops of `archspec.ops.attention` are in ONNX.

Channels first, an image (c, h, w) is the matrices (heads, d, pixels) without turning anything. What
is turned is turned right before a MatMul: runtimes do both in one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from archspec.backends.onnx.channel import reduce
from archspec.backends.onnx.writer import Site
from archspec.ops import (
    Attention,
    ChannelAttention,
    FourierPositions,
    LinearAttention,
    Op,
    SeparableAttention,
    Shape,
    UnitNorm,
)


def _attention(site: Site, op: Attention) -> None:
    graph, (query, key, value) = site.writer.graph, site.inputs
    shapes = [graph.shapes[name] for name in site.node.inputs]
    heads = op.key_heads(*shapes)
    query, rows = _matrices(site, query, shapes[0], op.heads, op.patch)
    key, columns = _matrices(site, key, shapes[1], heads, op.patch)
    value, values = _matrices(site, value, shapes[2], heads, op.patch)
    query = site.add("Mul", query, site.number(rows[-2] ** -0.5), shape=rows)
    square = (*rows[:-2], rows[-1], columns[-1])
    scores = site.add("MatMul", _turned(site, query, rows), key, shape=square)
    weights = site.add("Softmax", scores, axis=-1, shape=square)
    shape = (*rows[:-2], values[-2], rows[-1])
    mean = site.add("MatMul", value, _turned(site, weights, square), shape=shape)
    _image(site, mean, op.patch)


def _matrices(
    site: Site, value: str, image: Shape, heads: int, patch: int = 1
) -> tuple[str, Shape]:
    """(c, h, w) → (heads, c / heads, h · w), for each place in a patch; and its shape."""
    height, width, channels = image
    shape = (heads, channels // heads, height * width // patch**2)
    if patch > 1:
        if site.varies:
            raise site.no_size("cuts patches of the image")
        value = _patches(site, value, image, patch)
        shape = (patch * patch, *shape)
    wanted = (*shape[:-1], -1) if site.varies else shape
    return site.add("Reshape", value, site.integers(0, *wanted), shape=shape), shape


def _patches(site: Site, value: str, image: Shape, patch: int) -> str:
    """(c, h, w) → (patch, patch, c, h / patch, w / patch)."""
    height, width, channels = image
    high, broad = height // patch, width // patch
    split = (channels, high, patch, broad, patch)
    value = site.add("Reshape", value, site.integers(0, *split), shape=split)
    shape = (patch, patch, channels, high, broad)
    return site.add("Transpose", value, perm=(0, 3, 5, 1, 2, 4), shape=shape)


def _image(site: Site, value: str, patch: int = 1) -> None:
    """The way back from `_matrices`, to the shape of the node."""
    height, width, channels = site.node.shape
    if patch > 1:
        high, broad = height // patch, width // patch
        split = (patch, patch, channels, high, broad)
        value = site.add("Reshape", value, site.integers(0, *split), shape=split)
        shape = (channels, high, patch, broad, patch)
        value = site.add("Transpose", value, perm=(0, 3, 4, 1, 5, 2), shape=shape)
    site.image(value, site.inputs[0], site.node.shape)


def _turned(site: Site, value: str, shape: Shape) -> str:
    *first, rows, columns = shape
    last = len(shape)
    perm = (*range(last - 1), last, last - 1)
    return site.add("Transpose", value, perm=perm, shape=(*first, columns, rows))


def _separable_attention(site: Site, op: SeparableAttention) -> None:
    image = site.node.shape
    scores, single = _matrices(site, site.inputs[0], site.shape, 1, op.patch)
    key, shape = _matrices(site, site.inputs[1], image, 1, op.patch)
    value, _ = _matrices(site, site.inputs[2], image, 1, op.patch)
    weights = site.add("Softmax", scores, axis=-1, shape=single)
    context = (*shape[:-1], 1)
    mean = site.add("MatMul", key, _turned(site, weights, single), shape=context)
    _image(site, site.add("Mul", value, mean, shape=shape), op.patch)


def _linear_attention(site: Site, op: LinearAttention) -> None:
    value, (heads, channels, pixels) = _matrices(site, site.inputs[0], site.shape, op.heads)
    width = channels // 3
    shape = (heads, width, pixels)
    query, key, value = (_rows(site, value, start, shape) for start in range(0, channels, width))
    query, key = site.add("Relu", query, shape=shape), site.add("Relu", key, shape=shape)
    # A row of ones makes the sums of the denominator in the same two products.
    more = (heads, width + 1, pixels)
    pads = site.integers(0, 0, 0, 0, 0, 0, 1, 0)
    value = site.add("Pad", value, pads, site.number(1.0), shape=more)
    turned = _turned(site, key, shape)
    summed = site.add("MatMul", value, turned, shape=(heads, width + 1, width))
    both = site.add("MatMul", summed, query, shape=more)
    one = (heads, 1, pixels)
    below = _rows(site, both, width, one)
    below = site.add("Add", below, site.number(op.epsilon), shape=one)
    _image(site, site.add("Div", _rows(site, both, 0, shape), below, shape=shape))


def _rows(site: Site, value: str, start: int, shape: Shape) -> str:
    """From matrices (heads, rows, columns), those rows from `start` on that make them `shape`."""
    bounds = (site.integers(place) for place in (start, start + shape[1], 2))
    return site.add("Slice", value, *bounds, shape=shape)


def _channel_attention(site: Site, op: ChannelAttention) -> None:
    (query, shape), (key, _), (value, _) = (
        _matrices(site, name, site.shape, op.heads) for name in site.inputs
    )
    square = (op.heads, shape[1], shape[1])
    scores = site.add("MatMul", query, _turned(site, key, shape), shape=square)
    weights = site.add("Softmax", scores, axis=-1, shape=square)
    _image(site, site.add("MatMul", weights, value, shape=shape))


def _unit_norm(site: Site, _: UnitNorm) -> None:
    (x,) = site.inputs
    one = (site.shape[2], 1, 1)
    if site.varies:
        norm = reduce(site, "ReduceL2", x, (2, 3), one)
        site.add("Div", x, site.add("Max", norm, site.number(1e-12), shape=one))
        return
    square = site.add("GlobalAveragePool", site.add("Mul", x, x), shape=one)
    count = site.number(float(site.shape[0] * site.shape[1]))
    norm = site.add("Sqrt", site.add("Mul", square, count, shape=one), shape=one)
    site.add("Div", x, site.add("Max", norm, site.number(1e-12), shape=one))


def _fourier_positions(site: Site, op: FourierPositions) -> None:
    """As zero times a channel of the input plus a constant, which has as many images."""
    if site.varies:
        raise site.no_size("has constants for each pixel")
    height, width, channels = site.node.shape
    shape = (1, channels, height, width)
    rows, columns = (np.array(op.waves(size)).T for size in (height, width))
    image = (channels // 2, height, width)
    waves = [
        np.broadcast_to(rows[:, :, np.newaxis], image),
        np.broadcast_to(columns[:, np.newaxis], image),
    ]
    bounds = (site.integers(place) for place in (0, 1, 1))
    first = site.add("Slice", *site.inputs, *bounds, shape=(1, height, width))
    nothing = site.add("Mul", first, site.number(0.0), shape=(1, height, width))
    site.add("Add", nothing, site.weight("waves", np.concatenate(waves).reshape(shape)))


RULES: Mapping[type[Op], Callable[[Site, Any], object]] = {
    Attention: _attention,
    ChannelAttention: _channel_attention,
    FourierPositions: _fourier_positions,
    LinearAttention: _linear_attention,
    SeparableAttention: _separable_attention,
    UnitNorm: _unit_norm,
}
"""Op class → the ONNX nodes it becomes, the last one its value."""
