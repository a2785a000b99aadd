"""Windows of several dilations side by side, and the mean of all.

(h, w, c) → (h, w, channels). `point.*` is a 1x1 convolution, `branch1.*` has the first dilation,
`pooling.*` the global mean, its convolution and the mean at every pixel; `concat` joins them,
`project` narrows that, `dropout`. With `separable`, a branch is `depthwise.*` and `pointwise.*`.
Source: Chen et al. 2017, arXiv:1706.05587, section 3.3, and 2018, arXiv:1802.02611; TensorFlow's
    code joins the mean first, torchvision's last.
"""

from dataclasses import dataclass
from typing import Literal

from archspec.block import Block, Builder
from archspec.ops import Concat, Dropout, GlobalPool, Resize
from archspec.parameters import (
    FLAG,
    Convolutional,
    Kernel,
    Part,
    integers,
    number,
    parameter,
    part,
    shared,
    word,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Aspp(Convolutional):
    """Windows of several dilations side by side, and the mean of all."""

    channels: int = shared.channels("channels of each branch and of the output")
    kernel: Kernel = shared.kernel("window of the dilated convolutions")
    rates: tuple[int, ...] = parameter(
        integers(1, 64, 16), "dilations, a branch each; [] for none", (6, 12, 18)
    )
    separable: bool = parameter(
        FLAG, "a depthwise and a 1x1 convolution in each of these branches", default=False
    )
    image_pooling: Literal["first", "last"] | None = parameter(
        word("first", "last"), "where the global mean is joined", "last", off=True
    )
    dropout: float = parameter(number(0, 1), "probability that training drops a value", 0.0)
    depthwise: Part = part("the depthwise convolutions", kernel="block", groups=None)
    project: Part = part("the 1x1 convolution behind")


def unfold(build: Builder, x: str, p: Aspp) -> str:
    """Add the branches, and what joins them."""
    each = p.as_part(((1, 1),))
    branches = [build.part("point", x, each, p.channels)]
    branches += [
        _branch(build.within(f"branch{n}"), x, p, rate) for n, rate in enumerate(p.rates, 1)
    ]
    if p.image_pooling:
        mean = build.add("pooling.mean", GlobalPool(), x)
        mean = build.part("pooling", mean, each, p.channels)
        mean = build.add("pooling.resize", Resize(), mean, x)
        branches.insert(0 if p.image_pooling == "first" else len(branches), mean)
    y = build.add("concat", Concat(), *branches) if branches[1:] else branches[0]
    y = build.part("project", y, p.project, p.channels)
    return build.add("dropout", Dropout(p.dropout), y) if p.dropout else y


def _branch(build: Builder, x: str, p: Aspp, rate: int) -> str:
    if not p.separable:
        return build.part("", x, p.as_part(p.kernel), p.channels, dilation=rate)
    y = build.depthwise(x, p.depthwise, stride=1, dilation=rate, se=None)
    return build.part("pointwise", y, p.as_part(((1, 1),)), p.channels)


BLOCK = Block(Aspp, unfold)
