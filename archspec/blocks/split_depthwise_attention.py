"""Filter slices of the channels in turn, attend among channels, widen, narrow, add.

`slice1`, `filter1.*`, `sum2`, `filter2.*` and so on, `concat`; `position.waves`, `position.conv`,
`position.add`; `attention.norm`, `.qkv.*`, `.query`, `.key`, `.value`, `.query_norm`, `.key_norm`,
`.temperature`, `.mean`, `.output.*`, `.layer_scale`, `.drop_path`, `.add`; `norm`, `expand.*`,
`project.*`, `layer_scale`, `drop_path`, `add`.

(h, w, c) → (h, w, c). Each slice but the last is filtered together with the one before it.
Source: Maaz et al. 2022, arXiv:2206.10589, Section 3 and Figure 2 (split depth-wise transpose
    attention); the attention El-Nouby et al. 2021, arXiv:2106.09681, Section 3.2; `layer_scale`
    Touvron et al. 2021, arXiv:2103.17239, Section 2.1. The last sum is with the input of the block,
    as in the authors' code.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.block import Block, Builder
from archspec.ops import Add, ChannelAttention, Concat, FourierPositions, Scale, Slice, UnitNorm
from archspec.parameters import (
    Convolutional,
    Expansion,
    Part,
    integer,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitDepthwiseAttention(Convolutional):
    """Filter slices of the channels in turn, attend among channels, widen, narrow, add."""

    ONE_OF: ClassVar = (("expansion", "hidden"),)

    channels: int = shared.channels("channels of the input and of the output")
    slices: int = parameter(integer(2, 64), "slices of the channels; the last is the least")
    heads: int = parameter(integer(1, 1024), "heads of the attention")
    positions: int | None = parameter(
        integer(1, 1024),
        "frequencies of the Fourier position encoding that is added; none: there is none",
        None,
    )
    expansion: Expansion | None = shared.expansion(
        "hidden width as a ratio; rounded by expand.rounding"
    )
    hidden: int | None = shared.hidden()
    layer_scale: float | None = shared.layer_scale("a residual branch")
    drop_path: float = shared.drop_path("a residual branch")
    filter: Part = part(
        "the depthwise convolution of a slice",
        kernel=((3, 3),),
        groups=None,
        norm=None,
        activation=None,
    )
    position: Part = part("the 1x1 convolution of that encoding", norm=None, activation=None)
    qkv: Part = part("the 1x1 convolution to queries, keys, values", norm=None, activation=None)
    output: Part = part("the 1x1 convolution after attention", norm=None, activation=None)
    expand: Part = part("the 1x1 convolution that widens", norm=None)
    project: Part = part("the 1x1 convolution that narrows", norm=None, activation=None)


def unfold(build: Builder, x: str, p: SplitDepthwiseAttention) -> str:
    """Add the slices, the positions, the attention, the feed-forward network and the sum."""
    y = _filtered(build, x, p)
    if p.positions:
        waves = build.add("position.waves", FourierPositions(p.positions), y)
        where = build.part("position", waves, p.position, build.shape(y)[-1])
        y = build.add("position.add", Add(), y, where)
    y = _attention(build.within("attention"), y, p)
    rule = p.expand.rounding
    hidden = p.hidden or build.expanded(y, p.expansion, p.channels, rule, "expand.rounding")
    y = build.part("expand", build.norm("norm", y, p.norm), p.expand, hidden)
    y = build.part("project", y, p.project, p.channels)
    return _added(build, x, y, p)


def _filtered(build: Builder, x: str, p: SplitDepthwiseAttention) -> str:
    width = build.shape(x)[-1]
    share = -(-width // p.slices)
    if share * (p.slices - 1) >= width:
        message = f"{width} channels are not enough for {p.slices} slices of {share} and less"
        raise build.error("E302", message, "slices")
    parts: list[str] = []
    for place in range(1, p.slices + 1):
        start = (place - 1) * share
        y = build.add(f"slice{place}", Slice(start, min(start + share, width)), x)
        if place < p.slices:
            if parts:
                y = build.add(f"sum{place}", Add(), parts[-1], y)
            own = replace(p.filter, groups=p.filter.groups or share)
            y = build.part(f"filter{place}", y, own, share)
        parts.append(y)
    return build.add("concat", Concat(), *parts)


def _attention(build: Builder, x: str, p: SplitDepthwiseAttention) -> str:
    width = build.shape(x)[-1]
    y = build.part("qkv", build.norm("norm", x, p.norm), p.qkv, 3 * width)
    query, key, value = (
        build.add(name, Slice(place * width, (place + 1) * width), y)
        for place, name in enumerate(("query", "key", "value"))
    )
    query = build.add("query_norm", UnitNorm(), query)
    query = build.add("temperature", Scale(groups=p.heads), query)
    key = build.add("key_norm", UnitNorm(), key)
    y = build.add("mean", ChannelAttention(p.heads), query, key, value)
    return _added(build, x, build.part("output", y, p.output, width), p)


def _added(build: Builder, x: str, y: str, p: SplitDepthwiseAttention) -> str:
    return build.residual(x, y, "always", p.drop_path, p.layer_scale)


BLOCK = Block(SplitDepthwiseAttention, unfold)
