"""An image at another size: (h, w, c) → (h', w', c), the size of the net's input.

Of two `inputs` the first, at the size of the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from archspec.block import Block, Builder
from archspec.graph import INPUT
from archspec.ops import Resize as ResizeOp
from archspec.ops import Sampling
from archspec.parameters import parameter, shared


@dataclass(frozen=True, kw_only=True, slots=True)
class Resize:
    """An image at another size: that of the net's input, or of a second value that it reads."""

    mode: Sampling = parameter(shared.SAMPLING, shared.SAMPLING_DOC, "bilinear")


def unfold(build: Builder, values: Sequence[str], p: Resize) -> str:
    """Add the one op."""
    if len(values) > 2:  # noqa: PLR2004  an image, and one of the size that is wanted
        message = f"a resize reads an image and one of the size that is wanted, not {len(values)}"
        raise build.error("E302", message, "inputs")
    image, like = (*values, INPUT)[:2]
    return build.add("", ResizeOp(p.mode), image, like)


BLOCK = Block(Resize, unfold, several=True)
