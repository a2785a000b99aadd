"""The forms that ONNX Runtime hands to a phone's accelerator as a whole.

Of what NNAPI and Core ML know, both of its formats, these are the operators that all of them have.
A node that one lacks goes back to the processor, and cuts the net in two.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from archspec.backends.onnx import rules
from archspec.backends.onnx.writer import Site, channels_first
from archspec.ops import Activation, Add, BatchNorm, GroupNorm, LayerNorm, Op, Pool, Shape


def _hard_sigmoid(site: Site, x: str) -> str:
    # A Clip from 0 to 6 is an activation of NNAPI.
    above = site.add("Add", x, site.number(3.0))
    clipped = site.add("Clip", above, site.number(0.0), site.number(6.0))
    return site.add("Mul", clipped, site.number(1 / 6))


def _add(site: Site, _: Add) -> None:
    value, *others = site.inputs
    for other in others:
        value = site.add("Add", value, other)
    if not others:
        site.add("Identity", value)


def _batch_norm(site: Site, op: BatchNorm) -> None:
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (site.array(name, np.float64) for name in names)
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(variance + op.epsilon)
        rules.affine(site, scale, beta - mean * scale)


def _layer_norm(site: Site, op: LayerNorm) -> None:
    """Means over the channels as convolutions and products: not all know another."""
    *pixels, channels = site.shape
    one = (1, *pixels)
    kind, shape = ("Conv", (1, channels, 1, 1)) if pixels else ("Gemm", (channels, 1))
    kernel = site.writer.hold(f"constant/mean{list(shape)}", np.full(shape, 1 / channels))
    _per_channel(
        site,
        _normal(
            site,
            site.inputs[0],
            lambda value: site.add(kind, value, kernel, shape=one),
            op.epsilon,
            (channels_first(site.shape), one),
        ),
    )


def _group_norm(site: Site, op: GroupNorm) -> None:
    shape, one = (op.groups, 1, prod(site.shape) // op.groups), (op.groups, 1, 1)
    value = site.add("Reshape", *site.inputs, site.integers(0, *shape), shape=shape)
    value = _normal(
        site,
        value,
        lambda value: site.add("GlobalAveragePool", value, shape=one),
        op.epsilon,
        (shape, one),
    )
    _per_channel(site, site.add("Reshape", value, site.integers(0, *channels_first(site.shape))))


def _normal(
    site: Site, x: str, mean: Callable[[str], str], epsilon: float, shapes: tuple[Shape, Shape]
) -> str:
    """What is off the mean over its standard deviation; `shapes` of the value and of its mean."""
    shape, one = shapes
    centred = site.add("Sub", x, mean(x), shape=shape)
    variance = mean(site.add("Mul", centred, centred, shape=shape))
    deviation = site.add(
        "Sqrt", site.add("Add", variance, site.number(epsilon), shape=one), shape=one
    )
    return site.add("Div", centred, deviation, shape=shape)


def _per_channel(site: Site, value: str) -> None:
    site.add("Add", site.add("Mul", value, site.per_channel("gamma")), site.per_channel("beta"))


def _pool(site: Site, op: Pool) -> None:
    """Zeros around an image come with a convolution, since Core ML's newer format has no Pad."""
    if op.type == "average" or not op.count_padding:
        rules.pool(site, op)
        return
    (top, bottom), (left, right) = op.pads(site.shape)
    ones = (site.shape[2], 1, 1, 1)
    kernel = site.writer.hold(f"constant/ones{list(ones)}", np.ones(ones))
    value = site.add(
        "Conv",
        *site.inputs,
        kernel,
        group=site.shape[2],
        kernel_shape=(1, 1),
        pads=(top, left, bottom, right),
        shape=rules.padded(site, op),
    )
    rules.max_of(site, op, value)


ACTIVATIONS: Mapping[str, Callable[[Site, str], object]] = {
    **rules.ACTIVATIONS,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda site, x: site.add("Mul", x, _hard_sigmoid(site, x)),
}
"""As `rules.ACTIVATIONS`."""

RULES: Mapping[type[Op], Callable[[Site, Any], object]] = {
    **rules.RULES,
    Activation: lambda site, op: rules.activation(site, op, ACTIVATIONS),
    Add: _add,
    BatchNorm: _batch_norm,
    GroupNorm: _group_norm,
    LayerNorm: _layer_norm,
    Pool: _pool,
}
"""As `rules.RULES`."""
