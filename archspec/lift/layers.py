"""What each layer of Keras is in ops: the inverse of the Keras back end, layer by layer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from archspec.errors import quoted
from archspec.lift.activations import activate
from archspec.lift.said import RefusedError, count, is_list, number, numbers
from archspec.lift.site import Rule, Site, Source
from archspec.ops import (
    Around,
    BatchNorm,
    Convolution,
    Crop,
    Dense,
    Dropout,
    DropPath,
    Flatten,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    Pad,
    Pool,
    Rescale,
    Resize,
    Scale,
    Shape,
    Standardize,
    UnitNorm,
)

EPSILON = 1e-7
"""The least that Normalization divides by."""

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
    """MaxPooling2D and AveragePooling2D; `around`: what a layer before it padded."""
    site.image()
    site.finish(site.add(pooling(site, around), site.value()))


def pooling(site: Site, around: Around | None = None) -> Pool:
    """The op of a pooling layer."""
    said = site.said
    kernel = said.pair("pool_size", (2, 2))
    op = Pool(
        kernel,
        said.equal("strides", kernel),
        said.padding(),
        type="max" if site.call.kind.startswith("Max") else "average",
    )
    return _besides(site, op, around)


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


def batch_norm(site: Site) -> None:
    """BatchNormalization of the channels."""
    need_channels(site)
    site.said.need("renorm", wanted=False, default=False)
    arrays = _affine(site, site.channels)
    first = sum(isinstance(source, tuple) for source in arrays.values())
    arrays["moving_mean"] = site.array(first, site.channels)
    arrays["moving_variance"] = site.array(first + 1, site.channels)
    momentum = site.call.settings.get("momentum", 0.99)
    op = BatchNorm(site.said.number("epsilon", 1e-3), number(momentum, "momentum"))
    site.finish(site.add(op, site.value(), arrays=arrays))


def layer_norm(site: Site) -> None:
    """LayerNormalization of the channels."""
    need_channels(site)
    site.said.need("rms_scaling", wanted=False, default=False)
    op = LayerNorm(site.said.number("epsilon", 1e-3))
    site.finish(site.add(op, site.value(), arrays=_affine(site, site.channels)))


def group_norm(site: Site) -> None:
    """GroupNormalization of the channels."""
    need_channels(site)
    groups = site.said.take("groups", 32)
    op = GroupNorm(
        site.channels if groups == -1 else count(groups, "groups"),
        site.said.number("epsilon", 1e-3),
    )
    site.finish(site.add(op, site.value(), arrays=_affine(site, site.channels)))


def _affine(site: Site, channels: int) -> dict[str, Source]:
    """Scale and offset, ones and zeros where the layer has none."""
    scale = site.said.flag("scale", default=True)
    center = site.said.flag("center", default=True)
    return {
        "gamma": site.array(0, channels) if scale else 1.0,
        "beta": site.array(int(scale), channels) if center else 0.0,
    }


def need_channels(site: Site) -> None:
    """Refuse an axis that is not that of the channels."""
    axis = site.said.take("axis", -1)
    if axis not in (-1, len(site.shape), [-1], [len(site.shape)]):
        raise RefusedError(f"axis is {quoted(axis)}, not that of the channels")


def rescale(site: Site) -> None:
    """Rescaling."""
    scale = numbers(site.said.take("scale", 1.0), "scale")
    offset = numbers(site.said.take("offset", 0.0), "offset")
    site.finish(site.add(Rescale(scale, offset), site.value()))


def standardize(site: Site) -> None:
    """Normalization, by statistics in the config or in the file."""
    need_channels(site)
    said, value = site.said, site.value()
    said.need("invert", wanted=False, default=False)
    mean, variance = said.take("mean"), said.take("variance")
    if mean is None:
        vector = (site.channels,)
        arrays = {"mean": site.array(0, *vector), "variance": site.array(1, *vector)}
        site.finish(site.add(Standardize(), value, arrays={**arrays, "count": site.array(2)}))
        return
    means, variances = numbers(mean, "mean"), numbers(variance, "variance")
    if len(means) != len(variances) or min(variances) < 0:
        raise RefusedError("mean and variance do not fit")
    scale = tuple(1 / max(value**0.5, EPSILON) for value in variances)
    offset = tuple(-mean * factor for mean, factor in zip(means, scale, strict=True))
    site.finish(site.add(Rescale(scale, offset), value))


def pad(site: Site) -> None:
    """ZeroPadding2D."""
    site.image()
    site.finish(site.add(Pad(*site.said.sides("padding")), site.value()))


def crop(site: Site) -> None:
    """Cropping2D."""
    site.image()
    site.finish(site.add(Crop(*site.said.sides("cropping")), site.value()))


def upsample(site: Site) -> None:
    """UpSampling2D."""
    height, width, _ = site.image()
    rows, columns = site.said.pair("size", (2, 2))
    _resize(site, (height * rows, width * columns))


def resizing(site: Site) -> None:
    """Resizing, without smoothing and without cropping."""
    said = site.said
    for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        said.need(name, wanted=False, default=False)
    said.take("fill_mode"), said.take("fill_value")
    _resize(site, (said.integer("height"), said.integer("width")))


def _resize(site: Site, size: tuple[int, int]) -> None:
    height, width, _ = site.image()
    mode = site.said.one_of("interpolation", ("nearest", "bilinear"), "nearest")
    if mode == "nearest" and (size[0] % height or size[1] % width):
        # TensorFlow takes the pixel at the center, which is another one.
        raise RefusedError(f"the nearest pixels of {height}x{width} for {size[0]}x{size[1]}")
    op = Resize("nearest" if mode == "nearest" else "bilinear", size)
    site.finish(site.add(op, site.value()))


def flatten(site: Site) -> None:
    """Flatten; nothing where a vector comes that stays an image."""
    value = site.value()
    if site.kept and site.draft.build.shapes[value][:-1] == (1, 1):
        site.finish(value, flat=True)
        return
    is_vector = len(site.shape) == 1
    site.finish(value if is_vector else site.add(Flatten(), value))


def reshape(site: Site) -> None:
    """Reshape, of what keeps its shape, of images to vectors, of vectors that were one pixel."""
    wanted = site.said.take("target_shape")
    reshape_to(site, wanted if is_list(wanted) else [wanted])


def reshape_to(site: Site, wanted: Sequence[object]) -> None:
    """The same for a shape in which one number may be -1."""
    tensor = site.tensors[0]
    shape = _known(wanted, tensor.shape)
    if shape == tensor.shape:
        site.finish(tensor.value, flat=len(shape) == 1)
    elif shape == site.draft.build.shapes[tensor.value]:
        site.finish(tensor.value)
    elif len(shape) == 1:
        site.finish(site.add(Flatten(), tensor.value))
    else:
        raise RefusedError(f"{list(tensor.shape)} becomes {list(shape)}")


def _known(wanted: Sequence[object], shape: Shape) -> Shape:
    """The shape with a number for its -1, with all of those of `shape`."""
    total, free = 1, 0
    for size in shape:
        total *= size
    known = 1
    for size in wanted:
        if size == -1:
            free += 1
        else:
            known *= count(size, "target_shape")
    if free > 1 or total % known:
        raise RefusedError(f"target_shape is {quoted(wanted)}")
    return tuple(total // known if size == -1 else count(size, "target_shape") for size in wanted)


def permute(site: Site) -> None:
    """Permute, where it leaves the order, or turns axes of one pixel."""
    dims = site.said.take("dims")
    if dims != [*range(1, len(site.shape) + 1)]:
        raise RefusedError(f"dims is {quoted(dims)}")
    same(site)


def same(site: Site) -> None:
    """What does nothing when nothing is trained."""
    site.finish(site.value())


def idle(*names: str) -> Rule:
    """A rule for that, with names of settings that only matter in training."""

    def rule(site: Site) -> None:
        for name in names:
            site.said.take(name)
        same(site)

    return rule


def dropout(site: Site) -> None:
    """Dropout of values, or of whole images."""
    rate, shape = site.said.number("rate"), site.said.take("noise_shape")
    if shape is None:
        site.finish(site.add(Dropout(rate), site.value()))
    elif shape == [None, *[1] * len(site.shape)]:
        site.finish(site.add(DropPath(rate), site.value()))
    else:
        same(site)


def drop_path(site: Site) -> None:
    """ConvNeXt's StochasticDepth."""
    site.finish(site.add(DropPath(site.said.number("drop_path_rate")), site.value()))


