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
    Antialias,
    Convolutional,
    Expansion,
    Kernel,
    Part,
    SqueezeExcite,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FusedInvertedResidual(Convolutional):
    """Widen with a full window, narrow, add."""

    ONE_OF: ClassVar = (("expansion", "hidden"),)

    channels: int = shared.channels()
    expansion: Expansion | None = shared.expansion(
        "hidden width as a ratio; rounded by expand.rounding"
    )
    hidden: int | None = shared.hidden()
    kernel: Kernel = shared.kernel("window of the convolution that widens")
    stride: int = shared.stride("step of that window, in pixels")
    dilation: int = shared.dilation("distance of that window's pixels")
    antialias: Antialias | None = shared.antialias("after that window, instead of its stride")
    se: SqueezeExcite | None = shared.squeeze_excite("squeeze-excite of the hidden width")
    residual: str | None = shared.residual()
    drop_path: float = shared.drop_path()
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
