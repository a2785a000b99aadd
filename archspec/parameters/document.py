"""What every row may say, and what a spec says beside its tables."""

from dataclasses import dataclass
from typing import Literal

from archspec.parameters.kinds import (
    BYTES,
    COUNT,
    IMAGE_SIZE,
    MAX_CLASSES,
    MAX_REPEATS,
    RGB,
    RGB_OVER_0,
    integer,
    number,
    ratio,
    word,
)
from archspec.parameters.objects import ROUNDING
from archspec.parameters.parameter import Object, Parameter, parameter
from archspec.parameters.training import TRAIN
from archspec.recipe import Train
from archspec.scaling import Rounding
from archspec.spec import Budget, Normalization


@dataclass(frozen=True, kw_only=True, slots=True)
class RowKeys:
    """What every row may say, whatever its block."""

    repeats: int = parameter(
        integer(1, MAX_REPEATS), "how often the block stands, one after the other", 1
    )
    width: Literal["scaled", "up", "fixed"] = parameter(
        word("scaled", "up", "fixed"),
        "whether scaling.width applies; up: never below what is written",
        "scaled",
    )
    depth: Literal["scaled", "fixed"] = parameter(
        word("scaled", "fixed"), "whether scaling.depth applies", "scaled"
    )
    rounding: Rounding | None = parameter(
        ROUNDING, "of this row's counts, instead of scaling.rounding.channels", None
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ScalingRounding:
    """How scaled numbers become whole."""

    channels: Rounding | None = parameter(
        ROUNDING, "of counts of channels; without it they must come out whole", None
    )
    repeats: Literal["ceil", "half_even"] = parameter(
        word("ceil", "half_even"), "of repeats", "ceil"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """Width and depth of the whole net."""

    width: float = parameter(number(1e-3, 1e3), "factor on every count of channels", 1.0)
    depth: float = parameter(number(1e-3, 1e3), "factor on every row's repeats", 1.0)
    rounding: ScalingRounding = parameter(
        Object(ScalingRounding, "always"), "how scaled numbers become whole", ScalingRounding()
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputStrideKeys:
    """Strides in exchange for dilation."""

    at: int = parameter(integer(1, 1024), "the stride of the whole net that is not exceeded")
    dilate: Literal["at_once", "after"] = parameter(
        word("at_once", "after"),
        "the block that loses its stride is dilated at once, or those after it",
        "at_once",
    )


NORMALIZATION = Object(
    Normalization,
    "said",
    {
        "mean": Parameter(RGB, "subtracted from pixel / scale", (0.0,)),
        "std": Parameter(RGB_OVER_0, "what that is divided by", (1.0,)),
        "scale": Parameter(ratio(65535), "what pixels, from 0 to 255, are divided by first", 255.0),
        "order": Parameter(word("rgb", "bgr"), "of the channels", "rgb"),
    },
)


BUDGET = Object(
    Budget,
    "said",
    {
        "params": Parameter(COUNT, "the most numbers, statistics included", None, off=True),
        "macs": Parameter(COUNT, "the most multiply-accumulates of one image", None, off=True),
        "peak_memory": Parameter(
            BYTES, "the most activations of one image alive at a time", None, off=True
        ),
        "weights": Parameter(BYTES, "the largest weights of the deployed net", None, off=True),
        "precision": Parameter(word("fp32", "fp16", "int8"), "in which bytes are counted", "fp32"),
    },
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What a spec says beside its tables."""

    input: tuple[int, int, int] = parameter(IMAGE_SIZE, "height, width and channels of the image")
    classes: int = parameter(integer(1, MAX_CLASSES), "width of the classifier", 1000)
    scaling: Scaling = parameter(Object(Scaling, "always"), "width and depth", Scaling())
    output_stride: OutputStrideKeys | None = parameter(
        Object(OutputStrideKeys), "strides in exchange for dilation", None
    )
    normalization: Normalization | None = parameter(
        NORMALIZATION, "of pixels: (pixel / scale - mean) / std is what the net takes", None
    )
    budget: Budget | None = parameter(
        BUDGET, "what the net may cost; `archspec check` fails where it costs more", None
    )
    train: Train = parameter(TRAIN, "how the net is trained", Train())
