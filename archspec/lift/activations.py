"""Functions of Keras, by their names, as activations."""

from collections.abc import Mapping

from archspec.errors import quoted
from archspec.lift.calls import kind_of
from archspec.lift.said import RefusedError, Value, is_object, number
from archspec.lift.site import Rule, Site
from archspec.ops import Activation, Add, Function, Rescale, Scale

NAMES: Mapping[str, Function] = {
    "elu": "elu",
    "gelu": "gelu",
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_swish",
    "hard_swish": "hard_swish",
    "leaky_relu": "leaky_relu",
    "mish": "mish",
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "silu": "swish",
    "softmax": "softmax",
    "softplus": "softplus",
    "swish": "swish",
    "tanh": "tanh",
}
"""Keras's name → ours."""
KERAS_SLOPE = 0.2
"""Of `leaky_relu` where it is called by its name."""


def activate(site: Site, value: str) -> str:
    """The function that a layer applies to what it computes, as a node of its own."""
    op = named(site.said.take("activation"))
    return site.add(op, value, part="activation") if op else value


def named(name: Value) -> Activation | None:
    """The function of a name; None where it is x itself."""
    if name is None or name == "linear":
        return None
    if is_object(name) and is_object(name.get("config")):
        return _of_layer(name)
    if not isinstance(name, str) or name not in NAMES:
        raise RefusedError(f"activation is {quoted(name)}")
    return Activation(NAMES[name], KERAS_SLOPE) if name == "leaky_relu" else Activation(NAMES[name])


def _of_layer(layer: Value) -> Activation | None:
    """The function of a layer that is given as an activation, or of a name that is wrapped."""
    kind, config = kind_of(layer), layer["config"]
    if kind == "function":
        return named(config)
    if kind == "ReLU" and config.get("max_value") in (None, 6.0):
        slope, threshold = config.get("negative_slope", 0.0), config.get("threshold", 0.0)
        if slope == threshold == 0:
            return Activation("relu" if config.get("max_value") is None else "relu6")
    if kind == "LeakyReLU":
        return Activation("leaky_relu", number(config.get("negative_slope"), "negative_slope"))
    raise RefusedError(f"activation is {quoted(layer)}")


def by_name(site: Site) -> None:
    """Activation."""
    _apply(site, named(site.said.take("activation")))


def _apply(site: Site, op: Activation | None) -> None:
    site.finish(site.add(op, site.value()) if op else site.value())


def always(function: Function) -> Rule:
    """A rule for what has no settings."""
    return lambda site: _apply(site, Activation(function))


def gelu(site: Site) -> None:
    """`keras.ops.gelu`, whose approximation is its default."""
    near = site.said.flag("approximate", default=True)
    _apply(site, Activation("gelu_tanh" if near else "gelu"))


def relu(site: Site) -> None:
    """ReLU with a cap, or with a slope below zero."""
    said = site.said
    most, slope = said.take("max_value"), said.number("negative_slope", 0.0)
    said.need("threshold", 0.0, 0.0)
    if most is None:
        _apply(site, Activation("leaky_relu", slope) if slope else Activation("relu"))
        return
    most = number(most, "max_value")
    if slope or most <= 0:
        raise RefusedError(f"max_value is {most:g} and negative_slope {slope:g}")
    if most == 6:  # noqa: PLR2004  the six of relu6
        _apply(site, Activation("relu6"))
        return
    value = site.add(Rescale((6 / most,)), site.value(), part="in")
    value = site.add(Activation("relu6"), value, part="clip")
    site.finish(site.add(Rescale((most / 6,)), value))


def leaky_relu(site: Site) -> None:
    """LeakyReLU."""
    _apply(site, Activation("leaky_relu", site.said.number("negative_slope", KERAS_SLOPE)))


def elu(site: Site) -> None:
    """ELU, which is a function of no other slope here."""
    site.said.need("alpha", 1.0, 1.0)
    _apply(site, Activation("elu"))


def softmax(site: Site) -> None:
    """Softmax over the channels."""
    axis = site.said.take("axis", -1)
    if axis not in (-1, len(site.shape), [-1]):
        raise RefusedError(f"axis is {quoted(axis)}")
    _apply(site, Activation("softmax"))


def prelu(site: Site) -> None:
    """PReLU: relu(x) - alpha · relu(-x), one alpha for each channel."""
    shape, shared = site.shape, site.said.take("shared_axes", [])
    if shared != [*range(1, len(shape))]:
        raise RefusedError(f"shared_axes is {quoted(shared)}: an alpha for each pixel")
    value = site.value()
    above = site.add(Activation("relu"), value, part="above")
    below = site.add(Rescale((-1.0,)), value, part="minus")
    below = site.add(Activation("relu"), below, part="below")
    size = (*[1] * (len(shape) - 1), shape[-1])
    alpha = site.array(0, *size)._replace(factor=-1.0)
    below = site.add(Scale(), below, part="slope", arrays={"gamma": alpha})
    site.finish(site.add(Add(), above, below))
