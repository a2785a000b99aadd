"""Widen, filter each channel, narrow, add.

`expand.*`, `depthwise.*`, `antialias`, `se.*`, `project.*`, `drop_path`, `add`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. Where the hidden width is
that of the input there is no `expand`, unless `expand_always` (FBNet, arXiv:1812.03443).
Source: Sandler et al. 2018, arXiv:1801.04381, Table 1 and Figure 4d; squeeze-excite as in MnasNet
    and MobileNetV3.
"""

from dataclasses import dataclass
from typing import ClassVar

from archspec.block import Block, Builder, Gate
from archspec.parameters import (
    FLAG,
    MIXED_KERNEL,
    Antialias,
    Convolutional,
    Expansion,
    Kernel,
    Part,
    SqueezeExcite,
    parameter,
    part,
    shared,
    word,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class InvertedResidual(Convolutional):
    """Widen, filter each channel, narrow, add."""

    ONE_OF: ClassVar = (("expansion", "hidden"),)

    channels: int = shared.channels()
    expansion: Expansion | None = shared.expansion(
        "hidden width as a ratio; rounded by expand.rounding"
    )
    hidden: int | None = shared.hidden()
    expand_always: bool = parameter(
        FLAG, "an `expand` even where the hidden width is that of the input", default=False
    )
    kernel: Kernel = parameter(MIXED_KERNEL, "window of the depthwise convolution", ((3, 3),))
    stride: int = shared.stride("step of the depthwise window, in pixels")
    dilation: int = shared.dilation("distance of the depthwise window's pixels")
    antialias: Antialias | None = shared.antialias(
        "after the depthwise window, instead of its stride"
    )
    se: SqueezeExcite | None = shared.squeeze_excite("squeeze-excite after the depthwise")
    residual: str | None = parameter(
        word("auto", "always", "partial"),
        "add the input: auto where shapes are equal; always, or it is an error; "
        "partial: to the first channels",
        "auto",
        off=True,
    )
    drop_path: float = shared.drop_path()
    expand: Part = part("the 1x1 convolution that widens")
    depthwise: Part = part("the depthwise convolution", kernel="block", groups=None)
    project: Part = part("the 1x1 convolution that narrows", activation=None)


def unfold(build: Builder, x: str, p: InvertedResidual) -> str:
    """Add the three convolutions and the sum."""
    width = build.shape(x)[-1]
    rule = p.expand.rounding
    hidden = p.hidden or build.expanded(x, p.expansion, p.channels, rule, "expand.rounding")
    wider = hidden != width or p.expand_always
    y = build.part("expand", x, p.expand, hidden) if wider else x
    gate = Gate(p.se, width, p.channels, p.init) if p.se else None
    y = build.depthwise(
        y, p.depthwise, stride=p.stride, dilation=p.dilation, se=gate, antialias=p.antialias
    )
    y = build.part("project", y, p.project, p.channels)
    return build.residual(x, y, p.residual, p.drop_path)


BLOCK = Block(InvertedResidual, unfold)
