"""What `diff` prints: a table for people, records for programs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from json import dumps
from typing import Any, Literal, TypeAlias, cast

from archspec import tables
from archspec.comparison import Change, Diff, Figures, RowDiff
from archspec.tables import Bytes, Signed, SignedBytes
from archspec.views.words import LEADING, short, worded

Record: TypeAlias = dict[str, Any]

Words: TypeAlias = Callable[[Any], str]

_NOTHING = Figures(0, 0, 0)


def differences(diff: Diff, style: Literal["text", "json", "csv", "markdown"]) -> str:
    """What differs, by row and in all."""
    if style == "json":
        return dumps(data(diff), indent=2)
    if style == "csv":
        return tables.render(list(_lines(diff)), "csv")
    if diff.same:
        return f"{diff.a} → {diff.b}: the same net"
    parts = [f"{diff.a} → {diff.b}", tables.render(rows(diff), style)]
    parts += [tables.render(totals(diff), style), fit(diff)]
    return "\n\n".join(parts)


def rows(diff: Diff) -> list[Record]:
    """For people: a record for each thing that is not as it was."""
    beside = [
        {**dict.fromkeys(_row(_EMPTY), ""), "row": change.path, "what": "changed", "says": said}
        for change in diff.changes
        for said in [_arrow(change)]
    ]
    return beside + [_row(row) for row in diff.rows]


_EMPTY = RowDiff("cost", "", "", moved=False, changes=(), cost_before=None, cost_after=None, fit="")


def _row(row: RowDiff) -> Record:
    before, after = row.cost_before or _NOTHING, row.cost_after or _NOTHING
    also = ", moved" if row.moved and row.kind != "moved" else ""
    return {
        "row": _name(row),
        "what": f"{row.kind}{also}",
        "says": ", ".join(f"{short(change.path)} {_arrow(change)}" for change in row.changes),
        "params": Signed(after.params - before.params),
        "macs": Signed(after.macs - before.macs),
        "memory": SignedBytes(after.peak_memory - before.peak_memory),
        "weights": row.fit,
    }


def _name(row: RowDiff) -> str:
    """The path, and the new one where it is another: `stages.s4 → s5`."""
    if not row.before or not row.after or row.before == row.after:
        return row.after or row.before
    section = row.before.partition(".")[0]
    return f"{row.before} → {row.after.removeprefix(f'{section}.')}"


def _arrow(change: Change) -> str:
    if change.before == change.after:
        return f"{_said(change.before)} → {_said(change.after)}, which is another row"
    brief = change.after is None
    before, after = _said(change.before, brief=brief), _said(change.after)
    if before == after:  # as far as six digits tell
        before, after = _said(change.before, _exactly), _said(change.after, _exactly)
    return f"{before} → {after}"


def _exactly(value: Any) -> str:  # noqa: ANN401
    return repr(value) if isinstance(value, float) else worded(value)


def _said(value: Any, words: Words = worded, *, brief: bool = False) -> str:  # noqa: ANN401  of any parameter
    """A value as a spec would say it, an object in short where that says all, or enough."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        leading = next((fields[word] for word in fields if word in LEADING), None)
        if leading is not None and (brief or len(fields) == 1):
            return _said(leading, words)
        return f"{{{', '.join(f'{key}: {_said(item, words)}' for key, item in fields.items())}}}"
    if isinstance(value, tuple) and not _is_kernel(cast("Sequence[Any]", value)):
        items = [_said(item, words) for item in cast("Sequence[Any]", value)]
        return items[0] if len(items) == 1 else f"[{', '.join(items)}]"
    return words(value)


def _is_kernel(value: Sequence[Any]) -> bool:
    return bool(value) and all(
        isinstance(window, tuple) and [type(side) for side in cast("Any", window)] == [int, int]
        for window in value
    )


def totals(diff: Diff) -> list[Record]:
    """For people: what the whole nets cost."""
    before, after = diff.cost_before, diff.cost_after
    sizes = zip(diff.bytes_before._fields, diff.bytes_before, diff.bytes_after, strict=True)
    return [
        _total("params", before.params, after.params),
        _total("macs", before.macs, after.macs),
        _bytes("memory", before.peak_memory, after.peak_memory),
        *(_bytes(f"weights in {name}", old, new) for name, old, new in sizes),
    ]


def _total(name: str, old: int, new: int) -> Record:
    percent = f"{100 * (new - old) / old:+.1f} %" if old and old != new else ""
    change = Signed(new - old)
    return {"in all": name, "before": old, "after": new, "change": change, "percent": percent}


def _bytes(name: str, old: int, new: int) -> Record:
    sizes = {"before": Bytes(old), "after": Bytes(new), "change": SignedBytes(new - old)}
    return {**_total(name, old, new), **sizes}


def fit(diff: Diff) -> str:
    """For people: how much of the weights of A is of use."""
    found = diff.weights
    said = (
        f"{found.fitting_arrays:,} of the {found.arrays:,} arrays of {diff.b} are in {diff.a} too,"
        f" of the same name and shape: {found.fitting_numbers:,} of {found.numbers:,} numbers"
    )
    own = found.fitting_arrays - found.foreign_arrays
    if own == found.matched_arrays and not found.foreign_arrays:
        return said
    return (
        f"{said}\nof those, {found.foreign_arrays:,} belong to another row there;"
        f" if rows kept their names: {found.matched_arrays:,} arrays,"
        f" {found.matched_numbers:,} numbers"
    )


def data(diff: Diff) -> Record:
    """For programs: all of it as plain data."""
    weights = asdict(diff.weights)
    weights["misfits"] = [misfit._asdict() for misfit in diff.weights.misfits]
    return {
        "a": diff.a,
        "b": diff.b,
        "same": diff.same,
        "changes": [asdict(change) for change in diff.changes],
        "rows": [asdict(row) for row in diff.rows],
        "before": _whole(diff.cost_before, diff.bytes_before),
        "after": _whole(diff.cost_after, diff.bytes_after),
        "weights": weights,
    }


def _whole(figures: Figures, weights: Any) -> Record:  # noqa: ANN401  a named tuple
    sizes = {f"weights_{name}": size for name, size in weights._asdict().items()}
    return {**asdict(figures), **sizes}


def _lines(diff: Diff) -> Iterator[Record]:
    """For programs: a record for each row that is not as it was."""
    for row in diff.rows:
        yield {
            "before": row.before,
            "after": row.after,
            "what": row.kind,
            "moved": row.moved,
            "says": ", ".join(f"{change.path} {_arrow(change)}" for change in row.changes),
            **{
                f"{name}_{when}": getattr(figures, name) if figures else ""
                for name in Figures.__dataclass_fields__
                for when, figures in (("before", row.cost_before), ("after", row.cost_after))
            },
            "weights": row.fit,
        }
