"""Rows of values as an aligned table, JSON or CSV; numbers for people and for programs."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

Format: TypeAlias = Literal["text", "json", "csv"]
Record: TypeAlias = Mapping[str, Any]

WIDE = 10_000
"""Columns of a pipe: nothing is cut that a program may read."""


def render(records: Sequence[Record], style: Format, total: Record | None = None) -> str:
    """Records of the same keys in one of the formats, without a line end at the end.

    Args:
        records: one a line; in text numbers are grouped and stand to the right.
        style: of the output.
        total: a last line of the text, under a rule.
    """
    if style == "json":
        return json.dumps(records, indent=2)
    if style == "csv":
        return _csv(records)
    return _text(records, total)


def _csv(records: Sequence[Record]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = list(records[0]) if records else []
    writer.writerow(keys)
    writer.writerows([[plain(record[key]) for key in keys] for record in records])
    return out.getvalue().rstrip("\n")


def _text(records: Sequence[Record], total: Record | None) -> str:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  rich is loaded when something is drawn
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    everything = [*records, *([total] if total else [])]
    keys = list(everything[0]) if everything else []
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for key in keys:
        values = [record[key] for record in everything]
        numeric = all(isinstance(value, int | float) or value == "" for value in values)
        table.add_column(key, justify="right" if numeric else "left", no_wrap=True)
    for record in records:
        table.add_row(*(Text(shown(record[key])) for key in keys))
    if total:
        table.add_section()
        table.add_row(*(Text(shown(total[key])) for key in keys))
    console = Console(file=io.StringIO(), width=WIDE, color_system=None)
    console.print(table)
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    return "\n".join(line.rstrip() for line in str(text).rstrip().splitlines())  # pyright: ignore[reportUnknownArgumentType]


def shown(value: object) -> str:
    """A value for people: 3 538 984 is 3,538,984, a shape 112 x 112 x 32."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    return plain(value)


def plain(value: object) -> str:
    """A value for programs: a shape 112x112x32, a mapping `a: 1, b: 2`, none for nothing."""
    if isinstance(value, tuple | list):
        return "x".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
