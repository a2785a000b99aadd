"""Filter each channel, widen twice, multiply the two, narrow, filter, add.

`down.*`; `depthwise.*`, `expand1.*`, `expand2.*`, `multiply`, `project.*`, `depthwise2.*`,
`drop_path`, `add`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same` in `down`; without a stride,
where the width stays, there is no `down`.
Source: Ma et al. 2024, arXiv:2403.19967, Section 4 and Figure 3; only the first factor has an
    activation.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Multiply
from archspec.parameters import (
    MIXED_KERNEL,
    Convolutional,
    Expansion,
    Kernel,
    Part,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Star(Convolutional):
    """Filter each channel, widen twice, multiply the two, narrow, filter, add."""

    channels: int = shared.channels()
    expansion: Expansion = shared.expansion(
        "width of each factor as a ratio; rounded by expand1.rounding"
    )
    kernel: Kernel = parameter(MIXED_KERNEL, "window of the depthwise convolutions", ((7, 7),))
    stride: int = shared.stride("step of the window of `down`, in pixels")
    dilation: int = shared.dilation("distance of the depthwise windows' pixels")
    drop_path: float = shared.drop_path()
    down: Part = part("the convolution for the stride and the width", activation=None)
    depthwise: Part = part(
        "the first depthwise convolution", kernel="block", groups=None, activation=None
    )
    expand1: Part = part("the 1x1 convolution that makes the first factor", norm=None)
    expand2: Part = part(
        "the 1x1 convolution that makes the second factor", norm=None, activation=None
    )
    project: Part = part("the 1x1 convolution that narrows", activation=None)
    depthwise2: Part = part(
        "the last depthwise convolution", kernel="block", groups=None, norm=None, activation=None
    )


def unfold(build: Builder, x: str, p: Star) -> str:
    """Go down where the row does, then add the five convolutions, the product and the sum."""
    if p.stride > 1 or build.shape(x)[-1] != p.channels:
        x = build.part("down", x, p.down, p.channels, stride=p.stride)
    hidden = build.expanded(x, p.expansion, p.channels, p.expand1.rounding, "expand1.rounding")
    y = build.depthwise(x, p.depthwise, stride=1, dilation=p.dilation, se=None)
    factors = (
        build.part("expand1", y, p.expand1, hidden),
        build.part("expand2", y, p.expand2, hidden),
    )
    y = build.add("multiply", Multiply(), *factors)
    y = build.part("project", y, p.project, p.channels)
    y = build.part("depthwise2", y, p.depthwise2, p.channels, dilation=p.dilation)
    return build.residual(x, y, "always", p.drop_path)


BLOCK = Block(Star, unfold)
