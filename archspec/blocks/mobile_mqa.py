"""Attention of several heads that share their keys and values, as a residual block.

`norm`, `query.*`, `key_down.*`, `key.*`, `value_down.*`, `value.*`, `attention`, `output.*`,
`layer_scale`, `drop_path`, `add`. Keys and values are of a smaller image where they have a stride.

(h, w, c) → (h, w, channels).
Source: Qin et al. 2024, arXiv:2404.10518, Mobile MQA; multi-query attention: Shazeer 2019,
    arXiv:1911.02150. The norm before all and `layer_scale` are in the authors' code (TensorFlow
    Model Garden, MultiHeadSelfAttentionBlock).
"""

from dataclasses import dataclass, replace

from archspec.block import Block, Builder
from archspec.ops import Attention
from archspec.parameters import (
    MAX_CHANNELS,
    Convolutional,
    Kernel,
    Part,
    integer,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class MobileMultiQueryAttention(Convolutional):
    """Attention of several heads that share their keys and values."""

    channels: int = shared.channels()
    heads: int = parameter(integer(1, 1024), "heads of the queries")
    head_channels: int = parameter(
        integer(1, MAX_CHANNELS),
        "channels of a head, and of the keys and values; they do not scale",
    )
    kernel: Kernel = shared.kernel("window of key_down and value_down")
    kv_stride: int = parameter(
        integer(1, 64), "step of that window, in pixels; 1: neither is there", 1
    )
    layer_scale: float | None = shared.layer_scale()
    residual: str | None = shared.residual()
    drop_path: float = shared.drop_path()
    query: Part = part("the 1x1 convolution to queries", norm=None, activation=None, bias=False)
    key_down: Part = part(
        "the depthwise convolution before the keys", kernel="block", groups=None, activation=None
    )
    key: Part = part("the 1x1 convolution to keys", norm=None, activation=None, bias=False)
    value_down: Part = part(
        "the depthwise convolution before the values", kernel="block", groups=None, activation=None
    )
    value: Part = part("the 1x1 convolution to values", norm=None, activation=None, bias=False)
    output: Part = part("the 1x1 convolution after", norm=None, activation=None, bias=False)


def unfold(build: Builder, x: str, p: MobileMultiQueryAttention) -> str:
    """Add the norm, the projections, the attention and the sum."""
    normed = build.norm("norm", x, p.norm)

    def shared(name: str, part: Part, down: Part) -> str:
        """Keys or values."""
        y = normed
        if p.kv_stride > 1:
            width = build.shape(y)[-1]
            own = replace(down, groups=down.groups or width)
            y = build.part(f"{name}_down", y, own, width, stride=p.kv_stride)
        return build.part(name, y, part, p.head_channels)

    query = build.part("query", normed, p.query, p.heads * p.head_channels)
    key, value = shared("key", p.key, p.key_down), shared("value", p.value, p.value_down)
    y = build.add("attention", Attention(p.heads), query, key, value)
    y = build.part("output", y, p.output, p.channels)
    return build.residual(x, y, p.residual, p.drop_path, p.layer_scale)


BLOCK = Block(MobileMultiQueryAttention, unfold)
