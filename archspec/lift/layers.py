"""What each layer of Keras is in ops: the inverse of the Keras back end, layer by layer."""

from archspec.errors import quoted
from archspec.lift.said import RefusedError, count, number, numbers
from archspec.lift.site import Rule, Site, Source
from archspec.ops import (
    BatchNorm,
    Dropout,
    DropPath,
    GroupNorm,
    LayerNorm,
    Rescale,
    Scale,
    Standardize,
    UnitNorm,
)

EPSILON = 1e-7
"""The least that Normalization divides by."""


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
    if len(means) != len(variances) or any(value < 0 for value in variances):
        raise RefusedError("mean and variance do not fit")
    scale = tuple(1 / max(value**0.5, EPSILON) for value in variances)
    offset = tuple(-mean * factor for mean, factor in zip(means, scale, strict=True))
    site.finish(site.add(Rescale(scale, offset), value))


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
    if bias not in (None, axes[-1]):
        raise RefusedError(f"bias_axes is {quoted(bias)}")
    count_ = groups or shape[-1]
    arrays: dict[str, Source] = {"gamma": site.array(0, count_)}
    if bias:
        arrays["beta"] = site.array(1, count_)
    op = Scale(bias=bool(bias), groups=groups)
    site.finish(site.add(op, site.value(), arrays=arrays))