def layer_scale(site: Site) -> None:
    """ConvNeXt's LayerScale."""
    initial = site.said.number("init_values", 1.0)
    channels = site.said.integer("projection_dim")
    arrays = {"gamma": site.array(0, channels)}
    site.finish(site.add(Scale(initial), site.value(), arrays=arrays))


def unit_norm(site: Site) -> None:
    """UnitNormalization of each channel over the pixels."""
    site.image()
    site.said.need("axis", [1, 2])
    site.finish(site.add(UnitNorm(), site.value()))


def einsum(site: Site) -> None:
    """EinsumDense, where it weighs channels."""
    scaled(site, None)


def scaled(site: Site, groups: int | None) -> None:
    """An EinsumDense that weighs the last axis, of which there are as many as groups."""
    shape = site.shape
    size = (*shape[:-1], shape[-1] // groups, groups) if groups else shape
    axes = "abcde"[: len(size) + 1]
    said = site.said
    said.need("equation", f"{axes},{axes[-1]}->{axes}")
    said.need("output_shape", list(size), list(size))
    said.need("activation", "linear", "linear")
    bias = said.take("bias_axes")
    if bias not in {None, axes[-1]}:
        raise RefusedError(f"bias_axes is {quoted(bias)}")
    count_ = groups or shape[-1]
    arrays: dict[str, Source] = {"gamma": site.array(0, count_)}
    if bias:
        arrays["beta"] = site.array(1, count_)
    op = Scale(bias=bool(bias), groups=groups)
    site.finish(site.add(op, site.value(), arrays=arrays))
