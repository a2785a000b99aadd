"""From a merged, checked tree to the resolved spec: every row's parameters, block by block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from archspec.errors import Diagnostic, Problems
from archspec.parameters import OFF, Document, RowKeys, Scaling, parameters_of
from archspec.resolve.check import INPUTS, Line, lines
from archspec.resolve.lookup import Position, Reader
from archspec.resolve.plain import as_data
from archspec.resolve.said import Level, Place, said_of
from archspec.resolve.tree import entries_of, said
from archspec.scaling import scale_repeats
from archspec.schema import LEADING, SKELETON, check_body
from archspec.source import Entries, Items, Scalar, Tree
from archspec.spec import SECTIONS, Budget, OutputStride, Row, Setting, Spec, Tap

MAX_BLOCKS = 4096
BUDGET = "budget"


Memo: TypeAlias = dict[tuple[object, ...], tuple[Entries, list[Row]]]
"""Rows by the identity of the tables that they come from; kept trees keep identities."""


def resolve_tree(
    tree: Entries,
    variants: Sequence[str],
    blocks: Mapping[str, type[Any]],
    memo: Memo,
    wrong: Sequence[Diagnostic] = (),
) -> Spec:
    """The resolved spec of a tree without references.

    Args:
        tree: merged; its sections have named rows.
        variants: names for the title.
        blocks: block name → parameter class.
        memo: rows of other variants of the file; one with the same tables shares them.
        wrong: what is known to be wrong already.

    Raises:
        SpecError: E1xx, a value is wrong where it stands; E2xx, values do not go together.
    """
    problems = Problems()
    problems.extend(wrong)
    document, settings = _document(tree, problems)
    rows = _rows(tree, document, blocks, memo, problems)
    problems.check()
    assert document is not None  # noqa: S101  None only with a problem
    equals = equals_of(tree)
    return Spec(
        name=_text(tree, "name"),
        variants=tuple(variants),
        source=_text(tree, "source"),
        equals=equals,
        input=document.input,
        classes=document.classes,
        rows=tuple(rows),
        outputs={
            key: Tap(str(_value(value)), value.span) for key, value in _entries(tree.get("outputs"))
        },
        output_stride=_output_stride(tree, document),
        normalization=document.normalization,
        budget=document.budget,
        train=document.train,
        settings=settings,
        written=lambda: as_data(tree, blocks, {row.block for row in rows}, equals),
    )


def _output_stride(tree: Entries, document: Document) -> OutputStride | None:
    stride = document.output_stride
    return OutputStride(stride.at, stride.dilate, _span(tree, "output_stride")) if stride else None


def _rows(
    tree: Entries,
    document: Document | None,
    blocks: Mapping[str, type[Any]],
    memo: Memo,
    problems: Problems,
) -> list[Row]:
    """The rows, those of another variant where nothing that they depend on differs."""
    key = (*(id(tree.get(word)) for word in (*SECTIONS, "defaults")), document and document.scaling)
    if key in memo:
        return memo[key][1]
    found = lines(tree, blocks, problems)
    if problems or document is None:
        return []
    defaults = tree.get("defaults")
    levels = defaults if isinstance(defaults, Entries) else None
    rows = _Table(levels, document.scaling, blocks, problems).rows(found)
    if not problems:
        memo[key] = (tree, rows)
    return rows


def _document(tree: Entries, problems: Problems) -> tuple[Document | None, Mapping[str, Setting]]:
    check_body(tree, SKELETON, problems)
    if problems:
        return None, {}
    reader = Reader(Scaling(), "fixed", None, None, problems, tree.span)
    level = Level("spec", tree, "file", own=True)
    document: Document | None = reader.block(Document, [level], "the spec")
    return document, reader.settings


def budget_of(tree: Entries) -> Budget | None:
    """The budget of a merged tree, whatever is wrong with it."""
    reader = Reader(Scaling(), "fixed", None, None, Problems(), tree.span)
    said = said_of([Level("spec", tree, "file", own=True)], BUDGET)
    return reader.read(BUDGET, parameters_of(Document)[BUDGET], said, "the spec")


def _text(tree: Entries, key: str) -> str:
    value = _value(tree.get(key))
    return "" if value is None else str(value)


def _value(tree: Tree | None) -> object:
    return tree.value if isinstance(tree, Scalar) else None


def _entries(tree: Tree | None) -> list[tuple[str, Tree]]:
    return [
        (key, entry.value) for key, entry in entries_of(tree).items() if _value(entry.value) != OFF
    ]


def equals_of(tree: Entries) -> dict[str, str]:
    """Library → the implementation that a merged tree is proved equal to."""
    said = ((key, value) for key, value in _entries(tree.get("equals")) if _value(value) != OFF)
    return {key: call for key, value in said if (call := _call(value))}


def _call(tree: Tree) -> str:
    """A name, or a name and the arguments that variants set under it: `MobileNetV2(alpha=1.4)`.

    Arguments without a name are for a variant that has one: nothing by themselves.
    """
    if not isinstance(tree, Entries):
        return str(_value(tree))
    if tree.get(LEADING) is None:
        return ""
    arguments = ", ".join(f"{key}={_value(value)}" for key, value in tree if key != LEADING)
    return f"{_value(tree.get(LEADING))}({arguments})"


def _span(tree: Entries, key: str) -> Any:  # noqa: ANN401
    value = tree.get(key)
    return value.span if value else None


@dataclass(frozen=True, slots=True)
class _Table:
    """What every row of a spec is resolved with."""

    defaults: Entries | None
    scaling: Scaling
    blocks: Mapping[str, type[Any]]
    problems: Problems

    def rows(self, found: Sequence[Line]) -> list[Row]:
        """The rows of a spec; what is wrong goes to the problems."""
        keys = [self._keys(line) for line in found]
        counts = [_count(own.settings) for own in keys]
        if (total := sum(counts)) > MAX_BLOCKS:
            message = f"{total} blocks in all; at most {MAX_BLOCKS} are possible"
            self.problems.add("E211", message, found[0].row.span)
            return []
        parts = zip(found, keys, _positions(found, counts), strict=True)
        return [row for part in parts if (row := self._row(*part))]

    def _levels(self, line: Line) -> list[Level]:
        """Where a row's parameters may be said, nearest first."""
        found = [Level("row", line.row, "row", own=True)]
        places: tuple[tuple[Entries | None, str, Place], ...] = (
            (line.table, "table", "table"),
            (self.defaults, "defaults", "file"),
        )
        for tree, origin, place in places:
            mine = tree.get(line.block) if tree else None
            if isinstance(mine, Entries):
                found.append(Level(f"{origin} for {line.block}", mine, place, own=True))
            if tree:
                found.append(Level(origin, tree, place, own=False))
        return found

    def _keys(self, line: Line) -> "_Keys":
        """What the row says whatever its block, its repeats scaled."""
        reader = Reader(self.scaling, "fixed", None, None, self.problems, line.row.span)
        keys: RowKeys = reader.block(RowKeys, self._levels(line), "a row") or RowKeys()
        fixed = keys.depth == "fixed" or line.section != "stages"
        depth, mode = (1.0 if fixed else self.scaling.depth), self.scaling.rounding.repeats
        if depth != 1.0:
            repeats = scale_repeats(keys.repeats, depth, mode)
            product = f"{keys.repeats} x {depth:g} = {keys.repeats * depth:.6g}"
            written = f"{product} → {repeats} ({mode})"
            setting = reader.settings["repeats"]._replace(value=repeats, written=written)
            reader.settings["repeats"] = setting
        return _Keys(keys, reader.settings)

    def _row(self, line: Line, own: "_Keys", position: Position) -> Row | None:
        rounding = own.keys.rounding or self.scaling.rounding.channels
        cls, levels = self.blocks[line.block], self._levels(line)

        def read(index: int) -> Reader:
            at = position.shifted(index)
            return Reader(self.scaling, own.keys.width, rounding, at, self.problems, line.row.span)

        reader = read(0)
        name = f"block '{line.block}'"
        first = reader.block(cls, levels, name)
        if first is None:
            return None
        blocks = [first]
        for index in range(1, _count(own.settings)):
            # Nothing varies inside a row but what is spread over it, and the stride.
            block = read(index).block(cls, levels, name, reader) if reader.spreads else first
            if block is None:
                return None
            blocks.append(replace(block, stride=1) if hasattr(block, "stride") else block)
        return Row(
            section=line.section,
            name=line.name,
            block=line.block,
            blocks=tuple(blocks),
            inputs=_inputs(said(line.row, INPUTS)),
            rounding=rounding,
            settings={**own.settings, **reader.settings},
            span=line.row.span,
        )


class _Keys(NamedTuple):
    """What a row says whatever its block, and where."""

    keys: RowKeys
    settings: Mapping[str, Setting]


def _count(settings: Mapping[str, Setting]) -> int:
    repeats = settings["repeats"].value if "repeats" in settings else 1
    return repeats if isinstance(repeats, int) else 1


def _positions(found: Sequence[Line], counts: Sequence[int]) -> list[Position]:
    """Of the first block of each row; the blocks of the file are those of stages."""
    totals: dict[str, int] = {}
    starts: list[int] = []
    for line, count in zip(found, counts, strict=True):
        starts.append(totals.get(line.section, 0))
        totals[line.section] = starts[-1] + count
    stages = totals.get("stages", 1)
    return [
        Position(
            (0, count),
            (start, totals[line.section]),
            (start, stages) if line.section == "stages" else (0, 1),
        )
        for line, count, start in zip(found, counts, starts, strict=True)
    ]


def _inputs(tree: Tree | None) -> tuple[Tap, ...]:
    items = tree.items if isinstance(tree, Items) else (tree,) if tree else ()
    return tuple(Tap(str(_value(item)), item.span) for item in items)
