"""A depthwise convolution, then a 1x1 convolution: `depthwise.*`, `se.*`, `pointwise.*`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`.
Source: Howard et al. 2017, arXiv:1704.04861, Section 3.1 and Figure 3.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder, Gate
from archspec.parameters import (
    MIXED_KERNEL,
    Convolutional,
    Kernel,
    Part,
    SqueezeExcite,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthwiseSeparable(Convolutional):
    """A depthwise convolution, then a 1x1 convolution."""

    channels: int = shared.channels()
    kernel: Kernel = parameter(MIXED_KERNEL, "window of the depthwise convolution", ((3, 3),))
    stride: int = shared.stride("step of the depthwise window, in pixels")
    dilation: int = shared.dilation("distance of the depthwise window's pixels")
    se: SqueezeExcite | None = shared.squeeze_excite("squeeze-excite after the depthwise")
    residual: str | None = shared.residual(None)
    drop_path: float = shared.drop_path()
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
