"""A smaller feature map behind the backbone, for a detector: `reduce.*`, then a window.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. The window is `depthwise.*`
and `pointwise.*`, or without `separable` one convolution, `window.*`.
Source: Liu et al. 2015, arXiv:1512.02325, section 2.1; Sandler et al. 2018, arXiv:1801.04381,
    section 6.2, as TensorFlow's Object Detection API and torchvision have it.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.parameters import (
    FLAG,
    Convolutional,
    Kernel,
    Part,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SsdExtra(Convolutional):
    """A 1x1 convolution to half the channels, then a window that strides."""

    channels: int = shared.channels()
    kernel: Kernel = shared.kernel("window that strides")
    stride: int = parameter(shared.PIXELS, "step of the window, in pixels", 2)
    separable: bool = parameter(
        FLAG, "a depthwise and a 1x1 convolution instead of one", default=True
    )
    reduce: Part = part("the 1x1 convolution before, rounded as the row's counts are")
    depthwise: Part = part("the depthwise convolution", kernel="block", groups=None)
    pointwise: Part = part("the 1x1 convolution after it")
    window: Part = part("the convolution where they are not separate", kernel="block")


def unfold(build: Builder, x: str, p: SsdExtra) -> str:
    """Add the convolutions."""
    rule = p.reduce.rounding or build.row.rounding
    half = build.width("reduce", p.channels, 0.5, rule, "rounding")
    y = build.part("reduce", x, p.reduce, half)
    if not p.separable:
        return build.part("window", y, p.window, p.channels, stride=p.stride)
    y = build.depthwise(y, p.depthwise, stride=p.stride, dilation=1, se=None)
    return build.part("pointwise", y, p.pointwise, p.channels)


BLOCK = Block(SsdExtra, unfold)
