"""The variants of a file: tables, mappings from names to bodies, or a list of those, its axes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from archspec.errors import Problems, Span, did_you_mean
from archspec.resolve.tree import (
    COLUMNS,
    ROWS,
    entries_of,
    leaves,
    rows_of,
    with_named_rows,
    without,
)
from archspec.schema import BODY, EDITS, check_body, wrong
from archspec.source import Entries, Items, Scalar, Tree

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")


class Variant(NamedTuple):
    """One choice of an axis: the trees to lay over the spec, or the cells to set."""

    name: str
    span: Span
    body: Entries | None
    cells: tuple[tuple[Scalar, Tree], ...] = ()

    def writes(self, spec: Entries) -> Iterator[tuple[str, Span]]:
        """The paths that it sets, a whole column row by row."""
        if self.body:
            body = without(self.body, set(EDITS))
            for path, span in leaves(body) if body.entries else ():
                # A table that brings rows is one thing, which later axes may change.
                yield path[0] if ROWS in path[1:2] else ".".join(path), span
            for key, entry in entries_of(self.body.get("change")).items():
                yield from _spread_out(spec, key, entry.key.span)
        for path, _value in self.cells:
            yield from _spread_out(spec, str(path.value), path.span)


def _spread_out(spec: Entries, path: str, span: Span) -> Iterator[tuple[str, Span]]:
    section, star, rest = path.partition(".*.")
    names = rows_of(spec, section) if star else ()
    yield from ((f"{section}.{name}.{rest}", span) for name in names)
    if not star:
        yield path, span


def axes_of(tree: Tree | None, problems: Problems) -> tuple[Mapping[str, Variant], ...]:
    """The axes of `variants`: a table, a mapping, or a list of those."""
    if tree is None:
        return ()
    axes: list[Mapping[str, Variant]] = []
    taken: dict[str, Variant] = {}
    for axis in tree.items if isinstance(tree, Items) else (tree,):
        if not isinstance(axis, Entries):
            wrong("variants", axis, "tables, or mappings from names to bodies", problems, "has")
            continue
        found = _table(axis, problems) if COLUMNS in axis.entries else _bodies(axis, problems)
        for variant in found:
            if variant.name in taken:
                first = taken[variant.name].span.line
                problems.add(
                    "E209",
                    f"variant '{variant.name}' stands twice, first in line {first}",
                    variant.span,
                )
            taken[variant.name] = variant
        axes.append({variant.name: variant for variant in found})
    return tuple(axes)


def _bodies(axis: Entries, problems: Problems) -> list[Variant]:
    found: list[Variant] = []
    for entry in axis.entries.values():
        name, body = _variant_name(entry.key, problems), entry.value
        if isinstance(body, Scalar) and body.value is None:
            body = Entries({}, body.span)
        if not isinstance(body, Entries):
            wrong(f"variants.{name}", body, "a mapping of what it changes", problems)
            continue
        body = with_named_rows(check_body(body, BODY, problems), problems)
        if name:
            found.append(Variant(name, entry.key.span, body))
    return found


def _table(axis: Entries, problems: Problems) -> list[Variant]:
    for key, entry in axis.entries.items():
        if key not in {COLUMNS, ROWS}:
            hint = did_you_mean(key, (COLUMNS, ROWS))
            problems.add(
                "E104", f"unknown key '{key}' in a table of variants", entry.key.span, hint
            )
    columns, rows = axis.get(COLUMNS), axis.get(ROWS)
    items = columns.items if isinstance(columns, Items) else ()
    heads = [item for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]
    if not heads or len(heads) != len(items) or heads[0].value != "name":
        wrong(COLUMNS, columns or axis, "name first, then paths", problems)
        return []
    if rows is None:
        problems.add("E108", "the table of variants has no 'rows'", axis.entries[COLUMNS].key.span)
        return []
    if not isinstance(rows, Items):
        wrong(ROWS, rows, "a list of rows, each a list of cells", problems)
        return []
    return [variant for row in rows.items if (variant := _variant(row, heads, problems))]


def _variant(row: Tree, heads: Sequence[Scalar], problems: Problems) -> Variant | None:
    if not isinstance(row, Items) or len(row.items) != len(heads):
        names = ", ".join(str(head.value) for head in heads)
        count = f"has {len(row.items)} cells" if isinstance(row, Items) else "is no list of cells"
        message = f"the row {count} for {len(heads)} columns"
        problems.add("E111", message, row.span, f"the columns are {names}; ~ leaves a cell unsaid")
        return None
    first, *cells = row.items
    name = _variant_name(first, problems)
    said = [
        (head, cell)
        for head, cell in zip(heads[1:], cells, strict=True)
        if not (isinstance(cell, Scalar) and cell.value is None)
    ]
    return Variant(name, first.span, None, tuple(said)) if name else None


def _variant_name(tree: Tree, problems: Problems) -> str:
    value = tree.value if isinstance(tree, Scalar) else None
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    hint = f'a name is text: write "{tree.span.text}"' if isinstance(value, int | float) else ""
    problems.add("E209", "a variant's name is letters, digits, _ . and -", tree.span, hint)
    return ""
