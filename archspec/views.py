"""What `list`, `show` and `explain` print: records of plain values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from inspect import getdoc
from json import dumps
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from archspec import api, tables, zoo
from archspec.backends.cost import Cost, RowCost, counted
from archspec.block import Block
from archspec.errors import did_you_mean, error
from archspec.parameters import Parameter, RowKeys, parameters_of
from archspec.resolve import open_spec, resolve
from archspec.spec import SECTIONS, Row, Setting, Spec

if TYPE_CHECKING:
    from archspec.deploy.bench import Latency
    from archspec.weights.store import Coverage, Loaded

Record: TypeAlias = dict[str, Any]

PYTORCH = {"timm", "torchvision"}
"""Libraries whose parameters are what training changes."""
_LEADING = {"ratio", "type", "mode"}
"""Fields that a scalar stands for: `se 0.25` is shorter than `se.ratio 0.25`."""


def catalog(names: Iterable[str] = (), *, brief: bool = False) -> Iterator[Record]:
    """The zoo: each spec by itself and with each of its published variants.

    Args:
        names: of specs; all where there is none.
        brief: less what it equals, and the source only where it is another than one line above.
    """
    above = ""
    for name in tuple(names) or zoo.names():
        specs = list(_variants(name))
        pytorch = any(spec.equals.keys() & PYTORCH for _, spec in specs)
        for reference, spec in specs:
            record = _summary(reference, spec, pytorch=pytorch and "keras" not in spec.equals)
            if brief:
                record.pop("equals")
                above, record["source"] = record["source"], record["source"].removeprefix(above)
            yield record


def _variants(name: str) -> Iterator[tuple[str, Spec]]:
    """A spec of the zoo with what may be chosen; the file is read once."""
    opened = open_spec(zoo.open_tree(name), zoo.open_tree)
    known = api.Parameters(api.BLOCKS)
    for choice in opened.published():
        spec = resolve(opened, known, [(variant, None) for variant in choice])
        yield ":".join((name, *choice)), replace(spec, blocks=api.BLOCKS)


def _summary(reference: str, spec: Spec, *, pytorch: bool) -> Record:
    graph = api.to_graph(spec)
    trainable, statistics, macs = counted(graph, graph.nodes)  # all else takes twice as long
    return {
        "spec": reference,
        "input": spec.input,
        # As those count whom it equals: PyTorch leaves out the statistics of batch norm.
        "params": trainable if pytorch else trainable + statistics,
        "macs": macs,
        "source": spec.source,
        "equals": [f"{library}:{name}" for library, name in spec.equals.items()],
    }


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
    shown = (_formula(said[path]) or _value(said[path].value) for path in ordered)
    return ", ".join(f"{_short(path)} {value}" for path, value in zip(ordered, shown, strict=True))


def _formula(setting: Setting) -> str:
    """What stands there where a number is computed from it: a fraction, a ramp, a cycle."""
    text = setting.span.text if setting.span else ""
    return text if text.startswith("{") or "/" in text else ""


def _short(path: str) -> str:
    head, _dot, field = path.rpartition(".")
    return head if field in _LEADING and head else path


def explain(spec: Spec, path: str, *, everything: bool) -> list[Record]:
    """Where every number comes from: of a row what is said nearest first, what it computes last.

    Args:
        spec: resolved.
        path: what to narrow it to, a row or a parameter, `*` for all rows of a section; "" for all.
        everything: also what nobody says: the blocks' own values and what follows another
            parameter. Where there is nothing else at the path, they are given anyhow.

    Raises:
        SpecError: E204, there is nothing at the path.
    """
    every = list(_lines(spec))
    found = [line for line in every if not path or _is_at(path, line["path"])]
    if not found:
        raise error("E204", f"nothing is called '{path}' in {spec.title}", None, _near(path, every))
    said = [line for line in found if line["where"] or line["how"]]
    return found if everything or not said else said


def _is_at(path: str, place: str) -> bool:
    asked, words = path.split("."), place.split(".")
    fits = (word in {"*", there} for word, there in zip(asked, words, strict=False))
    return len(asked) <= len(words) and all(fits)


def _near(path: str, lines: Iterable[Record]) -> str:
    words = (line["path"].split(".") for line in lines)
    known = {".".join(some[: n + 1]): None for some in words for n in range(len(some))}
    rows = (f"{section}.{path}" for section in SECTIONS)
    named = next((row for row in rows if row in known), "")
    return f"did you mean '{named}'?" if named else did_you_mean(path, known)


def _lines(spec: Spec) -> Iterator[Record]:
    for path, setting in spec.settings.items():
        yield _line(path, setting, _value(setting.value))
    computed = api.derivations(spec)
    for row in spec.rows:
        for path, setting in sorted(row.settings.items(), key=lambda item: _distance(item[1])):
            yield _line(f"{row.path}.{path}", setting, _in_each_block(row, path, setting))
        for item in computed:
            if item.path.startswith(f"{row.path}."):
                yield _record(item.path, str(item.value), "the block", "", item.text)


def _distance(setting: Setting) -> int:
    """How far from the row a value is said."""
    nearest = ("row", "table", "defaults")
    word = setting.origin.partition(" ")[0]
    return nearest.index(word) if word in nearest else len(nearest)


def _in_each_block(row: Row, path: str, setting: Setting) -> str:
    """A parameter of all the row's blocks; a row key has one value."""
    if path.partition(".")[0] in parameters_of(RowKeys):
        return _value(setting.value)
    values = [_value(_parameter(block, path)) for block in row.blocks]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _parameter(block: Any, path: str) -> Any:  # noqa: ANN401  any parameter class
    for word in path.split("."):
        block = getattr(block, f"{word}_" if iskeyword(word) else word)
    return block


