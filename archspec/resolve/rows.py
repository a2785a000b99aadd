"""From a merged, checked tree to the resolved spec: every row's parameters, block by block."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archspec.errors import Problems
from archspec.parameters import Document, RowKeys, Scaling, parameters_of
from archspec.resolve.check import INPUTS, Line, lines
from archspec.resolve.lookup import Level, Position, Reader
from archspec.resolve.plain import as_data
from archspec.resolve.tree import entries_of
from archspec.scaling import scale_repeats
from archspec.schema import check_value
from archspec.source import Entries, Items, Scalar, Tree
from archspec.spec import OutputStride, Row, Setting, Spec, Tap

MAX_BLOCKS = 4096


def resolve_tree(tree: Entries, variants: Sequence[str], blocks: Mapping[str, type[Any]]) -> Spec:
    """The resolved spec of a tree without references.

    Raises:
        SpecError: E1xx, a value is wrong where it stands; E2xx, values do not go together.
    """
    problems = Problems()
    document = _document(tree, problems)
    found = lines(tree, blocks, problems)
    problems.check()
    assert document is not None  # noqa: S101  None only with a problem
    rows = _rows(found, tree.get("defaults"), document.scaling, blocks, problems)
    problems.check()
    stride = document.output_stride
    output_stride = OutputStride(stride.at, stride.dilate, _span(tree, "output_stride")) if stride else None
    return Spec(
        name=_text(tree, "name"),
        variants=tuple(variants),
        source=_text(tree, "source"),
        equals={key: str(_value(entry.value)) for key, entry in entries_of(tree.get("equals")).items()},
        input=document.input,
        classes=document.classes,
        rows=tuple(rows),
        outputs={
            key: Tap(str(_value(entry.value)), entry.value.span)
            for key, entry in entries_of(tree.get("outputs")).items()
        },
        output_stride=output_stride,
        document=as_data(tree),
    )


def _document(tree: Entries, problems: Problems) -> Document | None:
    for key, parameter in parameters_of(Document).items():
        if key in tree.entries:
            check_value(parameter, tree.entries[key].value, key, problems)
    if problems:
        return None
    reader = Reader(Scaling(), "fixed", None, Position(), problems, tree.span)
    level = Level("spec", tree, "file", own=True)
    document: Document | None = reader.block(Document, [level], "spec")
    return document


def _text(tree: Entries, key: str) -> str:
    value = _value(tree.get(key))
    return "" if value is None else str(value)


def _value(tree: Tree | None) -> object:
    return tree.value if isinstance(tree, Scalar) else None


def _span(tree: Entries, key: str) -> Any:  # noqa: ANN401
    value = tree.get(key)
    return value.span if value else None


def _levels(line: Line, defaults: Tree | None) -> list[Level]:
    """Where a row's parameters may be said, nearest first."""
    outer = defaults if isinstance(defaults, Entries) else None
    found = [Level("row", line.row, "row", own=True)]
    for tree, origin, place in ((line.table, "table", "table"), (outer, "defaults", "file")):
        if tree is None:
            continue
        mine = tree.get(line.block)
        if isinstance(mine, Entries):
            found.append(Level(f"{origin} for {line.block}", mine, place, own=True))  # pyright: ignore[reportArgumentType]
        found.append(Level(origin, tree, place, own=False))  # pyright: ignore[reportArgumentType]
    return found


def _rows(  # noqa: PLR0913
    found: Sequence[Line], defaults: Tree | None, scaling: Scaling, blocks: Mapping[str, type[Any]], problems: Problems
) -> list[Row]:
    keys: list[tuple[RowKeys, Mapping[str, Setting]]] = []
    counts: list[int] = []
    for line in found:
        reader = Reader(scaling, "fixed", None, Position(), problems, line.row.span)
        said: RowKeys | None = reader.block(RowKeys, _levels(line, defaults), line.block)
        keys.append((said or RowKeys(), reader.settings))
        counts.append(_repeats(line, keys[-1][0], reader.settings, scaling))
    if (total := sum(counts)) > MAX_BLOCKS:
        problems.add("E211", f"{total} blocks in all; at most {MAX_BLOCKS} are possible", found[0].row.span)
        return []
    positions = _positions(found, counts)
    return [
        row
        for line, key, count, position in zip(found, keys, counts, positions, strict=True)
        if (row := _row(line, key, count, position, _levels(line, defaults), scaling, blocks[line.block], problems))
    ]


def _repeats(line: Line, keys: RowKeys, settings: dict[str, Setting], scaling: Scaling) -> int:
    depth = 1.0 if keys.depth == "fixed" or line.section != "stages" else scaling.depth
    repeats = scale_repeats(keys.repeats, depth, scaling.rounding.repeats)
    if depth != 1.0:
        written = f"{keys.repeats} x {depth:g} = {keys.repeats * depth:.6g} → {repeats} ({scaling.rounding.repeats})"
        settings["repeats"] = replace(settings["repeats"], value=repeats, written=written)
    return repeats


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


def _row(  # noqa: PLR0913  what a row depends on
    line: Line,
    keys: tuple[RowKeys, Mapping[str, Setting]],
    count: int,
    position: Position,
    levels: Sequence[Level],
    scaling: Scaling,
    cls: type[Any],
    problems: Problems,
) -> Row | None:
    row, row_settings = keys
    rounding = row.rounding or scaling.rounding.channels

    def read(index: int) -> Reader:
        shifted = Position(*((at + index, of) for at, of in (position.row, position.table, position.file)))
        return Reader(scaling, row.width, rounding, shifted, problems, line.row.span)

    reader = read(0)
    first = reader.block(cls, levels, line.block)
    if first is None:
        return None
    blocks = [first]
    for index in range(1, count):
        # Nothing varies inside a row but what is spread over it, and the stride.
        block = read(index).block(cls, levels, line.block) if reader.spreads else first
        blocks.append(replace(block, stride=1) if hasattr(block, "stride") else block)
    return Row(
        section=line.section,
        name=line.name,
        block=line.block,
        blocks=tuple(blocks),
        inputs=_inputs(line.row.get(INPUTS)),
        rounding=rounding,
        settings={**row_settings, **reader.settings},
        span=line.row.span,
    )


def _inputs(tree: Tree | None) -> tuple[Tap, ...]:
    items = tree.items if isinstance(tree, Items) else (tree,) if tree else ()
    return tuple(Tap(str(_value(item)), item.span) for item in items)
