"""Narrow, filter, join to the input: `reduce.*`, `grow.*`, `concat`.

(h, w, c) → (h, w, c + growth), the input first. Both convolutions come after their norm and
activation. A stage of them is a dense block of DenseNet-BC.
Source: Huang et al. 2016, arXiv:1608.06993, Section 3, equation 2 and "Bottleneck layers".
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Concat
from archspec.parameters import (
    MAX_CHANNELS,
    Convolutional,
    Expansion,
    Part,
    integer,
    parameter,
    part,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class DenselyConnected(Convolutional):
    """Narrow, filter, join to the input."""

    growth: int = parameter(
        integer(1, MAX_CHANNELS), "channels that come to those of the input", count=True
    )
    expansion: Expansion | None = shared.expansion(
        "width between the convolutions as a ratio; its output is the growth; rounded by"
        " reduce.rounding"
    )
    reduce: Part = part("the 1x1 convolution that narrows")
    grow: Part = part("the convolution that makes the new channels", kernel=((3, 3),))


def unfold(build: Builder, x: str, p: DenselyConnected) -> str:
    """Add the two convolutions, and join."""
    rule = p.reduce.rounding
    hidden = build.expanded(x, p.expansion, p.growth, rule, "reduce.rounding")
    y = build.norm_first("reduce", x, p.reduce, hidden)
    y = build.norm_first("grow", y, p.grow, p.growth)
    return build.add("concat", Concat(), x, y)


BLOCK = Block(DenselyConnected, unfold)
