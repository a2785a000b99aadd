"""A depthwise convolution, trained as a sum of several windows, then a 1x1 convolution or two.

`depthwise.branch1.*`, …, `depthwise.add`, `depthwise.activation` (of one window `depthwise.*`);
`se.*`, `reduce.*`, `pointwise.*`, `drop_path`, `add`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. A window of one pixel is
left out where there is a stride. The branches are the form that trains; they collapse into one.
Source: PaddleClas, PP-LCNetV2 (its RepDepthwiseSeparable; there is no paper). Where a block has no
    squeeze-excite, no branches and no `reduce`, it is the block `depthwise_separable`.
"""

from dataclasses import dataclass, replace

from archspec.block import Block, Builder, Gate
from archspec.ops import Add
from archspec.parameters import (
    KERNELS,
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
class MultiscaleSeparable(Convolutional):
    """A depthwise convolution of several windows, then a 1x1 convolution or two."""

    channels: int = shared.channels()
    expansion: Expansion | None = parameter(
        Object(Expansion),
        "width between two 1x1 convolutions as a ratio, rounded by reduce.rounding; "
        "without it there is one",
        None,
    )
    kernels: Kernel = parameter(
        KERNELS, "window of the depthwise convolution; of several the sum", ((3, 3),)
    )
    stride: int = shared.stride("step of the depthwise windows, in pixels")
    dilation: int = shared.dilation("distance of the depthwise windows' pixels")
    se: SqueezeExcite | None = shared.squeeze_excite("squeeze-excite after the depthwise")
    residual: str | None = shared.residual(None)
    drop_path: float = shared.drop_path()
    depthwise: Part = part("the depthwise convolutions; their windows are `kernels`", groups=None)
    reduce: Part = part("the 1x1 convolution that narrows, if there are two")
    pointwise: Part = part("the 1x1 convolution")


def unfold(build: Builder, x: str, p: MultiscaleSeparable) -> str:
    """Add the depthwise windows, the squeeze-excite and the 1x1 convolutions."""
    y = _depthwise(build, x, p)
    if p.expansion:
        rule = p.reduce.rounding
        narrow = build.expanded(y, p.expansion, p.channels, rule, "reduce.rounding")
        y = build.part("reduce", y, p.reduce, narrow)
    y = build.part("pointwise", y, p.pointwise, p.channels)
    return build.residual(x, y, p.residual, p.drop_path)


def _depthwise(build: Builder, x: str, p: MultiscaleSeparable) -> str:
    """One depthwise convolution, or the sum of several; the squeeze-excite."""
    width, half = build.shape(x)[-1], build.within("depthwise")
    part = replace(p.depthwise, groups=p.depthwise.groups or width)
    windows = [window for window in p.kernels if p.stride == 1 or window != (1, 1)]
    terms = [
        half.part(
            f"branch{place}" if len(windows) > 1 else "",
            x,
            replace(part, kernel=(window,), activation=None),
            width,
            stride=p.stride,
            dilation=p.dilation,
        )
        for place, window in enumerate(windows or p.kernels[:1], 1)
    ]
    y = half.add("add", Add(), *terms) if len(terms) > 1 else terms[0]
    gate = Gate(p.se, width, p.channels, p.init) if p.se else None
    y = build.gated("before_activation", y, gate)
    y = half.activation("activation", y, part.activation)
    return build.gated("after_activation", y, gate)


BLOCK = Block(MultiscaleSeparable, unfold)
