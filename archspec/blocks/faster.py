"""Filter some of the channels, widen, narrow, add.

`down.*`; `partial.slice`, `partial.conv`, `partial.rest`, `partial.concat`, `expand.*`,
`project.*`, `layer_scale`, `drop_path`, `add`.

(h, w, c) → (⌊h / stride⌋, ⌊w / stride⌋, channels) with a window as wide as the stride and no
padding in `down`; without a stride, where the width stays, there is no `down`.
Source: Chen et al. 2023, arXiv:2303.03667, Sections 3.2 to 3.4 and Figure 4.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Concat, Slice
from archspec.parameters import (
    Convolutional,
    Expansion,
    Kernel,
    Part,
    parameter,
    part,
    ratio,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Faster(Convolutional):
    """Filter some of the channels, widen, narrow, add."""

    channels: int = shared.channels()
    expansion: Expansion = shared.expansion("hidden width as a ratio; rounded by expand.rounding")
    partial_ratio: float = parameter(
        ratio(1), "share of the channels, the first, that are filtered; rounded by partial.rounding"
    )
    kernel: Kernel = shared.kernel("window of the partial convolution")
    stride: int = shared.stride("step of the window of `down`, in pixels")
    dilation: int = shared.dilation("distance of the partial window's pixels")
    layer_scale: float | None = shared.layer_scale()
    drop_path: float = shared.drop_path()
    down: Part = part("the convolution for the stride and the width", activation=None)
    partial: Part = part(
        "the convolution of some channels", kernel="block", norm=None, activation=None
    )
    expand: Part = part("the 1x1 convolution that widens")
    project: Part = part("the 1x1 convolution that narrows", norm=None, activation=None)


def unfold(build: Builder, x: str, p: Faster) -> str:
    """Go down where the row does, then add the three convolutions and the sum."""
    if p.stride > 1 or build.shape(x)[-1] != p.channels:
        x = build.part("down", x, p.down, p.channels, stride=p.stride)
    hidden = build.expanded(x, p.expansion, p.channels, p.expand.rounding, "expand.rounding")
    y = build.part("expand", _partial(build, x, p), p.expand, hidden)
    y = build.part("project", y, p.project, p.channels)
    return build.residual(x, y, "always", p.drop_path, p.layer_scale)


def _partial(build: Builder, x: str, p: Faster) -> str:
    """(h, w, c) with the first channels filtered, the others as they are."""
    width = p.channels
    some = build.width(
        "partial_ratio", width, p.partial_ratio, p.partial.rounding, "partial.rounding"
    )
    if some >= width:
        return build.part("partial", x, p.partial, width, dilation=p.dilation)
    y = build.add("partial.slice", Slice(0, some), x)
    y = build.part("partial", y, p.partial, some, dilation=p.dilation)
    rest = build.add("partial.rest", Slice(some, width), x)
    return build.add("partial.concat", Concat(), y, rest)


BLOCK = Block(Faster, unfold)
