"""Layers that slide a window over an image, pool it, or see each pixel by itself."""

from dataclasses import replace
from typing import TypeVar

from archspec.lift.activations import activate
from archspec.lift.said import RefusedError
from archspec.lift.site import Site, Source
from archspec.ops import (
    Around,
    Convolution,
    Dense,
    GlobalPool,
    Pool,
    Shape,
)

Windowed = TypeVar("Windowed", Convolution, Pool)


def convolution(site: Site, around: Around | None = None) -> None:
    """Conv2D; `around`: what a layer before it padded."""
    (*_, channels), said = site.image(), site.said
    op = replace(
        _window(site, around),
        channels=said.integer("filters"),
        groups=said.integer("groups", 1),
        bias=said.flag("use_bias", default=True),
    )
    _convolve(site, op, (*op.kernel, channels // op.groups, op.channels))


def depthwise(site: Site, around: Around | None = None) -> None:
    """DepthwiseConv2D; `around`: what a layer before it padded."""
    (*_, channels), said = site.image(), site.said
    multiplier = said.integer("depth_multiplier", 1)
    op = replace(
        _window(site, around),
        channels=channels * multiplier,
        groups=channels,
        bias=said.flag("use_bias", default=True),
    )
    _convolve(site, op, (*op.kernel, channels, multiplier))


def _convolve(site: Site, op: Convolution, kernel: Shape) -> None:
    arrays: dict[str, Source] = {"kernel": site.array(0, *kernel)}
    if op.bias:
        arrays["bias"] = site.array(1, op.channels)
    site.finish(activate(site, site.add(op, site.value(), arrays=arrays)))


def separable(site: Site) -> None:
    """SeparableConv2D: a depthwise convolution, and one of single pixels."""
    (*_, channels), said = site.image(), site.said
    multiplier = said.integer("depth_multiplier", 1)
    first = replace(_window(site), channels=channels * multiplier, groups=channels)
    second = Convolution(
        (1, 1),
        padding="valid",
        channels=said.integer("filters"),
        bias=said.flag("use_bias", default=True),
    )
    kernel = site.array(0, *first.kernel, channels, multiplier)
    value = site.add(first, site.value(), part="depthwise", arrays={"kernel": kernel})
    shape = (1, 1, first.channels, second.channels)
    arrays: dict[str, Source] = {"kernel": site.array(1, *shape)}
    if second.bias:
        arrays["bias"] = site.array(2, second.channels)
    site.finish(activate(site, site.add(second, value, arrays=arrays)))


def _window(site: Site, around: Around | None = None) -> Convolution:
    said = site.said
    op = Convolution(
        said.pair("kernel_size"),
        said.equal("strides"),
        said.padding(),
        said.equal("dilation_rate"),
    )
    return _besides(site, op, around)


def _besides(site: Site, op: Windowed, around: Around | None) -> Windowed:
    """The window that pads by itself what a layer before it padded."""
    if not around:
        return op
    if op.padding != "valid":
        raise RefusedError("it pads what is padded already")
    return op.padded(around, site.shape)


def pool(site: Site, around: Around | None = None) -> None:
    """MaxPooling2D and AveragePooling2D; `around`: zeros that a layer before it put there."""
    site.image()
    kernel = site.said.pair("pool_size", (2, 2))
    op = Pool(
        kernel,
        site.said.equal("strides", kernel),
        site.said.padding(),
        type="max" if site.call.kind.startswith("Max") else "average",
        count_padding=around is not None,
    )
    site.finish(site.add(_besides(site, op, around), site.value()))


def global_pool(site: Site) -> None:
    """GlobalAveragePooling2D and GlobalMaxPooling2D; without `keepdims` a vector to Keras."""
    site.image()
    flat = not site.said.flag("keepdims", default=False)
    kind = "max" if "Max" in site.call.kind else "average"
    site.finish(site.add(GlobalPool(kind), site.value()), flat=flat)


def dense(site: Site) -> None:
    """Dense, which of an image is a convolution of single pixels."""
    said, channels = site.said, site.channels
    units, bias = said.integer("units"), said.flag("use_bias", default=True)
    arrays: dict[str, Source] = {"kernel": site.array(0, channels, units)}
    if bias:
        arrays["bias"] = site.array(1, units)
    value = site.value()
    vector = len(site.draft.build.shapes[value]) == 1
    op = (
        Dense(units, bias) if vector else Convolution((1, 1), 1, "valid", channels=units, bias=bias)
    )
    site.finish(activate(site, site.add(op, value, arrays=arrays)))
