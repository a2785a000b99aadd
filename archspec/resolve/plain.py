"""A merged tree as the plain data of a spec file, which loads again."""

from typing import Any

from archspec.resolve.tree import COLUMNS, ROWS, entries_of
from archspec.schema import LEADING
from archspec.source import Entries, Items, Tree, plain
from archspec.spec import SECTIONS


def as_data(tree: Entries) -> dict[str, Any]:
    """A spec file without `extends`, `variants` and edits, rows as mappings with names."""
    data: dict[str, Any] = {}
    for key, value in tree:
        if key in SECTIONS and isinstance(value, Entries):
            table = {word: _data(inner) for word, inner in value if word not in {ROWS, COLUMNS}}
            rows = [
                {"name": name, **_data(entry.value)}
                for name, entry in entries_of(value.get(ROWS)).items()
            ]
            data[key] = {**table, "rows": rows} if table else rows
        else:
            data[key] = _data(value)
    return data


def _data(tree: Tree) -> Any:  # noqa: ANN401
    """Plain data; a scalar under a mapping stays the leading field that it is."""
    if isinstance(tree, Items):
        return [_data(item) for item in tree.items]
    if isinstance(tree, Entries):
        return {key: _data(value) for key, value in tree if key != LEADING} | _leading(tree)
    return plain(tree)


def _leading(tree: Entries) -> dict[str, Any]:
    short = tree.get(LEADING)
    return {} if short is None else {LEADING: plain(short)}
