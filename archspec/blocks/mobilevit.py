"""Look near, then look far: a convolution, then layers of a transformer, then back to the image.

`local.*`, `embed.*`; `layer1.attention.*` (`qkv.*`, `query`, `key`, `value`, `activation`, `mean`,
`output.*`, `drop_path`, `add`), `layer1.feed_forward.*` (`expand.*`, `project.*`, `drop_path`,
`add`), and so on; `norm`, `restore.*`, `concat`, `fuse.*`.

(h, w, c) → (h, w, channels). The image is seen in patches, which must divide it: a pixel attends to
those at its own place in the other patches.
Source: Mehta and Rastegari 2021, arXiv:2110.02178, Section 3.1 and Figure 1b; `separable` and
    without `fuse`: Mehta and Rastegari 2022, arXiv:2206.02680, Section 3. Norms are those of the
    authors' code, where an image that the patches do not divide is resized.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from archspec.block import Block, Builder
from archspec.ops import Activation, Attention, Concat, SeparableAttention, Slice
from archspec.parameters import (
    NORM,
    Convolutional,
    Expansion,
    Kernel,
    Norm,
    Object,
    Part,
    integer,
    parameter,
    part,
    ratio,
    shared,
    word,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class MobileViT(Convolutional):
    """Look near, then look far: a convolution, then layers of a transformer."""

    ONE_OF: ClassVar = (("hidden", "expansion"),)

    channels: int = shared.channels()
    hidden: int | None = shared.channels("channels of the transformer")
    expansion: Expansion | None = parameter(
        Object(Expansion), "instead of hidden: as a ratio; rounded by embed.rounding", None
    )
    layers: int = parameter(integer(1, 1024), "layers of the transformer")
    kernel: Kernel = shared.kernel("window of `local`")
    patch: int = parameter(integer(1, 1024), "height and width of a patch, in pixels", 2)
    attention: Literal["softmax", "separable"] = parameter(
        word("softmax", "separable"),
        "each pixel weighs all others by itself, or one score for each pixel weighs it for all",
        "softmax",
    )
    heads: int = parameter(integer(1, 1024), "heads of softmax attention", 1)
    feed_forward: float = parameter(
        ratio(64),
        "channels within a feed-forward network over `hidden`; rounded by expand.rounding",
    )
    inner_norm: Norm | None = parameter(
        NORM, "before attention, before the feed-forward network, and after the last layer", None
    )
    drop_path: float = shared.drop_path("a residual branch")
    local: Part = part("the convolution that looks near", kernel="block")
    embed: Part = part(
        "the 1x1 convolution to the transformer", norm=None, activation=None, bias=False
    )
    qkv: Part = part("the 1x1 convolution to queries, keys, values", norm=None, activation=None)
    output: Part = part("the 1x1 convolution after attention", norm=None, activation=None)
    expand: Part = part("the first 1x1 convolution of a feed-forward network", norm=None)
    project: Part = part(
        "the second 1x1 convolution of a feed-forward network", norm=None, activation=None
    )
    restore: Part = part("the 1x1 convolution from the transformer back")
    fuse: Part | None = part(
        "a convolution of the input and what came of it; off until it has a kernel", optional="off"
    )


def unfold(build: Builder, x: str, p: MobileViT) -> str:
    """Add the convolutions and between them the layers."""
    rule = p.embed.rounding
    hidden = p.hidden or build.expanded(x, p.expansion, p.channels, rule, "embed.rounding")
    y = build.part("local", x, p.local, build.shape(x)[-1])
    y = build.part("embed", y, p.embed, hidden)
    for place in range(1, p.layers + 1):
        y = _attention(build.within(f"layer{place}.attention"), y, p)
        y = _feed_forward(build.within(f"layer{place}.feed_forward"), y, p)
    y = build.norm("norm", y, p.inner_norm)
    y = build.part("restore", y, p.restore, p.channels)
    if p.fuse is None:
        return y
    return build.part("fuse", build.add("concat", Concat(), x, y), p.fuse, p.channels)


def _attention(build: Builder, x: str, p: MobileViT) -> str:
    width = build.shape(x)[-1]
    scores = width if p.attention == "softmax" else 1
    y = build.norm("qkv.norm", x, p.inner_norm)
    y = build.part("qkv", y, p.qkv, scores + 2 * width)
    query = build.add("query", Slice(0, scores), y)
    key = build.add("key", Slice(scores, scores + width), y)
    value = build.add("value", Slice(scores + width, scores + 2 * width), y)
    if p.attention == "softmax":
        y = build.add("mean", Attention(p.heads, p.patch), query, key, value)
    else:
        value = build.add("activation", Activation("relu"), value)
        y = build.add("mean", SeparableAttention(p.patch), query, key, value)
    y = build.part("output", y, p.output, width)
    return build.residual(x, y, "always", p.drop_path)


def _feed_forward(build: Builder, x: str, p: MobileViT) -> str:
    width, rule = build.shape(x)[-1], p.expand.rounding
    wide = build.width("feed_forward", width, p.feed_forward, rule, "expand.rounding")
    y = build.norm("expand.norm", x, p.inner_norm)
    y = build.part("expand", y, p.expand, wide)
    y = build.part("project", y, p.project, width)
    return build.residual(x, y, "always", p.drop_path)


BLOCK = Block(MobileViT, unfold)
