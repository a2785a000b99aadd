"""Edits of a tree with named rows: a value at a path, rows removed, rows inserted."""

from collections.abc import Mapping

from archspec.errors import Problems, did_you_mean, error, quoted
from archspec.resolve.tree import (
    COLUMNS,
    MAX_WORDS,
    ROWS,
    Path,
    as_mapping,
    merge,
    named_rows,
    rows_of,
    with_entry,
    with_named_rows,
)
from archspec.schema import SETTABLE, check_body
from archspec.source import Entries, Entry, Items, Scalar, Tree
from archspec.spec import SECTIONS


def set_path(tree: Entries, path: Scalar, value: Tree) -> Entries:
    """The tree with a value at a path: `scaling.width`, `stages.s4.kernel`, `stages.*.channels`.

    Raises:
        SpecError: E104, E204, the path addresses nothing; E210, a column of another length.
    """
    words = tuple(str(path.value).split("."))
    if not all(words) or len(words) > MAX_WORDS:
        raise error("E204", f"{quoted(path.value)} is not a path", path.span)
    if words[0] not in SETTABLE:
        raise error("E104", f"unknown key '{words[0]}'", path.span, _hint(tree, path, words[0]))
    if len(words) == 1:
        return _set_key(tree, path, value)
    if words[0] in SECTIONS:
        return _set_in_section(tree, words, path, value)
    return _set(tree, words, path, value)


def _hint(tree: Entries, path: Scalar, word: str) -> str:
    section = next((section for section in SECTIONS if word in rows_of(tree, section)), None)
    return f"did you mean '{section}.{path.value}'?" if section else did_you_mean(word, SETTABLE)


def _set_key(tree: Entries, path: Scalar, value: Tree) -> Entries:
    """A key of the spec is set as by a body that says it alone."""
    problems = Problems()
    body = Entries({str(path.value): Entry(path, value)}, value.span)
    body = with_named_rows(check_body(body, SETTABLE, problems), problems)
    problems.check()
    merged = merge(tree, body)
    assert isinstance(merged, Entries)  # noqa: S101  as both are
    return Entries(merged.entries, tree.span)


def _set(tree: Entries, words: Path, path: Scalar, value: Tree) -> Entries:
    word, *rest = words
    entry = tree.entries.get(word)
    old = entry.value if entry else None
    if rest:
        value = _set(as_mapping(old, path.span), tuple(rest), path, value)
    else:
        value = merge(old, value)
    return with_entry(tree, entry.key if entry else Scalar(word, path.span), value)


def _set_in_section(tree: Entries, words: Path, path: Scalar, value: Tree) -> Entries:
    section, word, *rest = words
    rows = rows_of(tree, section)
    if section not in tree.entries or word in {ROWS, COLUMNS} or (word == "*" and not rows):
        hint = f"the rows are {', '.join(rows)}" if rows else f"'{section}' has no rows"
        raise error("E204", f"'{path.value}' addresses nothing", path.span, hint)
    if word != "*" and word not in rows:
        return _set(tree, words, path, value)
    if not rest:
        what = "a row" if word in rows else "every row"
        message = f"'{path.value}' is {what}; a path goes on to what is set in it"
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


def _row_address(tree: Entries, address: Tree) -> tuple[str, str]:
    """Section and name of a row that `remove` or `insert` names.

    Raises:
        SpecError: E204, there is no such row.
    """
    words = str(address.value).split(".") if isinstance(address, Scalar) else []
    if len(words) == 2 and words[0] in SECTIONS and words[1] in rows_of(tree, words[0]):  # noqa: PLR2004
        return words[0], words[1]
    known = [f"{section}.{name}" for section in SECTIONS for name in rows_of(tree, section)]
    text = ".".join(words) or address.span.text
    whole = [f"did you mean '{name}'?" for name in known if name.endswith(f".{text}")]
    hint = whole[0] if whole else did_you_mean(text, known)
    raise error("E204", f"there is no row {quoted(text)}", address.span, hint)


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
