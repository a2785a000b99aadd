"""Mix the pixels of each channel, then the channels of each pixel.

`mixer.depthwise.*`, `mixer.scale.*`, `mixer.add`, `mixer.norm`, `se.*`; `expand.*`, `project.*`,
`drop_path`, `add`. Where the stride is not 1, before all this: a whole block without
squeeze-excite (`before.*`), a strided depthwise and a 1x1 convolution (`down.depthwise.*`,
`down.pointwise.*`), and again a mixing of the channels (`down.expand.*`, `down.project.*`,
`down.add`).

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. `mixer` is the sum of a
depthwise convolution with its norm, a 1x1 depthwise convolution and its own input; this is the form
that trains, and it collapses into one convolution.
Source: Wang et al. 2023, arXiv:2307.09283, Figure 3b and Section 3. In the authors' models M0.9 to
    M2.3 the 1x1 branch has no norm, the sum has one (`sum_norm`); in M1 to M3 as here.
"""

from dataclasses import dataclass, replace

from archspec.block import Block, Builder, Gate
from archspec.ops import Add
from archspec.parameters import (
    FLAG,
    Convolutional,
    Expansion,
    Kernel,
    Object,
    Part,
    SqueezeExcite,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RepViT(Convolutional):
    """Mix the pixels of each channel, then the channels of each pixel."""

    channels: int = shared.channels()
    expansion: Expansion = parameter(
        Object(Expansion), "hidden width as a ratio; rounded by expand.rounding", Expansion(ratio=2)
    )
    kernel: Kernel = shared.kernel("window of the depthwise convolutions")
    stride: int = shared.stride("step of the strided depthwise window, in pixels")
    se: SqueezeExcite | None = shared.squeeze_excite("squeeze-excite after the mixer")
    sum_norm: bool = parameter(
        FLAG, "the norm of the 1x1 branch stands after the mixer's sum instead", default=False
    )
    drop_path: float = shared.drop_path()
    depthwise: Part = part(
        "the depthwise convolutions", kernel="block", groups=None, activation=None
    )
    scale: Part = part("the 1x1 depthwise convolution beside it", groups=None, activation=None)
    pointwise: Part = part("the 1x1 convolution after the stride", activation=None)
    expand: Part = part("the 1x1 convolution that widens")
    project: Part = part("the 1x1 convolution that narrows", activation=None)


def unfold(build: Builder, x: str, p: RepViT) -> str:
    """Add what takes the stride, then the two mixers."""
    width = build.shape(x)[-1]
    if p.stride == 1 and p.channels != width:
        message = f"from {width} to {p.channels} channels without a stride"
        raise build.error("E302", message, "channels", "a block changes the width where it strides")
    if p.stride != 1:
        before, down = build.within("before"), build.within("down")
        x = _mix_channels(before, _mix_pixels(before, x, p), p)
        x = down.part("depthwise", x, p.depthwise, width, stride=p.stride)
        x = _mix_channels(down, down.part("pointwise", x, p.pointwise, p.channels), p)
    x = _mix_pixels(build, x, p)
    if p.se:
        x = build.squeeze_excite(x, Gate(p.se, width, p.channels, p.init))
    return _mix_channels(build, x, p)


def _mix_pixels(build: Builder, x: str, p: RepViT) -> str:
    build, width = build.within("mixer"), build.shape(x)[-1]
    y = build.part("depthwise", x, p.depthwise, width)
    scale = replace(p.scale, norm=None) if p.sum_norm else p.scale
    y = build.add("add", Add(), y, build.part("scale", x, scale, width), x)
    return build.norm("norm", y, p.scale.norm) if p.sum_norm else y


def _mix_channels(build: Builder, x: str, p: RepViT) -> str:
    width = build.shape(x)[-1]
    hidden = build.expanded(x, p.expansion, width, p.expand.rounding, "expand.rounding")
    y = build.part("project", build.part("expand", x, p.expand, hidden), p.project, width)
    return build.residual(x, y, "always", p.drop_path)


BLOCK = Block(RepViT, unfold)
