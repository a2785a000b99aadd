"""What another library calls the nodes of a graph: tables of templates, and how they are filled."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import yaml

from archspec.graph import Graph, Node

Library: TypeAlias = str
"""A folder beside this file: `keras`, `timm`, `torchvision`."""
LIBRARIES: tuple[Library, ...] = ("keras", "timm", "torchvision")

Templates: TypeAlias = Mapping[str, str | Sequence[str]]
Values: TypeAlias = Mapping[str, int | str]

_IN_BLOCK = re.compile(r"(?P<row>[^.]+)\.(?P<number>[0-9]+)\.(?P<local>.+)")
"""The name of a node in a block of the stages, `s3.2.expand.conv`."""
_HOLE = re.compile(r"\{(?P<name>\w+|\*)(\*(?P<times>[0-9]+))?(?P<shift>[+-][0-9]+)?\}")

ARRAYS: Mapping[str, str] = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Array of a node → what PyTorch calls it; Keras's names are ours."""
JOINED = " + "
"""Between the names of arrays that are one of ours, joined along their outputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What a library calls the nodes of the nets of a family: one entry of a file of names.

    The file maps names of tables, each once in a library, to these words; none is needed. `extends`
    names another table of the library, whose words hold where this one does not say them; of
    `layers` and `blocks` the keys are joined, and what is said here fits first.

    A key of `layers` or `blocks` is the name of a node, in which `*` stands for one part or a piece
    of it, without dots; of the keys the first that fits is taken, in `blocks` before `layers`. Its
    value is the name of a module of theirs, to which every array adds its own (ARRAYS); of a list
    the first that the file has; `a + b` are modules whose arrays are joined along their outputs. A
    key `node/array` fits one array, and its value is the whole name of a tensor. In a table of
    keras, `*` in a value stands for what Keras makes up.

    Values, `block` and `first` are templates. All that is counted in them counts from 0, but for
    `nth`: {stage} of theirs; {row} of our stages; {block} in its stage; {index} of the block in
    the net; {letter} of the block in its row, a, b, …; {part} of the block, of those that have
    arrays; {nth} time that the key fits in the block; {node} in its section, stem, stages or head;
    {*} what the first `*` of the key stood for. {block*2+1}: any of them times a number, plus or
    minus a number.

    Args:
        library: whose names they are.
        name: what the file calls the table.
        functions: keras alone: of keras.applications, those whose models have these names; each
            function in one table.
        stages: how many rows of our stages make one of theirs, `[1, 2, 1]`; rows beyond are a stage
            each.
        sizes: instead: how many blocks make a stage of theirs, whatever our rows.
        layers: key → value for nodes outside the stages, or anywhere, by their whole names.
        block: what stands before each value of `blocks`.
        first: the same for the first block of the net, where it is something else.
        blocks: key → value for nodes in the blocks of the stages, `expand.conv` for
            `s3.2.expand.conv`.
        outputs: their name of an output → ours.
    """

    library: Library
    name: str
    functions: Sequence[str] = ()
    stages: Sequence[int] = ()
    sizes: Sequence[int] = ()
    layers: Templates = field(default_factory=dict[str, str])
    block: str = ""
    first: str | None = None
    blocks: Templates = field(default_factory=dict[str, str])
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return f"{self.library} {self.name}"


