"""A depthwise and a 1x1 convolution, each trained as a sum of branches.

`depthwise.branch1.*`, …, `depthwise.scale.*`, `depthwise.identity`, `depthwise.add`,
`depthwise.se.*`, `depthwise.activation`; then the same under `pointwise`, without `scale`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. Both halves are as in the
block `rep_conv`; this is the form that trains, and each collapses into one convolution.
Source: Vasu et al. 2022, arXiv:2206.04040, Figure 3 (MobileOne). Where there is a squeeze-excite,
    both halves have one, as in the authors' code.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder, Gate
from archspec.parameters import (
    Convolutional,
    Kernel,
    Part,
    SqueezeExcite,
    integer,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RepSeparable(Convolutional):
    """A depthwise and a 1x1 convolution, each trained as a sum of branches."""

    channels: int = shared.channels()
    kernel: Kernel = shared.kernel("window of the depthwise convolutions")
    stride: int = shared.stride("step of the depthwise window, in pixels")
    dilation: int = shared.dilation("distance of the depthwise window's pixels")
    branches: int = parameter(integer(1, 64), "convolutions side by side, in either half", 1)
    se: SqueezeExcite | None = shared.squeeze_excite("squeeze-excite of the sum of either half")
    depthwise: Part = part("the depthwise convolutions", kernel="block", groups=None)
    pointwise: Part = part("the 1x1 convolutions")


def unfold(build: Builder, x: str, p: RepSeparable) -> str:
    """Add both halves."""
    width = build.shape(x)[-1]
    gate = Gate(p.se, width, p.channels, p.init) if p.se else None
    half = build.within("depthwise")
    x = half.branches(
        x, p.depthwise, width, p.branches, stride=p.stride, dilation=p.dilation, se=gate
    )
    return build.within("pointwise").branches(x, p.pointwise, p.channels, p.branches, se=gate)


BLOCK = Block(RepSeparable, unfold)
