"""Trees with named rows: the form in which specs are merged and addressed.

In this form a section is a mapping: its table defaults, and under `rows` the rows by name. So one
path grammar and one merge serve `extends`, `variants`, `change` and `--set`.
"""

import re
from collections.abc import Iterator, Mapping

from archspec.errors import Problems, Span
from archspec.schema import LEADING, NAME, wrong
from archspec.source import Entries, Entry, Items, Scalar, Tree
from archspec.spec import SECTIONS

ROWS, COLUMNS, BLOCK = "rows", "columns", "block"
_TAKEN = {ROWS, COLUMNS, BLOCK, "name", "inputs", "from", "cycle"}
"""What no row can be called."""
MAX_WORDS = 8
"""Of a path."""
Path = tuple[str, ...]


def entries_of(tree: Tree | None) -> Mapping[str, Entry]:
    """The entries of a mapping; none of anything else."""
    return tree.entries if isinstance(tree, Entries) else {}


def said(tree: Entries, key: str) -> Tree | None:
    """The value at a key, None where nothing or `~` stands."""
    value = tree.get(key)
    return None if isinstance(value, Scalar) and value.value is None else value


def with_entry(tree: Entries, key: Scalar, value: Tree) -> Entries:
    """The mapping with one entry set."""
    return Entries({**tree.entries, str(key.value): Entry(key, value)}, tree.span)


def without(tree: Entries, keys: set[str]) -> Entries:
    """The mapping less some keys."""
    return Entries(
        {key: entry for key, entry in tree.entries.items() if key not in keys}, tree.span
    )


def merge(below: Tree | None, above: Tree) -> Tree:
    """Lay `above` over `below`: mappings merge, all else replaces, and so do tables with rows."""
    if not isinstance(above, Entries) or below is None or _is_value(above) or ROWS in above.entries:
        return above
    merged = dict(as_mapping(below, above.span).entries)
    for key, entry in above.entries.items():
        old = merged.get(key)
        merged[key] = Entry(entry.key, merge(old.value if old else None, entry.value))
    return Entries(merged, above.span)


def _is_value(tree: Entries) -> bool:
    return "from" in tree.entries or "cycle" in tree.entries


def as_mapping(tree: Tree | None, span: Span) -> Entries:
    """What a field can be set in: a scalar becomes the leading field of a mapping."""
    if isinstance(tree, Entries) and not _is_value(tree):
        return tree
    if isinstance(tree, Scalar) and tree.value is not None:
        return Entries({LEADING: Entry(Scalar(LEADING, tree.span), tree)}, tree.span)
    return Entries({}, span)


def nested(key: Scalar, value: Tree) -> tuple[Scalar, Tree]:
    """An entry with a dotted key as one that holds mappings: `se.ratio: 1` is `se: {ratio: 1}`."""
    first, *rest = str(key.value).split(".", MAX_WORDS)
    for word in reversed(rest):
        value = Entries({word: Entry(Scalar(word, key.span), value)}, key.span)
    return Scalar(first, key.span), value


def undotted(tree: Entries) -> Entries:
    """The mapping with its dotted keys nested, at its top level."""
    result: dict[str, Entry] = {}
    for name, entry in tree.entries.items():
        if "." not in name:
            key, value = entry.key, entry.value
        else:
            key, value = nested(entry.key, entry.value)
        word = name if "." not in name else str(key.value)
        _add(result, word, Entry(key, value))
    return Entries(result, tree.span)


def _add(row: dict[str, Entry], word: str, entry: Entry) -> None:
    """Add what is said of a parameter; a scalar and its fields go together in any order."""
    old, new = row[word].value if word in row else None, entry.value
    if isinstance(old, Entries) and isinstance(new, Scalar):
        old, new = new, old
    row[word] = Entry(entry.key, merge(old, new))


def with_named_rows(tree: Entries, problems: Problems) -> Entries:
    """The body of a file or a variant with each section in its addressable form."""
    result = dict(tree.entries)
    for section in SECTIONS:
        entry = result.get(section)
        if entry is not None:
            result[section] = Entry(entry.key, _section(section, entry.value, problems))
    if (defaults := tree.get("defaults")) is not None and isinstance(defaults, Entries):
        result["defaults"] = Entry(result["defaults"].key, undotted(defaults))
    return Entries(result, tree.span)


def _section(section: str, tree: Tree, problems: Problems) -> Entries:
    if isinstance(tree, Items):
        tree = Entries({ROWS: Entry(Scalar(ROWS, tree.span), tree)}, tree.span)
    assert isinstance(tree, Entries)  # noqa: S101  the skeleton lets nothing else through
    table = undotted(tree)
    rows = table.get(ROWS)
    if rows is None:
        return without(table, {ROWS})
    named = named_rows(section, rows, table, problems)
    check_dead_text(table, named.entries, problems)
    return with_entry(table, table.entries[ROWS].key, named)


def check_dead_text(table: Entries, rows: Mapping[str, Entry], problems: Problems) -> None:
    """A table default that every row overrides is text that does nothing."""
    for path, span in leaves(without(table, {ROWS, COLUMNS})):
        if is_dead(path, rows):
            message = f"every row says '{'.'.join(path)}' itself; this default does nothing"
            problems.add("E207", message, span)


