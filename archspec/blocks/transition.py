"""Mix channels, then take means of windows: `norm`, `activation`, `conv`, `pool`.

(h, w, c) → (⌊h / stride⌋, ⌊w / stride⌋, channels). It stands between the stages of DenseNet.
Source: Huang et al. 2016, arXiv:1608.06993, Section 3, "Pooling layers" and "Compression".
"""

from dataclasses import dataclass
from typing import ClassVar

from archspec.block import Block, Builder
from archspec.ops import Pool
from archspec.parameters import (
    MAX_CHANNELS,
    Convolutional,
    Expansion,
    Object,
    integer,
    parameter,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition(Convolutional):
    """Mix channels, then take means of windows."""

    ONE_OF: ClassVar = (("channels", "expansion"),)

    channels: int | None = parameter(integer(1, MAX_CHANNELS), "channels of the output", count=True)
    expansion: Expansion | None = parameter(
        Object(Expansion),
        "instead of channels: a ratio of the input's, rounded as a row's counts are",
        None,
    )
    stride: int = parameter(integer(1, 64), "height, width and step of the window, in pixels", 2)


def unfold(build: Builder, x: str, p: Transition) -> str:
    """Add norm, activation, convolution and pool."""
    channels = p.channels or build.expanded(x, p.expansion, 0, build.row.rounding)
    x = build.norm_first("", x, p.as_part(((1, 1),)), channels)
    if p.stride == 1:
        return x
    window = (p.stride, p.stride)
    pool = Pool(kernel=window, stride=p.stride, padding="valid", type="average")
    return build.add("pool", pool, x)


BLOCK = Block(Transition, unfold)
