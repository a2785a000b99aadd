"""Calls of Keras in a row, each with its name, as a model file has them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from archspec.lift.structure import ELLIPSIS, Read
from archspec.ops import Shape

Image: TypeAlias = tuple[Read, Shape]
"""A value and its shape (h, w, c), or (c,)."""


class Step(NamedTuple):
    """One call: class, settings that are not Keras's defaults, and what it is called with."""

    kind: str
    settings: Mapping[str, Any]
    args: Sequence[Any]
    named: Mapping[str, Any]


class Steps:
    """The calls of one node, by name.

    Args:
        name: of the node.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: dict[str, Step] = {}
        self.number = 0

    def part(self, part: str, kind: str, *args: Any, **settings: Any) -> Read:  # noqa: ANN401  JSON
        """A call named as a part of the node; the last one, without a part, as the node."""
        name = f"{self.name}.{part}" if part else self.name
        self.steps[name] = Step(kind, settings, args, {})
        return Read(name)

    def __call__(self, kind: str, *args: Any, **settings: Any) -> Read:  # noqa: ANN401  JSON
        """An operation, or a Rescaling, with a number in its name."""
        self.number += 1
        word = {"Rescaling": "rescale"}.get(kind, kind.lower())
        return self.part(
            f"{word}{self.number}", kind if word == "rescale" else f"ops.{kind}", *args, **settings
        )

    def slice(self, value: Read, start: int | None, stop: int | None) -> Read:
        """Some channels."""
        return self("GetItem", value, [ELLIPSIS, [start, stop, None]])

    def rescaled(self, value: Read, scale: Any = 1.0, offset: Any = 0.0) -> Read:  # noqa: ANN401  JSON
        """A product and a sum with numbers."""
        return self("Rescaling", value, scale=scale, offset=offset)

    def turned(self, matrices: Read) -> Read:
        """Each matrix with rows for columns."""
        return self("Transpose", matrices, axes=[0, 1, 3, 2])

    def matrices(self, image: Image, heads: int, width: int, patch: int = 1) -> Read:
        """As `Steps.matrices` of the back end."""
        value, (height, wide, channels) = image
        rows = height * wide // patch**2 * (channels // heads // width)
        if heads * patch > 1:
            value = self("Reshape", value, newshape=_split((height, wide, channels), heads, patch))
            value = self("Transpose", value, axes=_turns(patch)[0])
        return self("Reshape", value, newshape=[-1, patch * patch * heads, rows, width])

    def image(self, matrices: Read, size: int, like: Shape, heads: int, patch: int = 1) -> None:
        """As `Steps.image` of the back end, for matrices of `size` numbers."""
        height, wide = like[:2]
        shape = (height, wide, size // (height * wide))
        if heads * patch > 1:
            split = _split(shape, heads, patch)
            there, back = _turns(patch)
            matrices = self("Reshape", matrices, newshape=[split[place] for place in there])
            matrices = self("Transpose", matrices, axes=back)
        self.part("", "ops.Reshape", matrices, newshape=[-1, *shape])


def _split(image: Shape, heads: int, patch: int) -> list[int]:
    height, width, channels = image
    if patch == 1:
        return [-1, height * width, heads, channels // heads]
    return [-1, height // patch, patch, width // patch, patch * heads, channels // heads]


def _turns(patch: int) -> tuple[list[int], list[int]]:
    if patch == 1:
        return [0, 2, 1, 3], [0, 2, 1, 3]
    return [0, 2, 4, 1, 3, 5], [0, 3, 1, 4, 2, 5]
