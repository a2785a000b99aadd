"""Objects that several blocks share, and what every block of convolutions says."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from archspec.ops import FUNCTIONS
from archspec.parameters.kinds import (
    FLAG,
    MAX_CHANNELS,
    MIXED_KERNEL,
    Kernel,
    either,
    integer,
    number,
    ratio,
    word,
)
from archspec.parameters.parameter import Object, Parameter, parameter
from archspec.scaling import Mode, Rounding
from archspec.scaling import Whole as WholeBefore


def _words(alias: Any) -> tuple[str, ...]:  # noqa: ANN401
    return tuple(alias.__args__)


ROUNDING = Object(
    Rounding,
    "said",
    {
        "mode": Parameter(
            word(*_words(Mode)),
            "to which multiple: the nearest, ties up or to even; down; up",
            "half_up",
        ),
        "divisor": Parameter(integer(1, 1024), "the result is a multiple of it", 1),
        "keep": Parameter(
            number(0, 1), "a result below this share of the value goes up by one divisor", 0.0
        ),
        "floor": Parameter(
            integer(0, MAX_CHANNELS), "the least result; 0 stands for the divisor", 0
        ),
        "integer": Parameter(
            word(*_words(WholeBefore)), "what is done to the product before", "none"
        ),
    },
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Init:
    """How a kernel starts: variance scaling."""

    distribution: Literal["uniform", "normal", "truncated_normal"] = parameter(
        word("uniform", "normal", "truncated_normal"), "how it is drawn", "uniform"
    )
    scale: float = parameter(ratio(1e3), "the variance is scale / fan", 1.0)
    fan: Literal["in", "out", "average"] = parameter(
        word("in", "out", "average"), "inputs, outputs or their mean for one unit", "average"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Norm:
    """A normalization."""

    type: Literal["batch", "layer", "group", "rms", "deviation"] = parameter(
        word("batch", "layer", "group", "rms", "deviation"),
        "over the batch, the channels, or groups of channels; over the channels without a shift: "
        "rms, x over its root mean square; deviation, x over its standard deviation",
    )
    epsilon: float = parameter(number(0, 1), "added to the variance or mean square", 1e-3)
    momentum: float = parameter(
        number(0, 1),
        "share of the old statistics kept at each step (Keras's sense, 1 - PyTorch's)",
        0.99,
    )
    groups: int = parameter(integer(1, MAX_CHANNELS), "groups of channels (group only)", 32)
    group_width: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of groups: channels of a group (group only)", None
    )


PADDING = word("same", "symmetric", "even", "ceil", "valid")
BIAS = either(FLAG, word("auto"))
NORM = Object(Norm)
INIT = Object(Init, "said")


FUNCTION = word(*FUNCTIONS)

Antialias: TypeAlias = Literal["blur", "blur_zero", "average"]
"""Instead of a stride: a blur (the image mirrored beyond its border, or zero there), or means."""
ANTIALIAS = word(*_words(Antialias))


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One convolution of a block, with its norm and activation."""

    kernel: Kernel = parameter(MIXED_KERNEL, "height and width of the window", ((1, 1),))
    groups: int | None = parameter(
        integer(1, MAX_CHANNELS),
        "slices of the channels, each by itself; a depthwise convolution has one for each channel",
        1,
    )
    group_width: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of groups: channels of a slice of the output", None
    )
    bias: bool | Literal["auto"] = parameter(BIAS, "auto: a bias where there is no norm", "auto")
    norm: Norm | None = parameter(NORM, "after the convolution", None)
    activation: Any = parameter(FUNCTION, "after the norm", None)
    affine: bool = parameter(FLAG, "a learned factor and offset after it", default=False)
    padding: Any = parameter(PADDING, "how the image is padded", "same")
    rounding: Rounding | None = parameter(ROUNDING, "how its computed width is rounded", None)
    init: Init | None = parameter(INIT, "how its kernel starts", None)
    l2: float = parameter(number(0, 1), "factor of the L2 penalty on its kernel", 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortcut(Part):
    """The convolution beside a block that changes the width or the size of the image."""

    pool: Literal["average"] | None = parameter(
        word("average"),
        "take the means of 2x2 pixels (fewer at the border) instead of a stride "
        "(arXiv:1812.01187, ResNet-D)",
        None,
    )
    subsample: bool = parameter(
        FLAG,
        "where only the size changes, take every stride-th pixel of the input instead",
        default=False,
    )


def part(
    doc: str,
    type_: type[Part] = Part,
    *,
    optional: Literal["on", "off"] | None = None,
    **defaults: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """A field that is a convolution of the block; what it does not say, the block says.

    Args:
        doc: which convolution it is.
        type_: the class that holds it.
        optional: whether `none` may be said; "on": else it is there; "off": only where its kernel
            is said.
        defaults: fields that do not follow the block, and what they are where nobody says them.
            `kernel` and those of groups follow only where they are named here as "block".
    """
    fixed = {"kernel": ((1, 1),), "groups": 1, "group_width": None, **defaults}
    fixed = {name: value for name, value in fixed.items() if value != "block"}
    if optional == "off":
        del fixed["kernel"]  # whoever switches it on says it
    kind = Object(type_, "leading" if optional == "off" else "always")
    said = Parameter(kind, doc, None, off=optional is not None, part_defaults=fixed)
    return field(default=None, metadata={"parameter": said})


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolutional:
    """What every block made of convolutions says for all of them; a part may say otherwise."""

    norm: Norm | None = parameter(NORM, "after each convolution", None)
    activation: Any = parameter(FUNCTION, "after each norm", None)
    affine: bool = parameter(
        FLAG, "a learned factor and offset, for all channels, after each activation", default=False
    )
    bias: bool | Literal["auto"] = parameter(BIAS, "auto: a bias where there is no norm", "auto")
    padding: Any = parameter(PADDING, "how the image is padded", "same")
    init: Init | None = parameter(INIT, "how kernels start", None)
    l2: float = parameter(number(0, 1), "factor of the L2 penalty on kernels", 0.0)

    def as_part(self, kernel: Kernel, groups: int = 1) -> Part:
        """The part of a block that is a single convolution."""
        shared = {item.name: getattr(self, item.name) for item in dataclasses.fields(Convolutional)}
        return Part(kernel=kernel, groups=groups, **shared)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expansion:
    """A hidden width as a ratio of another width."""

    ratio: float = parameter(ratio(64), "hidden width over the width that it is a ratio of")
    of: Any = parameter(
        either(word("input", "output"), integer(1, MAX_CHANNELS)),
        "the block's input, its output, or a count of channels",
        "input",
        count=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SqueezeExcite:
    """Global mean, two 1x1 convolutions, a gate (Hu et al. 2017, arXiv:1709.01507)."""

    ratio: float = parameter(ratio(4), "width between the two convolutions over that of `of`")
    of: Literal["input", "hidden", "output"] = parameter(
        word("input", "hidden", "output"), "the width that it is a ratio of", "hidden"
    )
    rounding: Rounding | None = parameter(ROUNDING, "how that width is rounded", None)
    activation: Any = parameter(FUNCTION, "between the two; else the block's", None, inherits="all")
    gate: Any = parameter(FUNCTION, "on what multiplies the image", "sigmoid")
    norm: Norm | None = parameter(NORM, "after the first convolution", None, inherits="details")
    bias: bool | Literal["auto"] = parameter(
        BIAS, "of both convolutions; auto: where there is no norm", "auto"
    )
    position: Literal["after_activation", "before_activation"] = parameter(
        word("after_activation", "before_activation"),
        "after or before the activation of the convolution that it follows",
        "after_activation",
    )
