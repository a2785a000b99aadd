"""Widen with a full window, narrow, add: `expand.*`, `antialias`, `se.*`, `project.*`, `add`.

The 1x1 and the depthwise convolution of an inverted residual in one. (h, w, c) →
(⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. Before `add` there may be `drop_path`.
Both convolutions are there at every ratio, as in timm; where the ratio is 1 the code of Tan and Le
and torchvision have a single convolution, which is the block `conv` with a residual.
Source: Gupta and Tan 2019, "EfficientNet-EdgeTPU: Creating Accelerator-Optimized Neural Networks
    with AutoML"; Tan and Le 2021, arXiv:2104.00298, Figure 2.
"""

from dataclasses import dataclass
from typing import ClassVar

from archspec.block import Block, Builder, Gate
from archspec.parameters import (
    ANTIALIAS,
    KERNEL,
    MAX_CHANNELS,
    Antialias,
    Convolutional,
    Expansion,
    Kernel,
    Object,
    Part,
    SqueezeExcite,
    integer,
    number,
    parameter,
    part,
    word,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FusedInvertedResidual(Convolutional):
    """Widen with a full window, narrow, add."""

    ONE_OF: ClassVar = (("expansion", "hidden"),)

    channels: int = parameter(integer(1, MAX_CHANNELS), "channels of the output", count=True)
    expansion: Expansion | None = parameter(
        Object(Expansion), "hidden width as a ratio; rounded by expand.rounding"
    )
    hidden: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of expansion: the hidden width itself", None, count=True
    )
    kernel: Kernel = parameter(KERNEL, "window of the convolution that widens", ((3, 3),))
    stride: int = parameter(integer(1, 64), "step of that window, in pixels", 1)
    dilation: int = parameter(integer(1, 64), "distance of that window's pixels", 1)
    antialias: Antialias | None = parameter(
        ANTIALIAS,
        "after that window, instead of its stride: a blur, or means",
        None,
    )
    se: SqueezeExcite | None = parameter(
        Object(SqueezeExcite), "squeeze-excite of the hidden width", None
    )
    residual: str | None = parameter(
        word("auto", "always"),
        "add the input: auto where shapes are equal; always, or it is an error",
        "auto",
        off=True,
    )
    drop_path: float = parameter(
        number(0, 1), "stochastic depth: probability that training drops the residual branch", 0.0
    )
    expand: Part = part("the convolution that widens", kernel="block")
    project: Part = part("the 1x1 convolution that narrows", activation=None)


def unfold(build: Builder, x: str, p: FusedInvertedResidual) -> str:
    """Add both convolutions and the sum."""
    rule = p.expand.rounding
    hidden = p.hidden or build.expanded(x, p.expansion, p.channels, rule, "expand.rounding")
    y = build.part(
        "expand",
        x,
        p.expand,
        hidden,
        stride=p.stride,
        dilation=p.dilation,
        se=Gate(p.se, build.shape(x)[-1], p.channels, p.init) if p.se else None,
        antialias=p.antialias,
    )
    y = build.part("project", y, p.project, p.channels)
    return build.residual(x, y, p.residual, p.drop_path)


BLOCK = Block(FusedInvertedResidual, unfold)
