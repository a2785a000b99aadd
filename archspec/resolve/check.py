"""Checks the tables and `defaults` of a merged spec cell by cell, before anything is computed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from archspec.errors import Problems, Span, did_you_mean, quoted
from archspec.parameters import Parameter, RowKeys, parameters_of
from archspec.resolve.tree import BLOCK, COLUMNS, ROWS, entries_of, rows_of, said
from archspec.schema import check_value, wrong
from archspec.source import Entries, Entry, Items, Scalar, Tree, plain
from archspec.spec import SECTIONS, Section

INPUTS = "inputs"
_ROW_WORDS = (BLOCK, INPUTS)
FEW = 8
"""So many words a message lists."""


class Line(NamedTuple):
    """A row of the merged spec whose block is known.

    Args:
        section: where it stands.
        name: of the row.
        block: of its block.
        row: what it says.
        table: what its table says, without the rows.
    """

    section: Section
    name: str
    block: str
    row: Entries
    table: Entries


def lines(spec: Entries, blocks: Mapping[str, type[Any]], problems: Problems) -> list[Line]:
    """Every row in order, checked; what is wrong goes to `problems`."""
    found: list[Line] = []
    for section in SECTIONS:
        table = spec.get(section)
        if not isinstance(table, Entries):
            continue
        here = list(_section(section, spec, table, blocks, problems))
        used = tuple(dict.fromkeys(line.block for line in here))
        # A block that nobody knows may have been meant to be any.
        meant = used if len(here) == len(rows_of(spec, section)) else tuple(blocks)
        _check_table(section, table, meant, blocks, problems)
        found += here
    if not found and not problems:
        hint = "it needs stages, or a variant that brings them"
        problems.add("E108", "the spec has no rows", spec.span, hint)
    _check_defaults(spec.get("defaults"), {line.block for line in found}, blocks, problems)
    return found


def _section(
    section: Section,
    spec: Entries,
    table: Entries,
    blocks: Mapping[str, type[Any]],
    problems: Problems,
) -> Iterable[Line]:
    for name, entry in rows_of(spec, section).items():
        row = entry.value
        if not isinstance(row, Entries):
            problems.add("E105", "a row is a mapping, or a list of cells under 'columns'", row.span)
            continue
        block = _block(row, table, blocks, problems)
        if block is not None:
            _check_row_name(entry.key, name, row, blocks[block], problems)
            _check_row(row, block, blocks[block], section, problems)
            yield Line(section, name, block, row, table)


def _block(
    row: Entries, table: Entries, blocks: Mapping[str, type[Any]], problems: Problems
) -> str | None:
    own = said(row, BLOCK) or said(table, BLOCK)
    if own is None:
        problems.add("E108", "the row has no 'block', nor has its table", row.span)
        return None
    name = plain(own)
    if not isinstance(name, str) or name not in blocks:
        hint = did_you_mean(str(name), blocks) or f"there are {', '.join(blocks)}"
        problems.add("E112", f"unknown block {quoted(name)}", own.span, hint)
        return None
    return name


def _check_row_name(
    key: Scalar, name: str, row: Entries, cls: type[Any], problems: Problems
) -> None:
    # A row called by its block's name wins where a path could mean both.
    if key.span != row.span and (name in parameters_of(cls) or name in parameters_of(RowKeys)):
        problems.add(
            "E209", f"a row cannot be called '{name}': that is a parameter of its block", key.span
        )


def _check_row(
    row: Entries, block: str, cls: type[Any], section: Section, problems: Problems
) -> None:
    known = {**parameters_of(cls), **parameters_of(RowKeys)}
    for key, entry in row.entries.items():
        if key == INPUTS:
            _check_inputs(entry.value, problems)
        elif key == "repeats" and section != "stages":
            _no_repeats(section, entry.value.span, problems)
        elif key in known:
            check_value(known[key], entry.value, key, problems)
        elif key not in _ROW_WORDS:
            # In a table of several blocks the column may be right and the cell wrong.
            is_cell = said(row, BLOCK) is not None and not _is_inside(entry.key.span, row.span)
            place = entry.value if is_cell and _is_inside(entry.value.span, row.span) else entry.key
            _unknown(key, place.span, block, cls, [*known, *_ROW_WORDS, "name"], problems)


def _no_repeats(section: str, span: Span, problems: Problems) -> None:
    problems.add("E212", f"a row of '{section}' stands once; repeats belong in stages", span)


def _is_inside(inner: Span, outer: Span) -> bool:
    begin, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return inner.source is outer.source and begin <= (inner.line, inner.column) < end


def _unknown(
    key: str, span: Span, block: str, cls: type[Any], known: Iterable[str], problems: Problems
) -> None:
    own = tuple(parameters_of(cls))
    few = f"it has {', '.join(own) or 'no parameters'}" if len(own) <= FEW else ""
    message = f"unknown parameter '{key}' of block '{block}'"
    problems.add("E104", message, span, did_you_mean(key, known) or few)


def _check_inputs(tree: Tree, problems: Problems) -> None:
    if isinstance(tree, Scalar) and tree.value is None:
        return
    items = tree.items if isinstance(tree, Items) else (tree,)
    if not items or not all(
        isinstance(item, Scalar) and isinstance(item.value, str) for item in items
    ):
        wanted = "a row, a part of one such as s6.1.expand, or a list of those"
        wrong(INPUTS, tree, wanted, problems)


def _check_table(
    section: str,
    table: Entries,
    used: Sequence[str],
    blocks: Mapping[str, type[Any]],
    problems: Problems,
) -> None:
    row_keys = parameters_of(RowKeys)
    for key, entry in table.entries.items():
        if key in {ROWS, COLUMNS, BLOCK}:
            continue
        accepting = _accepting(key, used, blocks)
        if key == "repeats" and section != "stages":
            _no_repeats(section, entry.value.span, problems)
        elif key in row_keys:
            check_value(row_keys[key], entry.value, key, problems)
        elif accepting:
            _check_all(accepting, entry, key, problems)
        elif key in blocks:
            _check_qualified(entry, key, blocks, problems)
        else:
            known = {word for name in used for word in parameters_of(blocks[name])} | set(row_keys)
            _unknown_in_table(section, entry.key, key, known | set(blocks), table, problems)


def _unknown_in_table(
    section: str, at: Scalar, key: str, known: set[str], table: Entries, problems: Problems
) -> None:
    rows = tuple(rows_of_table(table))
    if key in rows:
        message = f"'{key}' is a row of '{section}', not a parameter of its blocks"
        hint = f"set it by its path: change: {{{section}.{key}.kernel: 5}}"
    else:
        message = f"'{section}' has no row '{key}', and no block in it has such a parameter"
        near = did_you_mean(key, known | {ROWS, COLUMNS, BLOCK, *rows})
        hint = near or f"the rows are {', '.join(rows)}"
    problems.add("E104", message, at.span, hint)


def rows_of_table(table: Entries) -> Iterable[str]:
    """The names of its rows."""
    return entries_of(table.get(ROWS))


def _accepting(key: str, names: Iterable[str], blocks: Mapping[str, type[Any]]) -> list[Parameter]:
    return [
        parameters_of(blocks[name])[key] for name in names if key in parameters_of(blocks[name])
    ]


def _check_all(parameters: Iterable[Parameter], entry: Entry, key: str, problems: Problems) -> None:
    for parameter in {id(parameter): parameter for parameter in parameters}.values():
        before = len(problems)
        check_value(parameter, entry.value, key, problems)
        if len(problems) > before:
            return


def _check_qualified(
    entry: Entry, name: str, blocks: Mapping[str, type[Any]], problems: Problems
) -> None:
    if not isinstance(entry.value, Entries):
        problems.add(
            "E105", f"'{name}' is a block; wanted: a mapping of its parameters", entry.value.span
        )
        return
    known = parameters_of(blocks[name])
    for key, inner in entry.value.entries.items():
        if key in known:
            check_value(known[key], inner.value, f"{name}.{key}", problems)
        else:
            _unknown(key, inner.key.span, name, blocks[name], known, problems)


def _check_defaults(
    tree: Tree | None, used: Iterable[str], blocks: Mapping[str, type[Any]], problems: Problems
) -> None:
    for key, entry in entries_of(tree).items():
        # Blocks that the file does not use are imported only for a key that none of its own knows.
        of_block = key in blocks and isinstance(entry.value, Entries)
        accepting = _accepting(key, used, blocks)
        accepting = accepting or ([] if of_block else _accepting(key, blocks, blocks))
        if accepting:
            _check_all(accepting, entry, key, problems)
        elif key in blocks:
            _check_qualified(entry, key, blocks, problems)
        else:
            known = {word for name in blocks for word in parameters_of(blocks[name])} | set(blocks)
            message = f"no block has a parameter '{key}'"
            problems.add("E104", message, entry.key.span, did_you_mean(key, known))
