"""A depthwise convolution, then a 1x1 convolution: `depthwise.*`, `se.*`, `pointwise.*`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`.
Source: Howard et al. 2017, arXiv:1704.04861, Section 3.1 and Figure 3.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder, Gate
from archspec.parameters import (
    MAX_CHANNELS,
    MIXED_KERNEL,
    Convolutional,
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
class DepthwiseSeparable(Convolutional):
    """A depthwise convolution, then a 1x1 convolution."""

    channels: int = parameter(integer(1, MAX_CHANNELS), "channels of the output", count=True)
    kernel: Kernel = parameter(MIXED_KERNEL, "window of the depthwise convolution", ((3, 3),))
    stride: int = parameter(integer(1, 64), "step of the depthwise window, in pixels", 1)
    dilation: int = parameter(integer(1, 64), "distance of the depthwise window's pixels", 1)
    se: SqueezeExcite | None = parameter(
        Object(SqueezeExcite), "squeeze-excite after the depthwise", None
    )
    residual: str | None = parameter(
        word("auto", "always"),
        "add the input: auto where shapes are equal; always, or it is an error",
        None,
    )
    drop_path: float = parameter(
        number(0, 1), "stochastic depth: probability that training drops the residual branch", 0.0
    )
    depthwise: Part = part("the depthwise convolution", kernel="block", groups=None)
    pointwise: Part = part("the 1x1 convolution")


def unfold(build: Builder, x: str, p: DepthwiseSeparable) -> str:
    """Add both convolutions."""
    width = build.shape(x)[-1]
    gate = Gate(p.se, width, p.channels, p.init) if p.se else None
    y = build.depthwise(x, p.depthwise, stride=p.stride, dilation=p.dilation, se=gate)
    y = build.part("pointwise", y, p.pointwise, p.channels)
    return build.residual(x, y, p.residual, p.drop_path)


BLOCK = Block(DepthwiseSeparable, unfold)
