"""Trees with named rows: the form in which specs are merged and addressed.

In this form a section is a mapping: its table defaults, and under `rows` the rows by name. So one
path grammar and one merge serve `extends`, `variants`, `change` and `--set`.
"""

import re
from collections.abc import Iterator, Mapping

from archspec.errors import Problems, Span, did_you_mean, error, quoted
from archspec.schema import LEADING, NAME
from archspec.source import Entries, Entry, Items, Scalar, Tree
from archspec.spec import SECTIONS

ROWS, COLUMNS, BLOCK = "rows", "columns", "block"
Path = tuple[str, ...]


def entries_of(tree: Tree | None) -> Mapping[str, Entry]:
    """The entries of a mapping; none of anything else."""
    return tree.entries if isinstance(tree, Entries) else {}


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
    merged = dict(_as_mapping(below, above.span).entries)
    for key, entry in above.entries.items():
        old = merged.get(key)
        merged[key] = Entry(entry.key, merge(old.value if old else None, entry.value))
    return Entries(merged, above.span)


def _is_value(tree: Entries) -> bool:
    return "from" in tree.entries or "cycle" in tree.entries


def nested(key: Scalar, value: Tree) -> tuple[Scalar, Tree]:
    """An entry with a dotted key as one that holds mappings: `se.ratio: 1` is `se: {ratio: 1}`."""
    first, *rest = str(key.value).split(".")
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
        old = result.get(word)
        result[word] = Entry(key, merge(old.value, value) if old else value)
    return Entries(result, tree.span)


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
    _check_dead_text(table, named, problems)
    return with_entry(table, table.entries[ROWS].key, named)


def _check_dead_text(table: Entries, rows: Entries, problems: Problems) -> None:
    """A table default that every row overrides is text that does nothing."""
    for path, span in leaves(without(table, {ROWS, COLUMNS})):
        if rows.entries and all(_says(row, path) for _, row in rows):
            problems.add(
                "E207", f"every row says '{'.'.join(path)}' itself; this default does nothing", span
            )


def _says(row: Tree, path: Path) -> bool:
    for word in path:
        entry = entries_of(row).get(word)
        if entry is None:
            return False
        row = entry.value
    return not isinstance(row, Entries)


def named_rows(
    section: str, rows: Tree, table: Entries, problems: Problems, *, must_name: bool = False
) -> Entries:
    """Rows by name: as they say, else s1, s2, … in stages and conv, conv2, … elsewhere."""
    result: dict[str, Entry] = {}
    if not isinstance(rows, Items):
        problems.add("E105", "'rows' is a list of rows", rows.span)
        return Entries({}, rows.span)
    columns = _columns(table, problems)
    for number, item in enumerate(rows.items, 1):
        row = _row(item, columns, problems)
        if row is None:
            continue
        key = _name(section, row, table, number, result, problems)
        if must_name and row.get("name") is None:
            problems.add(
                "E209", "an inserted row needs a name", row.span, "names of rows never shift"
            )
        if key is None:
            continue
        name = str(key.value)
        if name in result:
            problems.add("E209", f"two rows are called '{name}'", key.span)
        result[name] = Entry(key, without(row, {"name"}))
    return Entries(result, rows.span)


def _columns(table: Entries, problems: Problems) -> list[Scalar] | None:
    columns = table.get(COLUMNS)
    if columns is None:
        return None
    if not isinstance(columns, Items):
        problems.add("E105", "'columns' is a list of paths", columns.span)
        return None
    found: list[Scalar] = []
    for item in columns.items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            problems.add("E105", "a column is a path such as expansion or se.ratio", item.span)
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
        if isinstance(cell, Scalar) and cell.value is None:
            continue
        key, value = nested(column, cell)
        old = row.get(str(key.value))
        row[str(key.value)] = Entry(key, merge(old.value, value) if old else value)
    return Entries(row, item.span)


def _name(
    section: str,
    row: Entries,
    table: Entries,
    number: int,
    taken: Mapping[str, Entry],
    problems: Problems,
) -> Scalar | None:
    said = row.get("name")
    if said is not None:
        if isinstance(said, Scalar) and isinstance(said.value, str) and re.match(NAME, said.value):
            return said
        hint = _text_hint(said)
        problems.add(
            "E209", "a row's name is letters, digits and _, a letter first", said.span, hint
        )
        return None
    if section == "stages":
        return Scalar(f"s{number}", row.span)
    block = row.get(BLOCK) or table.get(BLOCK)
    if not isinstance(block, Scalar) or not isinstance(block.value, str):
        return Scalar(
            f"row{number}", row.span
        )  # a row without a block is reported where blocks are looked up
    names = (
        block.value if count == 1 else f"{block.value}{count}" for count in range(1, number + 1)
    )
    return Scalar(
        next((name for name in names if name not in taken), f"{block.value}{number}"), row.span
    )


def _text_hint(tree: Tree) -> str:
    if isinstance(tree, Scalar) and isinstance(tree.value, int | float):
        return f'a name is text: write "{tree.span.text}"'
    return ""