@cache
def tables(library: Library) -> Mapping[str, Table]:
    """Every table of a library by its name, with what it extends laid under it."""
    raw: dict[str, dict[str, Any]] = {}
    for file in sorted(files(__package__ or "").joinpath(library).iterdir(), key=str):
        if file.name.endswith(".yaml"):
            raw |= yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  safe, and in C
    return {name: Table(library=library, name=name, **_merged(raw, name)) for name in raw}


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _merged(raw: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    own = dict(raw[name])
    if "extends" not in own:
        return own
    merged = _merged(raw, own.pop("extends"))
    for key, value in own.items():
        # What is said first fits first.
        merged[key] = (
            {**value, **{k: v for k, v in merged[key].items() if k not in value}}
            if (isinstance(value, dict) and key in merged)
            else value
        )
    return merged


@cache
def functions() -> Mapping[str, Table]:
    """Function of keras.applications → the table of the models that it makes."""
    return {function: table for table in tables("keras").values() for function in table.functions}


class _Rule(NamedTuple):
    """A key of a table, and the templates beside it."""

    key: str
    pattern: re.Pattern[str]
    of_array: bool
    templates: Sequence[str]

    def match(self, name: str, array: str) -> re.Match[str] | None:
        """Whether the key stands for an array of the node of this name."""
        return self.pattern.fullmatch(f"{name}/{array}" if self.of_array else name)

    def filled(self, prefix: str, values: Values, endings: Sequence[str]) -> Iterator[str]:
        """The names of an array, by each template with each ending."""
        for template in self.templates:
            modules = [_filled(prefix + module, values) for module in template.split(JOINED)]
            for ending in endings:
                yield JOINED.join(module + ending for module in modules)


class _Choice(NamedTuple):
    """A rule for a node, the name of the node by which it goes, and what stands before it."""

    rule: _Rule
    name: str
    prefix: str


class _Site(NamedTuple):
    """A node, its name within its block (or its whole name), and where it stands."""

    node: Node
    local: str
    block: int | None
    values: Values


def names(graph: Graph, table: Table) -> dict[str, tuple[str, ...]]:
    """What each array of a graph may be called, by our key; nothing where the table has no name."""
    layers, blocks = _rules(table.layers), _rules(table.blocks)
    counts: dict[tuple[int | None, str], int] = {}
    found: dict[str, tuple[str, ...]] = {}
    for site in _sites(graph, table):
        choices = [_Choice(rule, site.node.name, "") for rule in layers]
        if site.block is not None:
            first = site.block == 0 and table.first is not None
            prefix = (table.first if first else table.block) or ""
            choices = [_Choice(rule, site.local, prefix) for rule in blocks] + choices
        counted: set[str] = set()
        for place, array in enumerate(graph.weights_of(site.node)):
            for rule, name, prefix in choices:
                if match := rule.match(name, array):
                    count = site.block, rule.key
                    counts[count] = counts.get(count, 0) + (rule.key not in counted)
                    counted.add(rule.key)
                    values = {**site.values, **_captured(match), "nth": counts[count]}
                    endings = ("",) if rule.of_array else _endings(array, place, table)
                    key = f"{site.node.name}/{array}"
                    found[key] = tuple(rule.filled(prefix, values, endings))
                    break
    return found


def _rules(templates: Templates) -> list[_Rule]:
    found: list[_Rule] = []
    for key, value in templates.items():
        pattern = re.compile(re.escape(key).replace(r"\*", "([^./]+?)"))
        found.append(_Rule(key, pattern, "/" in key, (value,) if isinstance(value, str) else value))
    return found


def _sites(graph: Graph, table: Table) -> Iterator[_Site]:
    """The nodes that have arrays, each with the numbers that stand for its place."""
    starts = [0, *accumulate(table.sizes or table.stages)]
    rows: dict[str, int] = {}
    blocks: dict[str, int] = {}
    in_stage: dict[str, int] = {}
    stage_sizes: dict[int, int] = {}
    parts: dict[str, dict[str, int]] = {}
    sections: dict[str, int] = {}
    for node in graph.nodes:
        section = node.row.partition(".")[0]
        number = sections[section] = sections.get(section, -1) + 1
        inside = _IN_BLOCK.fullmatch(node.name)
        if not inside:
            if graph.weights_of(node):
                yield _Site(node, node.name, None, {"node": number})
            continue
        path = f"{inside['row']}.{inside['number']}"
        row = rows.setdefault(inside["row"], len(rows))
        stage = _stage(blocks.get(path, len(blocks)) if table.sizes else row, starts)
        if path not in blocks:
            blocks[path] = len(blocks)
            in_stage[path] = stage_sizes.get(stage, 0)
            stage_sizes[stage] = in_stage[path] + 1
        if not graph.weights_of(node):
            continue
        own = parts.setdefault(path, {})
        part = own.setdefault(inside["local"].partition(".")[0], len(own))
        values: Values = {
            "node": number,
            "row": row,
            "stage": stage,
            "block": in_stage[path],
            "index": blocks[path],
            "part": part,
            "letter": chr(ord("a") - 1 + int(inside["number"])),
        }
        yield _Site(node, inside["local"], blocks[path], values)


def _stage(place: int, starts: Sequence[int]) -> int:
    """The stage of theirs that a row or a block belongs to; each beyond those told is its own."""
    known = len(starts) - 1
    if place >= starts[-1]:
        return known + place - starts[-1]
    return next(stage for stage in range(known) if place < starts[stage + 1])


def _captured(match: re.Match[str]) -> Values:
    """What the first `*` stands for."""
    return {"*": match.group(1)} if match.re.groups else {}


def _endings(array: str, place: int, table: Table) -> tuple[str, ...]:
    """What follows the name of a module; files of Keras 3 number the arrays of a layer."""
    if table.library == "keras":
        return f"/{array}", f"/{place}"
    return (f".{ARRAYS.get(array, array)}",)


def _filled(template: str, values: Values) -> str:
    def fill(hole: re.Match[str]) -> str:
        value = values.get(hole["name"], hole[0])
        if hole["times"] or hole["shift"]:
            value = int(value) * int(hole["times"] or 1) + int(hole["shift"] or 0)
        return str(value)

    return _HOLE.sub(fill, template)
