"""Images one behind the other: (h, w, c_i), … → (h, w, Σ c_i), of the size of the largest.

`resize1`, … for those that are smaller, `concat`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.ops import Concat as ConcatOp
from archspec.ops import Resize, Sampling
from archspec.parameters import parameter, shared


@dataclass(frozen=True, kw_only=True, slots=True)
class Concat:
    """The channels of several images, at the size of the largest."""

    mode: Sampling = parameter(
        shared.SAMPLING, f"of the smaller ones: {shared.SAMPLING_DOC}", "bilinear"
    )


def unfold(build: Builder, values: Sequence[str], p: Concat) -> str:
    """Add a resize for each image that is smaller, and the one op."""
    largest = max(values, key=lambda value: build.shape(value)[:2])
    size = build.shape(largest)[:2]
    same = [
        value
        if build.shape(value)[:2] == size
        else build.add(f"resize{number}", Resize(p.mode), value, largest)
        for number, value in enumerate(values, 1)
    ]
    return build.add("concat", ConcatOp(), *same)


BLOCK = Block(Concat, unfold, several=True)
