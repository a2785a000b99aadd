"""Charts as the plain data that Plotly draws; colours are the script's, for light and for dark."""

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from archspec import tables

Record: TypeAlias = Mapping[str, Any]

CHARTED = {"params": "parameters", "macs": "MACs", "peak_memory": "peak memory"}
"""What there is a chart of, and its title."""
_ROW = 22
"""Pixels of a bar."""


class Chart(NamedTuple):
    """A chart with what it says in words.

    Args:
        id: in the page.
        title: above it.
        summary: the alternative for who does not see it.
        figure: JSON of `data` and `layout`.
        height: pixels.
    """

    id: str
    title: str
    summary: str
    figure: str
    height: int


def per_row(rows: Sequence[Record], prefix: str) -> tuple[Chart, ...]:
    """Where parameters, multiply-accumulates and memory go."""
    names = [row["row"] for row in rows]
    return tuple(
        bars(f"{prefix}-{key}", title, names, [row[key] for row in rows], key)
        for key, title in CHARTED.items()
    )


def bars(chart: str, title: str, names: Sequence[str], values: Sequence[int], key: str) -> Chart:
    """A bar for each name, one below the other."""
    most = max(range(len(values)), key=lambda place: values[place])
    share = values[most] / sum(values) if sum(values) else 0.0
    of_all = "" if key == "peak_memory" else f", {share:.0%} of all"
    texts = [_text(value, key) for value in values]
    data = {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        "y": [f"{number}" for number in range(len(names))],
        "text": texts,
        "textposition": "auto",
        "insidetextanchor": "end",
        "hovertext": [f"{_plain(name)}: {text}" for name, text in zip(names, texts, strict=True)],
        "hoverinfo": "text",
        "cliponaxis": False,
    }
    height = 34 + _ROW * len(names)
    layout = {
        "height": height,
        "margin": {"l": 10, "r": 56, "t": 6, "b": 24},
        "bargap": 0.25,
        "yaxis": {
            "autorange": "reversed",
            "automargin": True,
            "type": "category",
            "tickvals": [f"{number}" for number in range(len(names))],
            "ticktext": [_plain(_cut(name)) for name in names],
        },
        "xaxis": {"rangemode": "tozero", "tickangle": 0, **_ticks(max(values), key)},
    }
    return Chart(
        chart,
        title,
        f"Bar chart of {title}. Most: {names[most]}, {texts[most]}{of_all}.",
        json.dumps({"data": [data], "layout": layout}),
        height,
    )


def _ticks(most: int, key: str) -> Record:
    """Numbers along an axis: of bytes in units of 1024, of all else in thousands."""
    if not in_bytes(key):
        return {"tickformat": "~s", "nticks": 4}
    unit, name = 1, "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if most >= 2 * unit * 1024:
            unit, name = unit * 1024, larger
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if step * unit * 3 >= most)
    places = range(most // (step * unit) + 1)
    return {
        "tickvals": [place * step * unit for place in places],
        "ticktext": [f"{place * step} {name}" for place in places],
    }


def in_bytes(key: str) -> bool:
    """Whether a column is one of bytes."""
    return key in {"peak_memory", "moved"} or key.startswith("weights")


def _text(value: int, key: str) -> str:
    return tables.shown(tables.Bytes(value)) if in_bytes(key) else f"{value:,}"


def _cut(name: str) -> str:
    """A name as an axis has room for it."""
    return name if len(name) <= 28 else f"{name[:27]}…"  # noqa: PLR2004


def _plain(text: str) -> str:
    """A text in which Plotly finds no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
