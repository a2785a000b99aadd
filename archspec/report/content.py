"""What a report shows, as plain values: what is in the templates are loops, no decisions."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any, NamedTuple, TypeAlias

from archspec import api, tables, views
from archspec.backends import cost, diagram
from archspec.backends.cost import Precision
from archspec.comparison import diff
from archspec.graph import Graph
from archspec.report.charts import CHARTED, Chart, bars, in_bytes, per_row
from archspec.report.sheets import Sheet, sheet, sides, worded
from archspec.spec import Spec
from archspec.views.differences import fit
from archspec.views.differences import rows as changed_rows

Path: TypeAlias = str | PathLike[str]
Record: TypeAlias = Mapping[str, Any]

SHORT = (
    "row", "block", "repeats", "says", "output", "params", "macs", "peak_memory", "weights_int8",
    "receptive_field", "stride",
)  # fmt: skip
"""The columns that are read first; a second table has the others."""
COMPARED = (
    "params", "macs", "peak_memory", "weights_fp32", "weights_fp16", "weights_int8", "moved",
    "intensity",
)  # fmt: skip

LISTED = 200
"""Points that are listed, here and in the script."""


class Tile(NamedTuple):
    """One number that is shown large."""

    name: str
    text: str
    note: str


class Net(NamedTuple):
    """One spec of a report."""

    id: str
    title: str
    source: str
    conditions: str
    tiles: tuple[Tile, ...]
    table: Sheet
    more: Sheet
    shares: Sheet
    svg: Any
    charts: tuple[Chart, ...]


class Difference(NamedTuple):
    """What differs between two specs.

    Args:
        title: of both.
        note: whether they are the same net, and which weights of the one fit the other.
        rows: those that are not as they were.
    """

    title: str
    note: str
    rows: Sheet | None


class Sweep(NamedTuple):
    """The result of a sweep.

    Args:
        note: how many points there are, and how many are shown.
        figure: what the script plots, JSON.
        columns: name of each column that can be plotted, and what it is called.
        x: which is plotted first to the right.
        y: and upwards.
        head: name of each column of `best`.
        best: the points on the line that is drawn first; the script replaces them.
    """

    note: str
    figure: str
    columns: tuple[tuple[str, str], ...]
    x: str
    y: str
    head: tuple[str, ...]
    best: tuple[tuple[str, ...], ...]


def contents(
    specs: Sequence[Spec], sweep: Path | None, batch: int, precision: Precision
) -> dict[str, Any]:
    """What the templates take."""
    graphs = [api.to_graph(spec) for spec in specs]
    costs = [cost.emit(graph, batch=batch, precision=precision) for graph in graphs]
    found = [views.costs(spec, one) for spec, one in zip(specs, costs, strict=True)]
    nets = [
        _net(number, spec, graph, record)
        for number, (spec, graph, record) in enumerate(zip(specs, graphs, found, strict=True), 1)
    ]
    several = len(specs) > 1
    return {
        "title": ", ".join(spec.title for spec in specs),
        "nets": nets,
        "compared": _compared(found) if several else None,
        "difference": _difference(*specs) if len(specs) == 2 else None,  # noqa: PLR2004
        "charts": _comparisons(found) if several else (),
        "sweep": _sweep(sweep) if sweep else None,
    }


def _difference(before: Spec, after: Spec) -> Difference:
    found = diff(before, after)
    title = f"{found.a} → {found.b}"
    if found.same:
        return Difference(title, "The same net.", None)
    records = changed_rows(found)
    note = f"Costs are those of one image in fp32. {fit(found)}."
    return Difference(title, note, sheet(f"What differs: {title}", records, tuple(records[0])))


def _sweep(path: Path) -> Sweep:
    from archspec.report.points import read  # noqa: PLC0415  numpy and pyarrow

    points = read(path)
    shown = len(points.rows)
    said = [f"{points.total:,} point{'s' * (points.total != 1)} of {fspath(path)}"]
    if points.left:
        said.append(f"not plotted, for a value is missing or no number below 2^53: {points.left:,}")
    if points.words:
        said.append(f"not plotted, for not all in it are numbers: {', '.join(points.words)}")
    if shown < points.total - points.left:
        said.append(f"{shown:,} of them are shown: the best in any two values, and a sample of all")
    if not points.whole:
        said.append("where two values grow together, only some of the best are")
    return Sweep(
        note="; ".join(said),
        figure=points.figure,
        columns=tuple((name, worded(name)) for name in points.values),
        x=points.first[0],
        y=points.first[1],
        head=points.columns,
        best=tuple(tuple(map(_listed, points.rows[place])) for place in points.best[:LISTED]),
    )


def _listed(value: object) -> str:
    """A value as the script lists it."""
    return tables.shown(int(value) if isinstance(value, float) and value.is_integer() else value)


def _net(number: int, spec: Spec, graph: Graph, record: Record) -> Net:
    from markupsafe import Markup  # noqa: PLC0415  with jinja2

    rows: Sequence[Record] = record["rows"]
    total = {**record["total"], "row": "in all"}
    others = [key for key in rows[0] if key not in SHORT]
    images = "1 image" if record["batch"] == 1 else f"{record['batch']} images"
    return Net(
        id=f"net{number}",
        title=spec.title,
        source=spec.source,
        conditions=f"{images} of {sides(spec.input)}, activations in {record['precision']}",
        tiles=_tiles(record["total"]),
        table=sheet(f"The rows of {spec.title}", rows, SHORT, total),
        more=sheet(f"More numbers of {spec.title}", rows, ("row", *others), total),
        shares=_shares(spec.title, rows, record["total"]),
        svg=Markup(diagram.emit(graph)),  # noqa: S704  escaped where it is made
        charts=per_row(rows, f"net{number}"),
    )


def _tiles(total: Record) -> tuple[Tile, ...]:
    size = {key: _bytes(total[key]) for key in total if in_bytes(key)}
    return (
        Tile(
            "parameters",
            _short(total["params"]),
            f"{total['params']:,}; {total['trainable']:,} trainable",
        ),
        Tile("MACs", _short(total["macs"]), f"{total['macs']:,}; {total['flops']:,} FLOPs"),
        Tile("peak memory", size["peak_memory"], f"of activations, at {total['peak_node']}"),
        Tile(
            "weights",
            size["weights_fp32"],
            f"fp32; {size['weights_fp16']} fp16, {size['weights_int8']} int8",
        ),
        Tile(
            "intensity",
            f"{total['intensity']:.3g}",
            f"FLOPs a byte; {size['moved']} are moved",
        ),
    )


def _shares(title: str, rows: Sequence[Record], total: Record) -> Sheet:
    """The charts in numbers, with how much of all each row takes; of memory, of the most."""
    keys = [word for key in CHARTED for word in (key, f"{key}_share")]
    records = [
        {
            "row": row["row"],
            **{key: row[key] for key in CHARTED},
            **{f"{key}_share": row[key] / max(total[key], 1) for key in CHARTED},
        }
        for row in rows
    ]
    return sheet(f"What each row of {title} takes", records, ("row", *keys))


def _compared(found: Sequence[Record]) -> Sheet:
    records = [
        {
            "spec": record["spec"],
            "input": record["input"],
            "rows": len(record["rows"]),
            **{key: record["total"][key] for key in COMPARED},
            "receptive_field": _seen(record["rows"]),
        }
        for record in found
    ]
    return sheet("The specs in all", records, tuple(records[0]))


def _seen(rows: Sequence[Record]) -> Any:  # noqa: ANN401  a pair
    """The receptive field of the last row that does not see all of the image."""
    return next((row["receptive_field"] for row in reversed(rows) if row["receptive_field"]), None)


def _comparisons(found: Sequence[Record]) -> tuple[Chart, ...]:
    names = [record["spec"] for record in found]
    keys = ("params", "macs", "peak_memory", "weights_int8")
    return tuple(
        bars(f"compared-{key}", worded(key), names, [record["total"][key] for record in found], key)
        for key in keys
    )


def _bytes(size: int) -> str:
    return tables.shown(tables.Bytes(size))


def _short(number: int) -> str:
    """Three digits: 3.54 M."""
    size, units = float(number), ["T", "G", "M", "k", ""]
    unit = units.pop()
    while size >= 999.5 and units:  # noqa: PLR2004  which would be shown as 1e+03
        size, unit = size / 1000, units.pop()
    return f"{size:.3g} {unit}".rstrip()
