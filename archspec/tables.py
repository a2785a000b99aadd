"""Rows of values as an aligned table, JSON, CSV or HTML; numbers for people and for programs."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from shutil import get_terminal_size
from typing import Any, Literal, TypeAlias, cast

Format: TypeAlias = Literal["text", "json", "csv", "markdown", "html"]
Record: TypeAlias = Mapping[str, Any]

WIDE = 10_000
"""Columns of a pipe: nothing is cut that a program may read."""
_GAP = 3
"""Between two columns."""
_KIB = 1024
_FOLDED = 24
"""Columns that words get where a terminal is narrow."""


class Bytes(int):
    """A number of bytes, which people read as KiB or MiB and programs as it is."""


class Signed(int):
    """What a number has grown by."""


class SignedBytes(Bytes):
    """What a number of bytes has grown by."""


def render(records: Sequence[Record], style: Format, total: Record | None = None) -> str:
    """Records of the same keys in one of the formats, without a line end at the end.

    Args:
        records: one a line; in text numbers are grouped and stand to the right, and on a terminal
            words that do not fit take several lines.
        style: of the output.
        total: a last line of the text, under a rule, and of HTML.
    """
    if style == "json":
        return json.dumps(records, indent=2)
    if style == "csv":
        return _csv(records)
    if style == "markdown":
        return _markdown(records)
    if style == "html":
        return _html(records, total)
    return _text(records, total)


def _csv(records: Sequence[Record]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = list(records[0]) if records else []
    writer.writerow(keys)
    writer.writerows([[plain(record[key]) for key in keys] for record in records])
    return out.getvalue().removesuffix("\n")


def _markdown(records: Sequence[Record]) -> str:
    lines = [list(record.values()) for record in records]
    keys = list(records[0]) if records else []
    return "\n".join(
        f"| {' | '.join(shown(value) for value in line)} |"
        for line in (keys, ["---"] * len(keys), *lines)
    )


def _html(records: Sequence[Record], total: Record | None) -> str:
    """A plain table; each cell says its side itself, for notebooks put all to the right."""
    everything = [*records, *([total] if total else [])]
    keys = list(everything[0]) if everything else []
    numeric = [_is_numeric([record[key] for record in everything]) for key in keys]
    sides = ["right" if is_number else "left" for is_number in numeric]

    def line(values: Iterable[object], tag: str = "td") -> str:
        cells = (
            f'<{tag} style="text-align: {side}">{escape(shown(value))}</{tag}>'
            for value, side in zip(values, sides, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    body = [line(record[key] for key in keys) for record in records]
    foot = [f"<tfoot>{line(total[key] for key in keys)}</tfoot>"] if total else []
    head = f"<thead>{line(keys, 'th')}</thead>"
    return "\n".join(["<table>", head, "<tbody>", *body, "</tbody>", *foot, "</table>"])


def _text(records: Sequence[Record], total: Record | None) -> str:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  rich is loaded when something is drawn
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    everything = [*records, *([total] if total else [])]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    needed = -_GAP
    for key in everything[0] if everything else ():
        values = [record[key] for record in everything]
        least = _least(key, values)
        needed += least + _GAP
        justify = "right" if _is_numeric(values) else "left"
        table.add_column(key, justify=justify, min_width=least)
    for record in records:
        table.add_row(*(Text(shown(value)) for value in record.values()))
    if total:
        table.add_section()
        table.add_row(*(Text(shown(value)) for value in total.values()))
    out = io.StringIO()
    width = max(get_terminal_size().columns, needed) if sys.stdout and sys.stdout.isatty() else WIDE
    Console(file=out, width=width, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def _is_numeric(values: Sequence[object]) -> bool:
    return all(isinstance(value, int | float) or value == "" for value in values)


def _least(key: str, values: Sequence[object]) -> int:
    """Columns that a column needs: all of it, unless it has words that may go to a next line."""
    widest = max(len(key), *(len(shown(value)) for value in values))
    folds = any(isinstance(value, str) and " " in value for value in values)
    return min(widest, _FOLDED) if folds else widest


def shown(value: object) -> str:
    """A value for people: 3538984 is 3,538,984.

    >>> shown(3538984), shown((112, 112, 32)), shown(Bytes(6021120)), shown(Signed(1000))
    ('3,538,984', '112x112x32', '5.74 MiB', '+1,000')
    """
    if isinstance(value, SignedBytes):
        sign = "+" if value > 0 else "-" if value < 0 else ""
        return f"{sign}{_with_unit(abs(value))}"
    if isinstance(value, Bytes):
        return _with_unit(value)
    if isinstance(value, Signed):
        return f"{value:+,}" if value else "0"
    return f"{value:,}" if isinstance(value, int) else plain(value)


def _with_unit(number: int) -> str:
    """In the largest unit of which there is one, to three digits."""
    units = ["GiB", "MiB", "KiB", "B"]
    size, unit = float(number), units.pop()
    while size >= _KIB and units:
        size, unit = size / _KIB, units.pop()
    whole = unit == "B" or size >= 100  # noqa: PLR2004  three digits
    return f"{size:,.0f} {unit}" if whole else f"{f'{size:#.3g}'.rstrip('.')} {unit}"


def plain(value: object) -> str:
    """A value for programs: a shape 112x112x32, words `a, b`, a mapping `a: 1, b: 2`, no None.

    >>> plain(3538984), plain((112, 112, 32)), plain(["keras:MobileNet", "timm:lcnet_050"])
    ('3538984', '112x112x32', 'keras:MobileNet, timm:lcnet_050')
    """
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        items = cast("Sequence[object]", value)
        gap = ", " if any(isinstance(item, str) for item in items) else "x"
        return gap.join(map(str, items))
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return ", ".join(f"{key}: {item}" for key, item in pairs)
    return str(value)
