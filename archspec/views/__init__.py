"""What `list`, `show` and `explain` print: records of plain values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from inspect import getdoc
from typing import TYPE_CHECKING, Any, TypeAlias

from archspec import api, zoo
from archspec.backends.cost import counted
from archspec.block import Block
from archspec.errors import did_you_mean, error
from archspec.parameters import Parameter, parameters_of
from archspec.resolve import open_spec, resolve
from archspec.spec import Spec
from archspec.views.costs import bare, costs, show, summary, table
from archspec.views.differences import differences
from archspec.views.explained import explain
from archspec.views.words import worded

if TYPE_CHECKING:
    from archspec.deploy.bench import Latency
    from archspec.weights.store import Coverage, Loaded

Record: TypeAlias = dict[str, Any]

PYTORCH = {"timm", "torchvision"}
"""Libraries whose parameters are what training changes."""

__all__ = [
    "PYTORCH",
    "Record",
    "bare",
    "blocks",
    "catalog",
    "costs",
    "coverage",
    "differences",
    "explain",
    "latencies",
    "origin",
    "parameters",
    "show",
    "summary",
    "table",
]


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
        return worded(parameter.default)
    return ", ".join(f"{key} {worded(value)}" for key, value in parts.items())


def _first_line(cls: type[Any]) -> str:
    return (getdoc(cls) or "").partition("\n")[0]
