"""Charts as the plain data that Plotly draws; colours are the script's, for light and for dark."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from archspec import tables

Record: TypeAlias = Mapping[str, Any]

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
        for key, title in (
            ("params", "parameters"),
            ("macs", "MACs"),
            ("peak_memory", "peak memory"),
        )
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
        "hovertext": [f"{name}: {text}" for name, text in zip(names, texts, strict=True)],
        "hoverinfo": "text",
        "cliponaxis": False,
    }
    height = 46 + _ROW * len(names)
    layout = {
        "height": height,
        "margin": {"l": 10, "r": 56, "t": 6, "b": 36},
        "bargap": 0.25,
        "yaxis": {
            "autorange": "reversed",
            "automargin": True,
            "type": "category",
            "tickvals": [f"{number}" for number in range(len(names))],
            "ticktext": [_cut(name) for name in names],
        },
        "xaxis": {"rangemode": "tozero", "tickformat": "~s", "nticks": 5},
    }
    return Chart(
        chart,
        title,
        f"Bar chart of {title}. Most: {names[most]}, {texts[most]}{of_all}.",
        json.dumps({"data": [data], "layout": layout}),
        height,
    )


def _text(value: int, key: str) -> str:
    return (
        tables.shown(tables.Bytes(value))
        if key == "peak_memory" or "weights" in key
        else f"{value:,}"
    )


def _cut(name: str) -> str:
    """A name as an axis shows it; it may not be what Plotly takes for markup."""
    text = name if len(name) <= 28 else f"{name[:27]}…"  # noqa: PLR2004
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