def set_path(tree: Entries, path: Scalar, value: Tree) -> Entries:
    """The tree with a value at a path: `scaling.width`, `stages.s4.kernel`, `stages.*.channels`.

    Raises:
        SpecError: E204, the path addresses nothing; E210, a column of another length.
    """
    words = tuple(str(path.value).split("."))
    if not all(words):
        raise error("E204", f"{quoted(path.value)} is not a path", path.span)
    if words[0] in SECTIONS and len(words) > 1:
        return _set_in_section(tree, words, path, value)
    return _set(tree, words, path, value)


def _set(tree: Entries, words: Path, path: Scalar, value: Tree) -> Entries:
    word, *rest = words
    entry = tree.entries.get(word)
    old = entry.value if entry else None
    if rest:
        value = _set(_as_mapping(old, path.span), tuple(rest), path, value)
    else:
        value = merge(old, value)
    return with_entry(tree, entry.key if entry else Scalar(word, path.span), value)


def _as_mapping(tree: Tree | None, span: Span) -> Entries:
    """What a field can be set in: a scalar becomes the leading field of a mapping."""
    if isinstance(tree, Entries) and not _is_value(tree):
        return tree
    if isinstance(tree, Scalar) and tree.value is not None:
        return Entries({LEADING: Entry(Scalar(LEADING, tree.span), tree)}, tree.span)
    return Entries({}, span)


def _set_in_section(tree: Entries, words: Path, path: Scalar, value: Tree) -> Entries:
    section, word, *rest = words
    rows = rows_of(tree, section)
    if word != "*" and word not in rows:
        return _set(tree, words, path, value)
    if not rest:
        message = f"'{path.value}' is a row; a path goes on to what is set in it"
        raise error("E204", message, path.span)
    cells = {word: value} if word in rows else _cells(rows, path, value)
    for name, cell in cells.items():
        if not (isinstance(cell, Scalar) and cell.value is None and len(cells) > 1):
            tree = _set(tree, (section, ROWS, name, *rest), path, cell)
    return tree


def _cells(rows: Mapping[str, Entry], path: Scalar, value: Tree) -> Mapping[str, Tree]:
    """What a whole column sets in each row: one value for all, or a list with one for each."""
    if not isinstance(value, Items):
        return dict.fromkeys(rows, value)
    if len(value.items) != len(rows):
        message = f"'{path.value}' has {len(value.items)} values for {len(rows)} rows"
        hint = f"the rows are {', '.join(rows)}; ~ leaves a row as it is"
        raise error("E210", message, value.span, hint)
    return dict(zip(rows, value.items, strict=True))


def rows_of(tree: Entries, section: str) -> Mapping[str, Entry]:
    """The rows of a section by name."""
    table = tree.get(section)
    return entries_of(table.get(ROWS)) if isinstance(table, Entries) else {}


def _row_address(tree: Entries, address: Tree) -> tuple[str, str]:
    """Section and name of a row that `remove` or `insert` names.

    Raises:
        SpecError: E204, there is no such row.
    """
    words = str(address.value).split(".") if isinstance(address, Scalar) else []
    if len(words) == 2 and words[0] in SECTIONS and words[1] in rows_of(tree, words[0]):  # noqa: PLR2004
        return words[0], words[1]
    known = [f"{section}.{name}" for section in SECTIONS for name in rows_of(tree, section)]
    raise error(
        "E204",
        f"there is no row {quoted(address.span.text)}",
        address.span,
        did_you_mean(".".join(words), known),
    )


def remove_row(tree: Entries, address: Tree) -> Entries:
    """The tree less one row; the others keep their names."""
    section, name = _row_address(tree, address)
    return _with_rows(
        tree, section, {key: entry for key, entry in rows_of(tree, section).items() if key != name}
    )


def insert_rows(tree: Entries, edit: Entries, problems: Problems) -> Entries:
    """The tree with the rows of `{after: stages.s4, rows: […]}` put in; they must bring names."""
    after = edit.get("after")
    address = after if after is not None else edit.get("before")
    assert address is not None  # noqa: S101  the skeleton wants one of them
    section, name = _row_address(tree, address)
    table, rows = tree.get(section), edit.get(ROWS)
    assert isinstance(table, Entries)  # noqa: S101
    assert rows is not None  # noqa: S101
    new = named_rows(section, rows, table, problems, must_name=True).entries
    result: dict[str, Entry] = {}
    for key, entry in rows_of(tree, section).items():
        if key in new:
            problems.add("E209", f"there is a row '{key}' already", new[key].key.span)
        pair = {key: entry}
        result |= (
            pair if key != name else ({**pair, **new} if after is not None else {**new, **pair})
        )
    return _with_rows(tree, section, result)


def _with_rows(tree: Entries, section: str, rows: Mapping[str, Entry]) -> Entries:
    table = tree.get(section)
    assert isinstance(table, Entries)  # noqa: S101
    key = table.entries[ROWS].key
    return with_entry(
        tree, tree.entries[section].key, with_entry(table, key, Entries(rows, key.span))
    )


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Span]]:
    """The paths that a body writes, rows under their own names."""
    if isinstance(tree, Entries) and tree.entries and not _is_value(tree):
        for key, value in tree:
            yield from leaves(value, (*path, key))
    else:
        yield path, tree.span
