"""The table of `equals`: which choice of variants is proved equal to which implementations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from archspec.errors import Problems, did_you_mean
from archspec.resolve.tree import COLUMNS, ROWS
from archspec.resolve.variants import Variant
from archspec.schema import wrong
from archspec.source import Entries, Entry, Items, Scalar, Tree

VARIANT = "variant"
"""The first column: variants as on the command line, `50:d`; empty for the spec by itself."""

Choice: TypeAlias = tuple[str, ...]
Axes: TypeAlias = Sequence[Mapping[str, Variant]]


class References(NamedTuple):
    """What `equals` says.

    Args:
        always: library → implementation, whatever is chosen; None where nothing is said so.
        rows: choice of variants, in the order of the axes → library → implementation.
    """

    always: Entries | None = None
    rows: Mapping[Choice, Entries] = {}


def references_of(tree: Tree | None, axes: Axes, problems: Problems) -> References:
    """The table with its defaults, or the mapping that it is without `columns` and `rows`."""
    if not isinstance(tree, Entries):
        return References()
    columns, rows = tree.get(COLUMNS), tree.get(ROWS)
    rest = {key: entry for key, entry in tree.entries.items() if key not in {COLUMNS, ROWS}}
    always = Entries(rest, tree.span)
    if columns is None and rows is None:
        return References(always)
    heads = columns.items if isinstance(columns, Items) else ()
    names = [head for head in heads if isinstance(head, Scalar) and isinstance(head.value, str)]
    if len(names) != len(heads) or not names or names[0].value != VARIANT:
        wrong(COLUMNS, columns or tree, "variant first, then libraries", problems)
        return References(always)
    for place, head in enumerate(names):
        if head.value in [name.value for name in names[:place]]:
            problems.add("E106", f"column '{head.value}' stands twice", head.span)
    if not isinstance(rows, Items):
        wrong(ROWS, rows or tree, "a list of rows, each a list of cells", problems)
        return References(always)
    return References(always, dict(_rows(rows, names, axes, problems)))


def _rows(
    rows: Items, heads: Sequence[Scalar], axes: Axes, problems: Problems
) -> Iterator[tuple[Choice, Entries]]:
    lines: dict[Choice, int] = {}
    for row in rows.items:
        if not isinstance(row, Items) or len(row.items) != len(heads):
            names = ", ".join(str(head.value) for head in heads)
            count = f"has {len(row.items)} cells" if isinstance(row, Items) else "is no list"
            message = f"the row {count} for {len(heads)} columns"
            problems.add("E111", message, row.span, f"the columns are {names}")
            continue
        choice = _choice(row.items[0], axes, problems)
        if choice is None:
            continue
        if choice in lines:
            message = f"'{':'.join(choice)}' stands twice, first in line {lines[choice]}"
            problems.add("E209", message, row.items[0].span)
        lines[choice] = row.items[0].span.line
        cells = {
            str(head.value): Entry(head, cell)
            for head, cell in zip(heads[1:], row.items[1:], strict=True)
            if not (isinstance(cell, Scalar) and cell.value is None)
        }
        yield choice, Entries(cells, row.span)


def _choice(cell: Tree, axes: Axes, problems: Problems) -> Choice | None:
    """The names in a cell, if one axis after the other has them."""
    text = cell.value if isinstance(cell, Scalar) else None
    if not isinstance(text, str):
        hint = ""
        if isinstance(cell, Scalar):
            said = "" if cell.value is None else cell.span.text
            hint = f'variants are text: write "{said}"'
        problems.add("E209", "the cell names no variants", cell.span, hint)
        return None
    choice = tuple(filter(None, text.split(":")))
    at = -1
    for name in choice:
        axis = next((number for number, axis in enumerate(axes) if name in axis), None)
        if axis is None:
            known = [name for axis in axes for name in axis]
            hint = did_you_mean(name, known)
            problems.add("E202", f"there is no variant '{name}'", cell.span, hint)
            return None
        if axis <= at:
            message = f"'{text}' is not in the order of the axes, one variant of each"
            problems.add("E202", message, cell.span)
            return None
        at = axis
    return choice
