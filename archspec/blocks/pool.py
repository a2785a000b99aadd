"""The mean or the largest value of each window.

(h, w, c) → (⌈h / stride⌉, ⌈w / stride⌉, c) with padding `same`.
Padding does not count, if `count_padding` does not say so.
"""

from dataclasses import dataclass
from typing import Any, Literal

from archspec.block import Block, Builder
from archspec.ops import Pool as PoolOp
from archspec.parameters import FLAG, KERNEL, PADDING, Kernel, integer, parameter, word


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """The mean or the largest value of each window."""

    type: Literal["max", "average"] = parameter(word("max", "average"), "largest or mean")
    kernel: Kernel = parameter(KERNEL, "height and width of the window")
    stride: int = parameter(integer(1, 64), "step of the window, in pixels")
    padding: Any = parameter(PADDING, "how the image is padded", "same")
    count_padding: bool = parameter(FLAG, "whether the padding counts, as zeros", default=False)


def unfold(build: Builder, x: str, p: Pool) -> str:
    """Add the one op."""
    op = PoolOp(
        kernel=p.kernel[0],
        stride=p.stride,
        padding=p.padding,
        type=p.type,
        count_padding=p.count_padding,
    )
    return build.add("", op, x)


BLOCK = Block(Pool, unfold)