def is_dead(path: Path, rows: Mapping[str, Entry]) -> bool:
    """Whether every row says a path itself, so that a default of the table does nothing."""
    return bool(rows) and all(_says(row.value, path) for row in rows.values())


def _says(row: Tree, path: Path) -> bool:
    for word in path:
        entry = entries_of(row).get(word)
        if entry is None:
            return False
        row = entry.value
    return isinstance(row, Items) or (isinstance(row, Scalar) and row.value is not None)


def named_rows(
    section: str, rows: Tree, table: Entries, problems: Problems, *, must_name: bool = False
) -> Entries:
    """Rows by name: as they say, else s1, s2, … in stages and conv, conv2, … elsewhere."""
    result: dict[str, Entry] = {}
    if not isinstance(rows, Items):
        wrong(ROWS, rows, "a list of rows", problems)
        return Entries({}, rows.span)
    columns = _columns(table, problems)
    for number, item in enumerate(rows.items, 1):
        row = _row(item, columns, problems)
        if row is None:
            continue
        if must_name and said(row, "name") is None:
            hint = "names of rows never shift"
            problems.add("E209", "an inserted row needs a name", row.span, hint)
            continue
        key = _name(section, row, table, number, result, problems)
        if key is None:
            continue
        name = str(key.value)
        if name in result:
            hint = "a row that says no name is called by its place" if key.span == row.span else ""
            problems.add("E209", f"two rows are called '{name}'", key.span, hint)
        result[name] = Entry(key, without(row, {"name"}))
    return Entries(result, rows.span)


def rows_in(tree: Tree, problems: Problems) -> Iterator[Entries]:
    """The rows of a table in which they need no names."""
    table = tree if isinstance(tree, Entries) else Entries({}, tree.span)
    rows = table.get(ROWS) if isinstance(tree, Entries) else tree
    if not isinstance(rows, Items):
        wrong(ROWS, rows or tree, "a list of rows", problems)
        return
    columns = _columns(table, problems)
    for item in rows.items:
        row = _row(item, columns, problems)
        if row is not None:
            yield row


def _columns(table: Entries, problems: Problems) -> list[Scalar] | None:
    columns = table.get(COLUMNS)
    if columns is None:
        return None
    if not isinstance(columns, Items):
        wrong(COLUMNS, columns, "a list of paths", problems)
        return None
    found: list[Scalar] = []
    for item in columns.items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str) or not item.value:
            wrong(COLUMNS, item, "paths such as expansion or se.ratio", problems, "has")
        elif any(item.value == other.value for other in found):
            problems.add("E106", f"column '{item.value}' stands twice", item.span)
        else:
            found.append(item)
            continue
        found.append(Scalar("", item.span))
    return found


def _row(item: Tree, columns: list[Scalar] | None, problems: Problems) -> Entries | None:
    if isinstance(item, Entries):
        return undotted(item)
    if isinstance(item, Scalar):
        problems.add("E105", "a row is a mapping, or a list of cells under 'columns'", item.span)
        return None
    if columns is None:
        problems.add("E111", "a row that is a list needs 'columns' in its table", item.span)
        return None
    if len(item.items) != len(columns):
        names = ", ".join(str(column.value) for column in columns)
        message = f"the row has {len(item.items)} cells for {len(columns)} columns"
        problems.add("E111", message, item.span, f"the columns are {names}; ~ leaves a cell unsaid")
        return None
    row: dict[str, Entry] = {}
    for column, cell in zip(columns, item.items, strict=True):
        if not column.value or (isinstance(cell, Scalar) and cell.value is None):
            continue
        key, value = nested(column, cell)
        _add(row, str(key.value), Entry(key, value))
    return Entries(row, item.span)


def _name(
    section: str,
    row: Entries,
    table: Entries,
    number: int,
    taken: Mapping[str, Entry],
    problems: Problems,
) -> Scalar | None:
    own = said(row, "name")
    if own is not None:
        return own if isinstance(own, Scalar) and _is_name(own, problems) else None
    if section == "stages":
        return Scalar(f"s{number}", row.span)
    block = said(row, BLOCK) or said(table, BLOCK)
    # A row without a block is reported where blocks are looked up.
    word = block.value if isinstance(block, Scalar) and isinstance(block.value, str) else "row"
    names = (word if count == 1 else f"{word}{count}" for count in range(1, number + 1))
    return Scalar(next((name for name in names if name not in taken), f"{word}{number}"), row.span)


def _is_name(tree: Tree, problems: Problems) -> bool:
    name = tree.value if isinstance(tree, Scalar) else None
    if not isinstance(name, str) or not re.match(NAME, name):
        message = "a row's name is letters, digits and _, a letter first"
        problems.add("E209", message, tree.span)
        return False
    if name in _TAKEN:
        hint = "a path could not tell it from a key of its table"
        problems.add("E209", f"a row cannot be called '{name}'", tree.span, hint)
        return False
    return True


def rows_of(tree: Entries, section: str) -> Mapping[str, Entry]:
    """The rows of a section by name."""
    table = tree.get(section)
    return entries_of(table.get(ROWS)) if isinstance(table, Entries) else {}


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Span]]:
    """The paths that a body writes, rows under their own names."""
    if isinstance(tree, Entries) and tree.entries and not _is_value(tree):
        for key, value in tree:
            yield from leaves(value, (*path, key))
    else:
        yield path, tree.span
