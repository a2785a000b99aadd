"""What differs between two specs: rows, what they cost, and which weights of the one fit the other.

By meaning: values as they are resolved, whatever words and places they come from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import fspath
from typing import Any, Literal, NamedTuple, TypeAlias

from archspec import api
from archspec.api import Reference
from archspec.backends.cost import Cost, RowCost, WeightBytes, emit
from archspec.block import Block
from archspec.comparison.align import Pair, align
from archspec.comparison.beside import beside
from archspec.comparison.changes import Change, changes
from archspec.comparison.places import Places, read_the_same
from archspec.comparison.weights import Fit, Misfit, Weights, weights_of
from archspec.errors import Problems, SpecError
from archspec.graph import Graph
from archspec.spec import Row, Spec, Tap

Kind: TypeAlias = Literal["added", "removed", "changed", "renamed", "moved", "input", "cost"]

__all__ = ["Change", "Diff", "Figures", "Fit", "Kind", "Misfit", "RowDiff", "Weights", "diff"]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a row or a net costs, for one image in float32."""

    params: int
    macs: int
    peak_memory: int


@dataclass(frozen=True, slots=True)
class RowDiff:
    """A row that is not as it was.

    Args:
        kind: what became of it; "input": it says the same, and costs something else as it reads
            another shape; "cost": likewise, because of what stands elsewhere, as the classes do.
        before: its path in A, "" if it is not there.
        after: its path in B, "" if it is not there.
        moved: whether it stands before or behind others than it did.
        changes: what it says.
        cost_before: None if it is not in A.
        cost_after: None if it is not in B.
        fit: how many of its arrays are in A, of one name and shape; "" if it has none.
    """

    kind: Kind
    before: str
    after: str
    moved: bool
    changes: tuple[Change, ...]
    cost_before: Figures | None
    cost_after: Figures | None
    fit: Fit


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two specs, A and B.

    Args:
        a: what A was asked for by, or its title.
        b: likewise.
        changes: what stands beside the tables.
        rows: those that are not as they were, in the order of B.
        cost_before: of all of A.
        cost_after: of all of B.
        bytes_before: of A's weights.
        bytes_after: of B's weights.
        weights: which of A's fit B.
    """

    a: str
    b: str
    changes: tuple[Change, ...]
    rows: tuple[RowDiff, ...]
    cost_before: Figures
    cost_after: Figures
    bytes_before: WeightBytes
    bytes_after: WeightBytes
    weights: Weights

    @property
    def same(self) -> bool:
        """Whether both stand for one net."""
        return not self.changes and not self.rows

    def _repr_html_(self) -> str:
        """For a notebook: the tables by row and in all."""
        from archspec.notebook import diff_html  # noqa: PLC0415  above, and only where it is shown

        return diff_html(self)


def diff(a: Reference, b: Reference, *, blocks: Mapping[str, Block] | None = None) -> Diff:
    """What differs between two specs, by meaning: rows, costs, and which weights of A fit B.

    Args:
        a: a loaded spec, a zoo name, a path, or an ONNX file that was exported from one.
        b: likewise.
        blocks: the blocks that rows may name.

    Raises:
        SpecError: all that is wrong with either.
    """
    before, after = _nets(a, b, blocks)
    pairs = align(before.spec.rows, after.spec.rows)
    places = _places(before.spec, after.spec, pairs)
    weights = weights_of(before.graph, after.graph, pairs)
    rows = (_row(pair, before, after, places, weights) for pair in pairs)
    return Diff(
        a=_title(a, before.spec),
        b=_title(b, after.spec),
        changes=tuple(beside(before.spec, after.spec, *places)),
        rows=tuple(row for row in rows if row),
        cost_before=_figures(before.cost),
        cost_after=_figures(after.cost),
        bytes_before=before.cost.weights,
        bytes_after=after.cost.weights,
        weights=weights,
    )


class _Net(NamedTuple):
    """A spec with its graph and what that costs."""

    spec: Spec
    graph: Graph
    cost: Cost
    rows: Mapping[str, RowCost]

    @classmethod
    def of(cls, reference: Reference, blocks: Mapping[str, Block] | None) -> "_Net":
        spec = api.loaded(reference, blocks)
        graph = api.to_graph(spec)
        cost = emit(graph)
        return cls(spec, graph, cost, {row.row: row for row in cost})

    def costs(self, row: Row) -> RowCost:
        return self.rows.get(row.path) or RowCost.nothing(row.path)


def _nets(a: Reference, b: Reference, blocks: Mapping[str, Block] | None) -> tuple[_Net, _Net]:
    problems = Problems()
    found: list[_Net] = []
    for reference in (a, b):
        try:
            found.append(_Net.of(reference, blocks))
        except SpecError as reason:
            problems.extend(reason.diagnostics)
    problems.check()
    return found[0], found[1]


def _places(before: Spec, after: Spec, pairs: Sequence[Pair]) -> tuple[Places, Places]:
    """Of both, in the words of the second."""
    called = {pair.before.path: pair.after.path for pair in pairs if pair.before and pair.after}
    return Places(before, called), Places(after, {row.path: row.path for row in after.rows})


def _title(reference: Reference, spec: Spec) -> str:
    return spec.title if isinstance(reference, Spec) else fspath(reference)


def _figures(cost: Cost | RowCost) -> Figures:
    return Figures(cost.params, cost.macs, cost.peak_memory)


def _row(
    pair: Pair, before: _Net, after: _Net, places: tuple[Places, Places], weights: Weights
) -> RowDiff | None:
    """What became of a row, None where nothing did."""
    ours = before.costs(pair.before) if pair.before else None
    theirs = after.costs(pair.after) if pair.after else None
    said: tuple[Change, ...] = ()
    if ours is None:
        kind: Kind | None = "added"
    elif theirs is None:
        kind = "removed"
    else:
        said = tuple(_said(pair, *places))
        kind = _kind(pair, said, ours, theirs)
    if kind is None:
        return None
    return RowDiff(
        kind=kind,
        before=pair.before.path if pair.before else "",
        after=pair.after.path if pair.after else "",
        moved=pair.moved,
        changes=said,
        cost_before=_figures(ours) if ours else None,
        cost_after=_figures(theirs) if theirs else None,
        fit=weights.rows.get(pair.after.path, "") if pair.after else "",
    )


def _differ(ours: RowCost, theirs: RowCost) -> bool:
    return _figures(ours) != _figures(theirs)


def _kind(pair: Pair, said: Sequence[Change], ours: RowCost, theirs: RowCost) -> Kind | None:
    if said:
        return "changed"
    if pair.moved:
        return "moved"
    if ours.row != theirs.row:
        return "renamed"
    if not _differ(ours, theirs):
        return None
    return "cost" if ours.input == theirs.input else "input"


def _said(pair: Pair, before: Places, after: Places) -> Iterator[Change]:
    """What a row says that it did not."""
    ours, theirs = pair.before, pair.after
    assert ours is not None  # noqa: S101
    assert theirs is not None  # noqa: S101
    if ours.block != theirs.block:
        yield Change("block", ours.block, theirs.block)
    yield from changes("repeats", [len(ours.blocks)], [len(theirs.blocks)])
    found = list(changes("", _strided(ours.blocks), _strided(theirs.blocks)))
    # What a part follows its block in is said of the block.
    followed = [replace(change, path=f".{change.path}") for change in found]
    yield from (change for change in found if _rest(change) not in followed)
    if not read_the_same(ours, before, theirs, after):
        yield Change("inputs", _paths(ours.inputs), _paths(theirs.inputs))


def _rest(change: Change) -> Change:
    """The change, of the parameter of the block that is called as this field of a part."""
    return replace(change, path="".join(change.path.partition(".")[1:]))


def _strided(blocks: Sequence[Any]) -> Sequence[Any]:
    """Blocks that all have the stride which the row says, and its first block has."""
    if not hasattr(blocks[0], "stride"):
        return blocks
    return [replace(block, stride=blocks[0].stride) for block in blocks]


def _paths(taps: Sequence[Tap]) -> Sequence[str] | None:
    return tuple(tap.path for tap in taps) or None
