"""What `list`, `show` and `explain` print: records of plain values."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from archspec import api, zoo
from archspec.resolve import open_spec
from archspec.spec import Row, Setting, Spec

Record: TypeAlias = dict[str, Any]


def catalog() -> Iterator[Record]:
    """The zoo: each spec by itself and with each of its variants."""
    for name in zoo.names():
        for choice in open_spec(zoo.open_tree(name), zoo.open_tree).samples():
            yield _summary(":".join((name, *choice)))


def _summary(reference: str) -> Record:
    spec = api.load(reference)
    cost = api.cost(spec)
    return {
        "spec": reference,
        "input": list(spec.input),
        "params": cost.params,
        "macs": cost.macs,
        "source": spec.source,
        "equals": [f"{library}:{name}" for library, name in spec.equals.items()],
    }


def table(spec: Spec) -> tuple[list[Record], Record]:
    """A record for each row of a resolved spec, and their total."""
    cost = api.cost(spec)
    costs = {row.row: row for row in cost}
    records: list[Record] = []
    for row in spec.rows:
        mine = costs.get(row.path)
        records.append(
            {
                "row": row.path,
                "block": row.block,
                "repeats": len(row.blocks),
                "says": _says(row),
                "input": list(mine.input) if mine else [],
                "output": list(mine.output) if mine else [],
                "params": mine.params if mine else 0,
                "macs": mine.macs if mine else 0,
            }
        )
    total = {
        **dict.fromkeys(records[0], ""),
        "row": spec.title,
        "params": cost.params,
        "macs": cost.macs,
    }
    return records, total


def _says(row: Row) -> str:
    said = {
        path: setting
        for path, setting in row.settings.items()
        if setting.origin == "row" and path != "repeats"
    }
    return ", ".join(f"{_short(path)} {_value(setting.value)}" for path, setting in said.items())


def _short(path: str) -> str:
    """A path without the field that a scalar stands for."""
    head, _dot, field = path.rpartition(".")
    return head if field in {"ratio", "type", "mode"} and head else path


def explain(spec: Spec, path: str, *, everything: bool) -> list[Record]:
    """Where every number comes from, in the order of the file; widths computed inside blocks after their row.

    Args:
        spec: resolved.
        path: a row or a parameter of one, to narrow it; "" for all.
        everything: also what nobody says: the blocks' own values and what follows another parameter.
    """
    found: list[Record] = [
        _line(key, setting) for key, setting in spec.settings.items() if everything or setting.span
    ]
    derived = api.derivations(spec)
    for row in spec.rows:
        settings = row.settings.items()
        found += [
            _line(f"{row.path}.{key}", setting)
            for key, setting in settings
            if everything or setting.span
        ]
        found += [
            {
                "path": item.path,
                "value": str(item.value),
                "said by": "the block",
                "where": "",
                "how": item.text,
            }
            for item in derived
            if item.path.startswith(f"{row.path}.")
        ]
    return [
        line
        for line in found
        if not path or line["path"] == path or line["path"].startswith(f"{path}.")
    ]


def _line(path: str, setting: Setting) -> Record:
    return {
        "path": path,
        "value": _value(setting.value),
        "said by": setting.origin,
        "where": str(setting.span) if setting.span else "",
        "how": setting.written,
    }


def _value(value: Any) -> str:  # noqa: ANN401  of any parameter
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return _tuple(value)  # pyright: ignore[reportUnknownArgumentType]
    return str(value)


def _tuple(value: tuple[Any, ...]) -> str:
    """A kernel as it is written, 3, 1x7 or [3, 5]; other tuples as lists."""
    if value and isinstance(value[0], tuple):
        windows = [str(h) if h == w else f"{h}x{w}" for h, w in value]
        return windows[0] if len(windows) == 1 else f"[{', '.join(windows)}]"
    return f"[{', '.join(map(_value, value))}]" if len(value) != 1 else _value(value[0])
