"""A convolution that is trained as a sum of branches.

`branch1.*`, …, `scale.*`, `identity`, `add`, `se.*`, `activation`. The branches are convolutions of
the block's window (`branch1.conv`, `branch1.norm`), a 1x1 one beside a window that is larger, and a
norm alone where neither width nor size change.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. This is the form that
trains; with batch norms the branches collapse into one convolution.
Source: Ding et al. 2021, arXiv:2101.03697, Figures 2 and 4 (RepVGG); with several branches of the
    same window Vasu et al. 2022, arXiv:2206.04040, Figure 3 (MobileOne).
"""

from dataclasses import dataclass
from typing import ClassVar

from archspec.block import Block, Builder, Gate
from archspec.parameters import (
    MAX_CHANNELS,
    Convolutional,
    Kernel,
    SqueezeExcite,
    integer,
    parameter,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RepConv(Convolutional):
    """A convolution that is trained as a sum of branches."""

    ONE_OF: ClassVar = (("groups", "group_width"),)

    channels: int = shared.channels()
    kernel: Kernel = shared.kernel("height and width of the window")
    stride: int = shared.stride("step of the window, in pixels")
    dilation: int = shared.dilation("distance of the window's pixels")
    groups: int = parameter(integer(1, MAX_CHANNELS), "slices of the channels, each by itself", 1)
    group_width: int | None = parameter(
        integer(1, MAX_CHANNELS), "instead of groups: channels of a slice of the output", None
    )
    branches: int = parameter(integer(1, 64), "convolutions of the window, side by side", 1)
    se: SqueezeExcite | None = shared.squeeze_excite("squeeze-excite of the sum")


def unfold(build: Builder, x: str, p: RepConv) -> str:
    """Add the branches and their sum."""
    gate = Gate(p.se, build.shape(x)[-1], p.channels, p.init) if p.se else None
    part = p.as_part(p.kernel, build.groups(p.channels, p.groups, p.group_width))
    return build.branches(
        x, part, p.channels, p.branches, stride=p.stride, dilation=p.dilation, se=gate
    )


BLOCK = Block(RepConv, unfold)
