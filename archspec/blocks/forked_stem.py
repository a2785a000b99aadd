"""A convolution, then two ways side by side, joined and mixed: an image to a quarter of its size.

`reduce.*`; `pool` beside `narrow.*`, `widen.*`; `concat`, `merge.*`, `project.*`.

(h, w, c) → (⌈h / 4⌉, ⌈w / 4⌉, channels).
Source: the stem of PaddleClas's PP-HGNetV2, for which there is no paper; after the stem block of
    PeleeNet, Wang et al. 2018, arXiv:1804.06882. The windows of two pixels see zeros
    beyond the last row and column, the pool too.
"""

from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Concat, Pool
from archspec.parameters import Convolutional, Part, part, shared


@dataclass(frozen=True, kw_only=True, slots=True)
class ForkedStem(Convolutional):
    """A convolution, then two ways side by side, joined and mixed."""

    channels: int = shared.channels()
    hidden: int = shared.channels("channels of each way and before and after both")
    reduce: Part = part("the first convolution, stride 2", kernel=((3, 3),))
    narrow: Part = part(
        "the convolution to half of `hidden`; its width is rounded by narrow.rounding",
        kernel=((2, 2),),
        padding="same",
    )
    widen: Part = part("the convolution back to `hidden`", kernel=((2, 2),), padding="same")
    merge: Part = part("the convolution of both ways, stride 2", kernel=((3, 3),))
    project: Part = part("the 1x1 convolution to the output")


def unfold(build: Builder, x: str, p: ForkedStem) -> str:
    """Add the five convolutions and the pool."""
    x = build.part("reduce", x, p.reduce, p.hidden, stride=2)
    half = build.width("hidden", p.hidden, 0.5, p.narrow.rounding, "narrow.rounding")
    y = build.part("narrow", x, p.narrow, half)
    y = build.part("widen", y, p.widen, p.hidden)
    pool = Pool(kernel=(2, 2), stride=1, padding="same", type="max", count_padding=True)
    y = build.add("concat", Concat(), build.add("pool", pool, x), y)
    y = build.part("merge", y, p.merge, p.hidden, stride=2)
    return build.part("project", y, p.project, p.channels)


BLOCK = Block(ForkedStem, unfold)
