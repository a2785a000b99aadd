"""The space that a sweep runs through: a spec, and the values to try at some of its paths."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from archspec.api import BLOCKS, Parameters, Path, open_reference
from archspec.block import Block
from archspec.blocks import from_file
from archspec.errors import Problems, Source, Span, error
from archspec.resolve import Settled, check_axes, check_values, distinct, numbers, settle
from archspec.source import Items, Scalar, Tree, parse
from archspec.spec import Axis, Spec

_NUMBER = r"([-+]?[0-9]*\.?[0-9]+)"
_RANGE = re.compile(rf"{_NUMBER}\.\.{_NUMBER}(?:\.\.{_NUMBER})?")

MAX_COUNT = 1 << 63
"""Points that a space may have to be run through or drawn from: their numbers are 64 bits wide."""


@dataclass(frozen=True)
class Space:
    """Points in the order in which the last axis runs fastest, each one an ordinary spec.

    Args:
        base: the spec, variants chosen, what is fixed set.
        axes: what varies, in order.
        files: Python files with blocks of the user's own.
    """

    base: Settled
    axes: tuple[Axis, ...]
    files: tuple[str, ...] = ()

    @cached_property
    def blocks(self) -> Mapping[str, Block]:
        """The blocks that rows may name."""
        return blocks_of(self.files)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def count(self) -> int:
        """How many points there are."""
        return prod(self.sizes)

    def digits(self, point: int) -> tuple[int, ...]:
        """The number of a point's value on each axis."""
        found: list[int] = []
        for size in reversed(self.sizes):
            point, digit = divmod(point, size)
            found.append(digit)
        return tuple(reversed(found))

    def cells(self, digits: Iterable[int]) -> list[tuple[Scalar, Tree]]:
        """What a point sets: paths and values."""
        return [
            (Scalar(axis.path, axis.span), axis.values[digit])
            for axis, digit in zip(self.axes, digits, strict=True)
        ]

    def spec(self, point: int) -> Spec:
        """The spec of a point.

        Raises:
            SpecError: values do not go together.
        """
        return self.at(self.cells(self.digits(point)))

    def at(self, cells: Sequence[tuple[Scalar, Tree]]) -> Spec:
        """The spec with values set at paths.

        Raises:
            SpecError: values do not go together.
        """
        return replace(self.base.at(cells), blocks=self.blocks)


def blocks_of(files: Iterable[str]) -> Mapping[str, Block]:
    """The blocks of archspec, and those of some files."""
    own = {name: block for file in files for name, block in from_file(file).items()}
    return {**BLOCKS, **own} if own else BLOCKS


def open_space(reference: Path, settings: Sequence[str] = (), files: Sequence[str] = ()) -> Space:
    """The space of a spec's `search` and of `--set`.

    Args:
        reference: a zoo name or a path, with variants.
        settings: `path=value` is fixed, `path=a,b,c` and `path=from..to..step` are axes; either
            takes the place of the axis of that path in `search`.
        files: Python files with blocks of the user's own.

    Raises:
        SpecError: the spec or a setting is wrong; E620, nothing varies.
    """
    opened, asked = open_reference(reference)
    given = [axis(text) for text in settings]
    fixed = [(Scalar(one.path, one.span), one.values[0]) for one in given if len(one.values) == 1]
    base = settle(opened, Parameters(blocks_of(files)), asked, fixed)
    own = {one.path: one for one in opened.search}
    for one in given:
        own.pop(one.path, None)
        if len(one.values) > 1:
            own[one.path] = one
    axes = tuple(own.values())
    if not axes:
        hint = "say a path with several values: --set stages.s4.kernel=3,5,7, or a search section"
        raise error("E620", f"nothing varies in {reference}", hint=hint)
    problems = Problems()
    check_axes(base.tree, axes, problems)
    problems.check()
    check_values(base, axes, problems)
    problems.check()
    return Space(base, axes, tuple(files))


def axis(text: str) -> Axis:
    """The values of `--set`: `path=a,b,c`, or `path=from..to..step`.

    >>> [value.value for value in axis("input=160..224..32").values]
    [160, 192, 224]

    Raises:
        SpecError: E102, there is no `=`; E1xx, no YAML; E214, E215, a value twice, an empty range.
    """
    path, _equals, said = text.partition("=")
    if not path.strip() or not said.strip():
        raise error("E102", f"'--set {text}' is not path=value")
    name = f"--set {path}"
    span = Span(Source(name, text), 1, 1, 1, len(path) + 1)
    if found := _RANGE.fullmatch(said.strip()):
        start, end, step = (_number(number or "1", name) for number in found.groups())
        return Axis(path, numbers(path, start, end, step, span), span)
    values = parse(f"[{said}]", name)
    assert isinstance(values, Items)  # noqa: S101  brackets are a list
    if not values.items:
        raise error("E102", f"'--set {text}' is not path=value")
    return Axis(path, distinct(path, values.items), span)


def _number(text: str, name: str) -> float:
    found = parse(text, name)
    assert isinstance(found, Scalar)  # noqa: S101  the pattern is that of a number
    assert isinstance(found.value, int | float)  # noqa: S101
    return found.value
