"""Tables of a report: each value as people read it and as programs do."""

import json
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple, TypeAlias, cast

from archspec import tables
from archspec.report.charts import in_bytes

Record: TypeAlias = Mapping[str, Any]

NUMBER = "number"
_SHARE = "_share"
_WORDS = {
    "params": "parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "peak_memory": "peak memory",
    "weights_fp32": "weights fp32",
    "weights_fp16": "weights fp16",
    "weights_int8": "weights int8",
    "receptive_field": "receptive field",
    "peak_node": "peak at",
}


class Cell(NamedTuple):
    """A value in a table.

    Args:
        text: for people.
        value: for programs, JSON: as `archspec show --format json` has it.
        order: what it is sorted by, a number or a text.
        look: "number", which stands to the right, "words", which may be broken, or "shape".
    """

    text: str
    value: str
    order: str
    look: str


class Column(NamedTuple):
    """The head of a column."""

    key: str
    text: str
    numeric: bool


class Sheet(NamedTuple):
    """A table."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()


def sheet(
    caption: str, records: Sequence[Record], keys: Sequence[str], total: Record | None = None
) -> Sheet:
    """Some columns of records as a table."""
    rows = tuple(tuple(cell(key, record[key]) for key in keys) for record in records)
    columns = tuple(
        Column(key, worded(key), all(row[place].look == NUMBER for row in rows))
        for place, key in enumerate(keys)
    )
    last = (
        tuple(cell(key, total[key]) if key in total else cell(key, "") for key in keys)
        if total
        else ()
    )
    return Sheet(caption, columns, rows, last)


def cell(key: str, value: Any) -> Cell:  # noqa: ANN401  of any column
    """A value as people and as programs read it."""
    if in_bytes(key) and isinstance(value, int):
        text = tables.shown(tables.Bytes(value))
    elif key.endswith(_SHARE):
        text = f"{value:.1%}"
    elif isinstance(value, float):
        text = f"{value:.4g}"
    elif key in {"input", "output", "receptive_field", "stride"}:
        text = sides(value) if value else "all" if value is None else ""
    else:
        text = tables.shown(value)
    if isinstance(value, int | float):
        return Cell(text, json.dumps(value), str(value), NUMBER)
    return Cell(
        text, json.dumps(value), _order(value), "words" if isinstance(value, str) else "shape"
    )


def _order(value: Any) -> str:  # noqa: ANN401  as above
    """Shapes are sorted by their size."""
    if isinstance(value, tuple):
        return f"{prod(cast('tuple[float, ...]', value)):g}"
    return "" if value is None else str(value)


def worded(key: str) -> str:
    """The name of a column for people."""
    return "share" if key.endswith(_SHARE) else _WORDS.get(key, key)


def sides(shape: Iterable[float]) -> str:
    """A shape for people: 112×112×32."""
    return "×".join(f"{side:g}" for side in shape)
