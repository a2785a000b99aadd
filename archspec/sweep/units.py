"""Which rows of a spec stand alone, and on which axes each of them depends.

What a row costs depends on what it says and on the shape that it reads. So a row is costed once for
each of both, whatever the other rows are. That is not so where rows read more than the row before;
and rows that passes treat together, such as a norm behind a convolution of another row, are one
unit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archspec.block import Block
from archspec.graph import INPUT, Graph
from archspec.lower import lower
from archspec.ops import BatchNorm, Pad, Rescale, Scale, Shape, Standardize
from archspec.passes.structure import deployed
from archspec.source import Entries, Items, Tree
from archspec.spec import SECTIONS, Axis, Row, Spec
from archspec.sweep.space import Space

JOINED = (BatchNorm, Scale, Rescale, Standardize, Pad)
"""Ops that passes may take into ops of another row, before or behind."""
ASIDE = {"input", "normalization", "source", "equals"}
"""What no row depends on."""
WIDE = {"output_stride", "outputs"}
"""What is of the whole net."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows one after the other that are costed together.

    Args:
        rows: their places.
        axes: numbers of the axes that what they say depends on.
    """

    rows: range
    axes: tuple[int, ...]


def alone(spec: Spec, rows: Sequence[Row], shape: Shape, blocks: Mapping[str, Block]) -> Graph:
    """The graph of some rows for an input of a shape, all else as in a spec.

    Raises:
        SpecError: as `lower`.
    """
    part = replace(
        spec,
        input=shape,  # pyright: ignore[reportArgumentType]  a vector behind a pool
        rows=tuple(rows),
        outputs={},
        output_stride=None,
    )
    return lower(part, blocks).graph


def joins(graph: Graph) -> tuple[bool, bool]:
    """Whether passes may join the first op to what is before, the last op to what is behind."""
    small = deployed(graph)
    before = any(isinstance(node.op, JOINED) for node in small.readers[INPUT])
    last = (small.named.get(name) for name in small.outputs.values())
    return before, any(node is not None and isinstance(node.op, JOINED) for node in last)


def units_of(space: Space, spec: Spec) -> tuple[Unit, ...]:
    """The units of a space; none where its points must be costed whole.

    Args:
        space: to be run through.
        spec: one of its points.
    """
    if spec.outputs or spec.output_stride:
        return ()
    if any(row.inputs or space.blocks[row.block].several for row in spec.rows):
        return ()
    touched = [_touched(axis, space, spec) for axis in space.axes]
    if any(rows is None for rows in touched):
        return ()
    return tuple(
        Unit(rows, tuple(number for number, own in enumerate(touched) if own and own & {*rows}))
        for rows in _together(space, spec)
    )


def _together(space: Space, spec: Spec) -> Iterator[range]:
    """Rows that no pass may join to those before and behind."""
    shape: Shape = spec.input
    start, open_end = 0, False
    for place in range(len(spec.rows)):
        graph = alone(spec, spec.rows[place : place + 1], shape, space.blocks)
        before, behind = joins(graph)
        if place > start and not (before or open_end):
            yield range(start, place)
            start = place
        open_end = behind
        shape = graph.shapes[next(iter(graph.outputs.values()))]
    yield range(start, len(spec.rows))


def _touched(axis: Axis, space: Space, spec: Spec) -> set[int] | None:
    """The places of the rows that may change with an axis; None: what is of the whole net does."""
    first, *rest = axis.path.split(".")
    everything = set(range(len(spec.rows)))
    if first in ASIDE:
        return set()
    if first in WIDE or (first in SECTIONS and not rest) or "inputs" in rest:
        return None
    if first not in SECTIONS or _moves(rest, space):
        return everything
    own = {place for place, row in enumerate(spec.rows) if row.section == first}
    named = {place for place in own if spec.rows[place].name == rest[0]}
    return named if named and "block" not in rest else own if "block" not in rest else everything


def _moves(words: Sequence[str], space: Space) -> bool:
    """Whether a path moves the blocks of other rows along a ramp or a cycle."""
    if not {"repeats", "depth"} & {*words}:
        return False
    trees = [space.base.tree, *(value for axis in space.axes for value in axis.values)]
    return any(map(_spreads, trees))


def _spreads(tree: Tree) -> bool:
    """Whether there is a ramp or a cycle in a tree."""
    if isinstance(tree, Entries):
        return bool({"from", "cycle"} & tree.entries.keys()) or any(
            _spreads(value) for _key, value in tree
        )
    return isinstance(tree, Items) and any(map(_spreads, tree.items))
