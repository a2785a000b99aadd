"""Linear attention at several scales, then an inverted residual, each added to what it reads.

`attention.qkv.*`, for each window of `scales` `attention.gather1.*`, `.mix1.*` and so on,
`attention.concat`, `.mean`, `.output.*`, `.add`; `expand.*`, `depthwise.*`, `project.*`, `add`.

(h, w, c) → (h, w, c). Each scale makes more heads: queries, keys and values that are sums over a
window, of each channel and then of each query, key or value by itself.
Source: Cai et al. 2022, arXiv:2205.14756, Section 3 and Figures 2 and 3; the channels of a head as
    in the authors' code, where its queries, keys and values lie side by side.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.block import Block, Builder
from archspec.ops import Concat, LinearAttention
from archspec.parameters import (
    KERNELS,
    MAX_CHANNELS,
    MIXED_KERNEL,
    Convolutional,
    Expansion,
    Kernel,
    Part,
    integer,
    number,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class EfficientViT(Convolutional):
    """Linear attention at several scales, then an inverted residual."""

    ONE_OF: ClassVar = (("expansion", "hidden"),)

    channels: int = shared.channels("channels of the input and of the output")
    head_channels: int = parameter(
        integer(1, MAX_CHANNELS), "channels of a head; they do not scale"
    )
    scales: Kernel = parameter(
        KERNELS, "windows over which queries, keys and values are summed into more heads", ((5, 5),)
    )
    epsilon: float = parameter(number(0, 1), "added to the divisor of the attention", 1e-5)
    expansion: Expansion | None = shared.expansion(
        "hidden width of the inverted residual; rounded by expand.rounding"
    )
    hidden: int | None = shared.hidden()
    kernel: Kernel = parameter(MIXED_KERNEL, "window of its depthwise convolution", ((3, 3),))
    dilation: int = shared.dilation("distance of that window's pixels")
    qkv: Part = part(
        "the 1x1 convolution to queries, keys, values", norm=None, activation=None, bias=False
    )
    gather: Part = part(
        "a scale's depthwise convolution; its window is that of the scale",
        norm=None,
        activation=None,
        bias=False,
    )
    mix: Part = part(
        "the 1x1 convolution after it, of each query, key or value by itself",
        norm=None,
        activation=None,
        bias=False,
    )
    output: Part = part("the 1x1 convolution after attention", activation=None)
    expand: Part = part("the 1x1 convolution that widens")
    depthwise: Part = part("the depthwise convolution", kernel="block", groups=None)
    project: Part = part("the 1x1 convolution that narrows", activation=None)


def unfold(build: Builder, x: str, p: EfficientViT) -> str:
    """Add the attention and its sum, the inverted residual and its sum."""
    x = _attention(build.within("attention"), x, p)
    rule = p.expand.rounding
    hidden = p.hidden or build.expanded(x, p.expansion, p.channels, rule, "expand.rounding")
    y = build.part("expand", x, p.expand, hidden)
    y = build.depthwise(y, p.depthwise, stride=1, dilation=p.dilation, se=None)
    y = build.part("project", y, p.project, p.channels)
    return build.residual(x, y, "always", 0.0)


def _attention(build: Builder, x: str, p: EfficientViT) -> str:
    heads = build.slices(p.channels, p.head_channels, "head_channels")
    width = 3 * p.channels
    single = build.part("qkv", x, p.qkv, width)
    scales = [single]
    for place, window in enumerate(p.scales, 1):
        gather = replace(p.gather, kernel=(window,), groups=width)
        y = build.part(f"gather{place}", single, gather, width)
        mix = replace(p.mix, groups=3 * heads)
        scales.append(build.part(f"mix{place}", y, mix, width))
    y = build.add("concat", Concat(), *scales)
    y = build.add("mean", LinearAttention(heads * len(scales), p.epsilon), y)
    y = build.part("output", y, p.output, p.channels)
    return build.residual(x, y, "always", 0.0)


BLOCK = Block(EfficientViT, unfold)
