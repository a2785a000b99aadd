"""A merged tree as the plain data of a spec file, which loads again."""

from collections.abc import Iterable, Mapping
from typing import Any

from archspec.parameters import OFF, Document, Object, Parameter, RowKeys, parameters_of
from archspec.resolve.tree import BLOCK, COLUMNS, ROWS, entries_of
from archspec.schema import LEADING
from archspec.source import Entries, Items, Tree, plain
from archspec.spec import SECTIONS

Known = Mapping[str, Parameter]


def as_data(
    tree: Entries, blocks: Mapping[str, type[Any]], used: Iterable[str], equals: Mapping[str, str]
) -> dict[str, Any]:
    """A spec file without `extends`, `variants` and edits, its rows as mappings.

    Args:
        tree: merged and checked.
        blocks: block name → parameter class.
        used: names of the blocks that the rows have.
        equals: as it is resolved.
    """
    known: dict[str, Parameter] = {**parameters_of(RowKeys)}
    for name in used:
        known |= parameters_of(blocks[name])
    data: dict[str, Any] = {}
    for key, value in tree:
        if key in SECTIONS and isinstance(value, Entries):
            data[key] = _section(key, value, known)
        elif key == "defaults" and isinstance(value, Entries):
            data[key] = _mapping(value, known)
        elif key != "equals":
            data[key] = _data(value, parameters_of(Document).get(key))
    return {**data, "equals": dict(equals)} if equals else data


def _section(section: str, tree: Entries, known: Known) -> Any:  # noqa: ANN401
    """A list of rows, or a table where it has defaults."""
    table = {
        key: value for key, value in _mapping(tree, known).items() if key not in {ROWS, COLUMNS}
    }
    rows: list[dict[str, Any]] = []
    blocks: list[str] = []
    for number, (name, entry) in enumerate(entries_of(tree.get(ROWS)).items(), 1):
        row = _data(entry.value, None, known)
        block = str(row.get(BLOCK, table.get(BLOCK)))
        blocks.append(block)
        again = f"s{number}" if section == "stages" else f"{block}{_ordinal(blocks, block)}"
        # The name that the row would get by itself is not written: it may be a parameter's too.
        rows.append(row if name == again else {"name": name, **row})
    return {**table, ROWS: rows} if table else rows


def _ordinal(blocks: list[str], block: str) -> str:
    count = blocks.count(block)
    return "" if count == 1 else str(count)


def _mapping(tree: Entries, known: Known) -> dict[str, Any]:
    """Parameters, and blocks that hold parameters."""
    return {key: _data(value, known.get(key), known) for key, value in tree if key != ROWS}


def _data(tree: Tree, parameter: Parameter | None, known: Known | None = None) -> Any:  # noqa: ANN401
    """Plain data, with the name of the leading field where a scalar was merged with a mapping."""
    if isinstance(tree, Items):
        return [_data(item, None) for item in tree.items]
    if not isinstance(tree, Entries):
        return plain(tree)
    kind = parameter.kind if parameter else None
    if isinstance(kind, Object):
        short = tree.get(LEADING)
        if short is not None and plain(short) == OFF:
            return OFF
        named = {
            key or kind.leading: value
            for key, value in tree
            if key or kind.leading not in tree.entries
        }
        return {key: _data(value, kind.parameters.get(key)) for key, value in named.items()}
    return {key: _data(value, (known or {}).get(key), known) for key, value in tree}