def _line(path: str, setting: Setting, value: str) -> Record:
    where = str(setting.span) if setting.span else ""
    how = ": ".join(part for part in (_formula(setting), setting.written) if part)
    return _record(path, value, setting.origin, where, how)


def _record(path: str, value: str, origin: str, where: str, how: str) -> Record:
    return {"path": path, "value": value, "said by": origin, "where": where, "how": how}


def _value(value: Any) -> str:  # noqa: ANN401  of any parameter
    """As a spec would say it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return _tuple(cast("tuple[Any, ...]", value))
    if is_dataclass(value):
        said = (f"{item.name}: {_value(getattr(value, item.name))}" for item in fields(value))
        return f"{{{', '.join(said)}}}"
    return str(value)


def _tuple(value: tuple[Any, ...]) -> str:
    """A kernel as it is written, 3, 1x7 or [3, 5]; other tuples as lists."""
    if value and isinstance(value[0], tuple):
        windows = [str(h) if h == w else f"{h}x{w}" for h, w in value]
        return windows[0] if len(windows) == 1 else f"[{', '.join(windows)}]"
    return f"[{', '.join(map(_value, value))}]" if len(value) != 1 else _value(value[0])


def origin(coverage: "Coverage") -> str:
    """Where the arrays of a file went, in a line."""
    found = f"{coverage.source}: {len(coverage.theirs)} arrays, names of {coverage.names}"
    ignored = f"; {len(coverage.ignored)} left out, which carry nothing" if coverage.ignored else ""
    rows = dict.fromkeys(key.rpartition("/")[0] for key in coverage.reset)
    reset = f"; drawn anew: {', '.join(rows)}" if rows else ""
    return found + ignored + reset


def coverage(loaded: "Loaded") -> list[Record]:
    """A record for each array: its key, its shape, and the name it has in the file."""
    theirs = loaded.coverage.theirs
    return [
        {"array": key, "shape": array.shape, "from": theirs.get(key, "drawn anew")}
        for key, array in loaded.items()
    ] + [
        {"array": "", "shape": (), "from": f"{name}, left out"} for name in loaded.coverage.ignored
    ]


def latencies(found: Iterable["Latency"], *, brief: bool) -> list[Record]:
    """A record for each model: milliseconds, and what they are of the first's, with quartiles.

    Args:
        found: what was measured.
        brief: quartiles in words, and no more digits than they are worth.
    """
    if not brief:
        return [
            {"model": one.name}
            | {f"ms_{word}": 1e3 * time for word, time in one.seconds._asdict().items()}
            | {f"ratio_{word}": ratio for word, ratio in one.ratio._asdict().items()}
            for one in found
        ]
    return [
        {
            "model": one.name,
            "ms": f"{1e3 * one.seconds.median:.4g}",
            "quartiles": f"{1e3 * one.seconds.low:.4g} to {1e3 * one.seconds.high:.4g}",
            "ratio": f"{one.ratio.median:.3f}",
            "its quartiles": f"{one.ratio.low:.3f} to {one.ratio.high:.3f}",
        }
        for one in found
    ]


def blocks(known: Mapping[str, Block]) -> list[Record]:
    """A record for each block: what it is."""
    return [{"block": name, "what it is": _first_line(known[name].parameters)} for name in known]


def parameters(known: Mapping[str, Block], name: str) -> list[Record]:
    """A record for each parameter of a block; for a part, what in it does not follow the block.

    Raises:
        SpecError: E112, there is no such block.
    """
    if name not in known:
        raise error("E112", f"unknown block '{name}'", hint=did_you_mean(name, tuple(known)))
    return [
        {
            "parameter": path,
            "value": parameter.wanted,
            "default": "required" if parameter.required else _own(parameter),
            "meaning": parameter.doc,
        }
        for path, parameter in parameters_of(known[name].parameters).items()
    ]


def _own(parameter: Parameter) -> str:
    parts = parameter.part_defaults
    if parts is None:
        return _value(parameter.default)
    return ", ".join(f"{key} {_value(value)}" for key, value in parts.items())


def _first_line(cls: type[Any]) -> str:
    return (getdoc(cls) or "").partition("\n")[0]
