"""Convolutions one after the other; all that they made is joined and mixed once.

`down.*`; `layer1.*` … (of a light layer `layer1.pointwise.*`, `layer1.depthwise.*`), `concat`,
`squeeze.*`, `aggregate.*`, `ese.*`, `drop_path`, `add`.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, channels) with padding `same`. Without a stride there is no
`down`; where the width stays the input is added.
Source: Lee et al. 2019, arXiv:1904.09730, Section 3; `ese` Lee and Park 2020, arXiv:1911.06667,
    effective squeeze-excitation, with a sigmoid; `down`, `light` and `squeeze` as in PaddleClas's
    PP-HGNet and PP-HGNetV2, for which there is no paper.
"""

from dataclasses import dataclass, replace

from archspec.block import Block, Builder
from archspec.ops import Concat, GlobalPool, Multiply
from archspec.parameters import (
    FLAG,
    Convolutional,
    Kernel,
    Part,
    integer,
    parameter,
    part,
    ratio,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OneShotAggregation(Convolutional):
    """Convolutions one after the other; all that they made is joined and mixed once."""

    channels: int = shared.channels()
    hidden: int = shared.channels("channels of each layer")
    layers: int = parameter(integer(1, 64), "how many layers are joined with the input")
    kernel: Kernel = shared.kernel("window of the layers")
    light: bool = parameter(
        FLAG,
        "each layer is a 1x1 convolution, then a depthwise one with an activation",
        default=False,
    )
    stride: int = shared.stride("step of the window of `down`, in pixels")
    dilation: int = shared.dilation("distance of the layers' windows' pixels")
    squeeze_ratio: float | None = parameter(
        ratio(4),
        "a convolution like the aggregating one before it: its width over the output's; "
        "rounded by aggregate.rounding",
        None,
    )
    ese: bool = parameter(
        FLAG, "effective squeeze-excite: global mean, one 1x1 convolution, sigmoid", default=False
    )
    drop_path: float = shared.drop_path()
    down: Part = part(
        "the depthwise convolution for the stride",
        kernel=((3, 3),),
        groups=None,
        activation=None,
    )
    layer: Part = part("each layer", kernel="block")
    aggregate: Part = part("the 1x1 convolution that mixes what is joined")


def unfold(build: Builder, x: str, p: OneShotAggregation) -> str:
    """Go down where the row does, then add the layers, the aggregation and the sum."""
    if p.stride > 1:
        x = build.part("down", x, p.down, build.shape(x)[-1], stride=p.stride)
    made = [x]
    for place in range(1, p.layers + 1):
        made.append(_layer(build, f"layer{place}", made[-1], p))
    y = build.add("concat", Concat(), *made)
    if p.squeeze_ratio is not None:
        rule = p.aggregate.rounding
        width = build.width(
            "squeeze_ratio", p.channels, p.squeeze_ratio, rule, "aggregate.rounding"
        )
        y = build.part("squeeze", y, p.aggregate, width)
    y = build.part("aggregate", y, p.aggregate, p.channels)
    if p.ese:
        y = _ese(build, y, p)
    return build.residual(x, y, "auto", p.drop_path)


def _layer(build: Builder, name: str, x: str, p: OneShotAggregation) -> str:
    """One layer, (h, w, c) → (h, w, hidden)."""
    if not p.light:
        return build.part(name, x, p.layer, p.hidden, dilation=p.dilation)
    pointwise = replace(p.layer, kernel=((1, 1),), activation=None)
    depthwise = replace(p.layer, groups=p.hidden)
    x = build.part(f"{name}.pointwise", x, pointwise, p.hidden)
    return build.part(f"{name}.depthwise", x, depthwise, p.hidden, dilation=p.dilation)


def _ese(build: Builder, x: str, p: OneShotAggregation) -> str:
    """X times a gate for each channel."""
    gate = Part(bias=True, activation="sigmoid", init=p.init, l2=p.l2)
    y = build.part("ese", build.add("ese.pool", GlobalPool(), x), gate, p.channels)
    return build.add("ese.multiply", Multiply(), x, y)


BLOCK = Block(OneShotAggregation, unfold)
