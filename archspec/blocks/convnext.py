"""Filter each channel, norm, widen, narrow, scale, add.

`down.norm`, `down.conv`; `depthwise.*`, `expand.*`, `grn.*`, `project.*`, `layer_scale`,
`drop_path`, `add`.

(h, w, c) → (⌊h / stride⌋, ⌊w / stride⌋, channels) with a window as wide as the stride and no
padding in `down`; without a stride, where the width stays, there is no `down`.
Source: Liu et al. 2022, arXiv:2201.03545, Sections 2.4 to 2.6 and Figure 4; `grn` Woo et al. 2023,
    arXiv:2301.00808, Section 3 and Algorithm 1; `layer_scale` Touvron et al. 2021,
    arXiv:2103.17239, Section 2. The authors' code has the 1x1 convolutions as dense layers on
    each pixel; `down: none` is in timm's EdgeNeXt.
"""

from dataclasses import dataclass, replace

from archspec.block import Block, Builder
from archspec.ops import Add, ResponseNorm, Scale
from archspec.parameters import (
    MIXED_KERNEL,
    Convolutional,
    Expansion,
    Kernel,
    Part,
    number,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvNeXt(Convolutional):
    """Filter each channel, norm, widen, narrow, scale, add."""

    channels: int = shared.channels()
    expansion: Expansion = shared.expansion("hidden width as a ratio; rounded by expand.rounding")
    kernel: Kernel = parameter(MIXED_KERNEL, "window of the depthwise convolution", ((7, 7),))
    stride: int = shared.stride("step of the window of `down`, in pixels")
    dilation: int = shared.dilation("distance of the depthwise window's pixels")
    grn: float | None = parameter(
        number(0, 1),
        "global response normalization before the narrowing: its epsilon",
        None,
    )
    layer_scale: float | None = shared.layer_scale()
    drop_path: float = shared.drop_path()
    down: Part | None = part(
        "a norm, then the convolution for the stride and the width; none: the depthwise "
        "convolution makes them, and the sum begins after it",
        optional="on",
        activation=None,
    )
    depthwise: Part = part(
        "the depthwise convolution", kernel="block", groups=None, activation=None
    )
    expand: Part = part("the 1x1 convolution that widens", norm=None)
    project: Part = part("the 1x1 convolution that narrows", norm=None, activation=None)


def unfold(build: Builder, x: str, p: ConvNeXt) -> str:
    """Go down where the row does, then add the three convolutions and the sum."""
    x, y = _filtered(build, x, p)
    hidden = build.expanded(x, p.expansion, p.channels, p.expand.rounding, "expand.rounding")
    y = build.part("expand", y, p.expand, hidden)
    if p.grn is not None:
        share = build.add("grn.norm", ResponseNorm(p.grn), y)
        y = build.add("grn.add", Add(), y, build.add("grn.scale", Scale(0.0, bias=True), share))
    y = build.part("project", y, p.project, p.channels)
    return build.residual(x, y, "always", p.drop_path, p.layer_scale)


def _filtered(build: Builder, x: str, p: ConvNeXt) -> tuple[str, str]:
    """Where the sum begins, and what the depthwise convolution made of it."""
    width, part = build.shape(x)[-1], p.depthwise
    if p.stride > 1 or width != p.channels:
        if p.down is None:
            bias = part.norm is None if part.bias == "auto" else part.bias
            groups = part.groups or width
            alone = replace(part, groups=groups, bias=bias, norm=None, activation=None)
            x = build.part("depthwise", x, alone, p.channels, stride=p.stride, dilation=p.dilation)
            y = build.norm("depthwise.norm", x, part.norm)
            return x, build.activation("depthwise.activation", y, part.activation)
        x = build.norm_first("down", x, p.down, p.channels, stride=p.stride)
    return x, build.depthwise(x, part, stride=1, dilation=p.dilation, se=None)


BLOCK = Block(ConvNeXt, unfold)
