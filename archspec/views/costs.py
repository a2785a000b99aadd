"""What `show` prints: a table for people, records for programs."""

from collections.abc import Iterator, Sequence
from json import dumps
from typing import Any, Literal, TypeAlias

from archspec import tables
from archspec.backends.cost import Cost, RowCost
from archspec.parameters import RowKeys, parameters_of
from archspec.spec import Row, Spec
from archspec.views.words import formula, short, worded

Record: TypeAlias = dict[str, Any]


def show(spec: Spec, cost: Cost, style: Literal["text", "json", "csv"]) -> str:
    """What a resolved spec costs as a table with a summary, or for programs."""
    if style == "text":
        records, total = table(spec, cost)
        return "\n".join([tables.render(records, "text", total), "", *summary(cost)])
    found = costs(spec, cost)
    return dumps(found, indent=2) if style == "json" else tables.render(found["rows"], "csv")


def table(spec: Spec, cost: Cost) -> tuple[list[Record], Record]:
    """For people: a record for each row of a resolved spec, and their total.

    A row that no output needs has no shapes and costs nothing: its ops are not in the graph.
    """
    records = [{**_named(row), **_shown(mine)} for row, mine in _costs(spec, cost)]
    return records, _total(spec.title, records, cost)


def bare(cost: Cost) -> tuple[list[Record], Record]:
    """For people: as `table`, of a cost whose spec is not at hand."""
    records = [{"row": mine.row, **_shown(mine)} for mine in cost]
    return records, _total("all", records, cost)


def _shown(mine: RowCost) -> Record:
    return {
        "input": mine.input,
        "output": mine.output,
        "params": mine.params,
        "macs": mine.macs,
        "memory": tables.Bytes(mine.peak_memory),
        "field": _sides(mine.receptive_field, "all" if mine.output else ""),
        "stride": _sides(mine.stride, ""),
    }


def _total(name: str, records: Sequence[Record], cost: Cost) -> Record:
    memory = tables.Bytes(cost.peak_memory)
    said = {"row": name, "params": cost.params, "macs": cost.macs, "memory": memory}
    return {**dict.fromkeys(records[0] if records else said, ""), **said}


def summary(cost: Cost) -> list[str]:
    """For people: lines that say of all of a net what its table does not."""
    images = "1 image" if cost.batch == 1 else f"{cost.batch} images"
    sizes = cost.weights._asdict().items()
    said = {
        "params": f"{cost.trainable:,} trainable, {cost.statistics:,} statistics",
        "FLOPs": f"{cost.flops:,} for {images}, two for each multiply-accumulate",
        "weights": ", ".join(
            f"{tables.shown(tables.Bytes(size))} in {name}" for name, size in sizes
        ),
        "memory": f"{tables.shown(tables.Bytes(cost.peak_memory))} of activations in"
        f" {cost.precision}, at {cost.peak_node}",
        "intensity": f"{cost.intensity:.3g} FLOPs for each byte that is moved",
    }
    return [f"{name:<9}   {words}" for name, words in said.items()]


def costs(spec: Spec, cost: Cost) -> Record:
    """For programs: all that a resolved spec costs, in each row and in all, in whole numbers."""
    rows = [
        {
            **_named(row),
            "input": mine.input,
            "output": mine.output,
            **_figures(mine),
            "receptive_field": mine.receptive_field,
            "stride": mine.stride,
        }
        for row, mine in _costs(spec, cost)
    ]
    return {
        "spec": spec.title,
        "input": spec.input,
        "batch": cost.batch,
        "precision": cost.precision,
        "rows": rows,
        "total": {**_figures(cost), "peak_node": cost.peak_node},
    }


def _costs(spec: Spec, cost: Cost) -> Iterator[tuple[Row, RowCost]]:
    """Each row with what it costs: nothing, if no output needs it."""
    known = {row.row: row for row in cost}
    return ((row, known.get(row.path) or RowCost.nothing(row.path)) for row in spec.rows)


def _named(row: Row) -> Record:
    return {"row": row.path, "block": row.block, "repeats": len(row.blocks), "says": _says(row)}


def _figures(cost: Cost | RowCost) -> Record:
    return {
        "params": cost.params,
        "trainable": cost.trainable,
        "statistics": cost.statistics,
        "macs": cost.macs,
        "flops": cost.flops,
        "peak_memory": cost.peak_memory,
        **{f"weights_{name}": size for name, size in cost.weights._asdict().items()},
        "moved": cost.moved,
        "intensity": cost.intensity,
    }


def _sides(pair: tuple[float, float] | None, nothing: str) -> str:
    """Height and width, one number where they are the same."""
    if pair is None:
        return nothing
    height, width = (f"{side:.6g}" for side in pair)
    return height if height == width else f"{height}x{width}"


def _says(row: Row) -> str:
    """What the row and its table say of its block, and then of scaling it."""
    said = {
        path: setting
        for path, setting in row.settings.items()
        if setting.origin.startswith(("row", "table")) and path != "repeats"
    }
    ordered = sorted(said, key=lambda path: path.partition(".")[0] in parameters_of(RowKeys))
    shown = (formula(said[path]) or worded(said[path].value) for path in ordered)
    return ", ".join(f"{short(path)} {value}" for path, value in zip(ordered, shown, strict=True))
