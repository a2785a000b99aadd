"""Texts that are nearly specs: the language's own words in random order, random trees, the zoo's files with slips."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import archspec
from archspec import zoo
from archspec.parameters import (
    BIAS,
    FLAG,
    KERNEL,
    KERNELS,
    MIXED_KERNEL,
    NUMBERS,
    Object,
    Parameter,
    RowKeys,
    parameters_of,
)
from archspec.schema import SKELETON
from hypothesis import strategies as st
from jsonschema import Draft7Validator

FILES = sorted(zoo.folder().glob("*.yaml"))
BLOCKS = sorted(archspec.BLOCKS)
KNOWN = {
    name: {**parameters_of(archspec.BLOCKS[name].parameters), **parameters_of(RowKeys)}
    for name in BLOCKS
}
PARAMETERS = sorted({key for known in KNOWN.values() for key in known})
FIELDS = ["ratio", "of", "type", "epsilon", "mode", "divisor", "keep", "integer", "activation", "kernel", "groups", ""]  # fmt: skip
PATHS = [
    "scaling.width", "scaling.rounding", "stages.s1.kernel", "stages.*.channels", "stages.s1.se.ratio", "stem",
    "stages", "stages.kernel", "stages.rows", "head.conv.channels", "defaults.norm", "outputs", "input",
    "equals.keras",
]  # fmt: skip
WORDS = [
    *SKELETON, *BLOCKS, *PARAMETERS, *FIELDS, *PATHS, "columns", "rows", "block", "inputs", "name", "after",
    "before", "cycle", "from", "step", "to", "upto", "s1", "s2", "*", "conv2", "none", "~", "relu", "swish", "same",
    "valid", "batch", "always", "partial", "auto", "true", "no", "mobilenet_v2", "mobilenet_v3:large", "0", "1",
    "2", "3", "16", "24", "0.5", "1e-3", "-1", "1e9", "1/12", "3x3", ".nan", "0x10", "012", "1_000", "12:30",
]  # fmt: skip
MARKS = [
    ": ", ":", ", ", "[", "]", "{", "}", "- ", "\n", "\n  ", "\n    - ", '"', "'", "&a ", "*a", "#", "!", "|", ">",
    "?", "%", "\t", ".", "\n\n", "---\n", "<<", "\r", "\x85", "\u2028", "\ufeff", "é", "\U0001f600", "\x00",
]  # fmt: skip
TOKEN = re.compile(r"\s+|[\w./]+|.")

texts = st.lists(st.sampled_from([*WORDS, *MARKS, *MARKS]), max_size=60).map("".join)

_scalars = st.one_of(
    st.sampled_from(WORDS),
    st.none(),
    st.booleans(),
    st.integers(-2, 300),
    st.sampled_from([0.25, 1e-3, 1e9, 1e308, -1.0, 10**40]),
    st.text(max_size=3),
)
trees = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=8,
)
_some = st.sampled_from([1, 2, 3, 8, 16, 24, 0.5, "none", None, "relu", "batch", "same", "1/12"])
_ramps = st.builds(
    lambda start, how, end: {"from": start, how: end},
    st.sampled_from([0, 1, 8, 16, 0.5, 1e308]),
    st.sampled_from(["to", "step", "upto"]),
    st.sampled_from([0, 1, 2, 8, -1e308]),
)
_cycles = st.lists(_some, min_size=1, max_size=3).map(lambda items: {"cycle": items})
_objects = st.dictionaries(st.sampled_from(FIELDS), _some | _ramps | _cycles, max_size=4)
values = st.one_of(_some, _some, _ramps, _cycles, _objects, trees)


_NUMBERS = [0.25, 0.5, 1, 2, 6, 8, 16, {"from": 0, "upto": 1}, {"cycle": [0.5, 1]}]
_COUNTS = [1, 1, 1, 2, 3, 8, 16, 24, {"from": 8, "step": 8}, {"cycle": [1, 2]}]
_CHANNELS = [1, 3, 8, 8, 16, 16, 24, 32, 64, {"from": 8, "step": 8}, {"cycle": [16, 24]}]
_OTHERS = {
    KERNEL: [1, 3, 3, 5, "1x3", {"cycle": [3, "3x1"]}],
    MIXED_KERNEL: [1, 3, 3, 5, "1x3", [3, 5], {"cycle": [3, [3, 5]]}],
    KERNELS: [1, 3, 3, 5, "1x3", [5, 3, 1], {"cycle": [3, [3, 5]]}],
    FLAG: [True, False],
    BIAS: [True, False, "auto"],
    NUMBERS: [0.5, -1, "1/255", [1, 2, 3]],
}


@cache
def fitting(parameter: Parameter, *, spread: bool = True) -> st.SearchStrategy[Any]:
    """Values that a parameter takes; unless `spread`, one for all blocks."""
    kind = parameter.kind
    off = ["none"] if parameter.off else []
    if isinstance(kind, Object):
        fields = {name: fitting(inner, spread=spread) for name, inner in kind.parameters.items()}
        needed = {
            name: fields.pop(name) for name in kind.parameters if kind.parameters[name].required
        }
        leading = fitting(kind.parameters[kind.leading], spread=spread)
        return leading | st.fixed_dictionaries(needed, optional=fields)
    if "enum" in kind.schema:
        return st.sampled_from([*kind.schema["enum"], *off])
    some = [1, "input", "output"]
    if kind.bounds:
        some = _CHANNELS if parameter.count else _COUNTS if kind.whole else _NUMBERS
    some = _OTHERS.get(kind, some)
    if kind.schema.get("type") == "array":
        return _lists(kind.schema) | st.sampled_from(off) if off else _lists(kind.schema)
    known = Draft7Validator(kind.schema)
    inside = [value for value in some if all(map(known.is_valid, _of_blocks(value)))]
    return st.sampled_from(
        [*(value for value in inside if spread or not isinstance(value, dict)), *off]
    )


def _lists(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a schema of lists takes, of lists too."""
    if schema.get("type") != "array":
        known = Draft7Validator(schema)
        return st.sampled_from(
            [value for value in (0, 0.2, 0.9, "1/3", 1, 2, 6) if known.is_valid(value)]
        )
    items, least, most = schema["items"], schema.get("minItems", 0), schema["maxItems"]
    if isinstance(items, list):
        return st.tuples(*map(_lists, items)).map(list)
    return st.lists(_lists(items), min_size=least, max_size=min(most, max(least, 3)))


def _of_blocks(value: Any) -> list[Any]:
    """What a spread makes of the first block and the last, as far as it says that."""
    if not isinstance(value, dict):
        return [value]
    return value["cycle"] if "cycle" in value else [value[key] for key in value if key != "step"]


def _row(block: str, *, repeats: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    own = parameters_of(archspec.BLOCKS[block].parameters)
    known = {key: inner for key, inner in KNOWN[block].items() if repeats or key != "repeats"}
    needed = [key for key, inner in own.items() if inner.required]
    more = st.lists(st.sampled_from([key for key in known if key not in needed]), max_size=4)
    return more.flatmap(
        lambda keys: st.fixed_dictionaries(
            {
                "block": st.just(block),
                **{
                    key: fitting(known[key], spread=key in own)
                    for key in _one_of_each(block, [*needed, *keys])
                },
            }
        )
    )


def _one_of_each(block: str, keys: list[str]) -> list[str]:
    """The keys without those that a later one excludes."""
    slots = getattr(archspec.BLOCKS[block].parameters, "ONE_OF", ())
    excluded = {key for slot in slots for key in [key for key in keys if key in slot][:-1]}
    return [key for key in dict.fromkeys(keys) if key not in excluded]


_often = ["conv", "depthwise_separable", "inverted_residual"]
_fine = st.sampled_from([*BLOCKS, *_often, *_often]).flatmap(_row)
_fine_once = st.sampled_from(_often).flatmap(lambda block: _row(block, repeats=False))
_slips = st.dictionaries(
    st.sampled_from([*PARAMETERS, "inputs", "name", "se.ratio", "expand.groups"]),
    values,
    max_size=2,
)
_rows = st.one_of(
    _fine, _fine, _fine, st.builds(lambda row, slips: {**row, **slips}, _fine, _slips)
)
_tables = st.lists(_rows, min_size=1, max_size=4) | st.builds(
    lambda keys, rows: {**keys, "rows": rows},
    st.dictionaries(
        st.sampled_from([*PARAMETERS, *BLOCKS, "block", "columns"]), values, max_size=2
    ),
    st.lists(_rows | st.lists(_some, max_size=3), max_size=3),
)
_scalings = st.sampled_from(
    [
        {"width": 0.5, "rounding": {"channels": {"divisor": 8}}},
        {"width": 3, "depth": 2},
        {"rounding": {"channels": "half_even"}},
        0.5,
    ]
)
_inserts = st.builds(
    lambda where, rows: {where: "stages.s1", "rows": rows},
    st.sampled_from(["after", "before"]),
    st.lists(_rows, min_size=1, max_size=2),
)
_bodies = st.fixed_dictionaries(
    {},
    optional={
        "input": st.sampled_from([32, 7, 1, [8, 9, 1]]) | values,
        "classes": _some,
        "scaling": _scalings | _objects,
        "defaults": st.sampled_from([{"norm": "batch", "activation": "relu"}, {"padding": "valid"}])
        | st.dictionaries(st.sampled_from([*PARAMETERS, *BLOCKS]), values, max_size=3),
        "stem": _tables,
        "stages": _tables,
        "head": _tables,
        "outputs": st.dictionaries(
            st.sampled_from(["a", "b", "input"]), st.sampled_from(["s1", "s1.1", *WORDS])
        ),
        "output_stride": st.sampled_from([{"at": 2}, {"at": 1, "dilate": "after"}]) | _objects,
        "change": st.dictionaries(st.sampled_from(PATHS), values | _tables, max_size=2),
        "remove": st.lists(st.sampled_from(["stages.s1", "stages.s2", "stem.conv"]), max_size=2),
        "insert": st.lists(_inserts, max_size=2),
    },
)
_axes = st.dictionaries(st.sampled_from(["a", "b", "1.0"]), _bodies, max_size=2) | st.builds(
    lambda head, cell: {"columns": ["name", head], "rows": [["t", cell], ["u", None]]},
    st.sampled_from(PATHS),
    values,
)
_parents = st.sampled_from(["mobilenet_v2", "mobilenet_v3:large", "efficientnet:b1"])
documents = st.builds(
    lambda body, more: {"archspec": 1, "name": "net", "input": 32, **body, **more},
    _bodies,
    st.fixed_dictionaries(
        {}, optional={"extends": _parents, "variants": st.lists(_axes, min_size=1, max_size=2)}
    ),
)
clean_documents = st.builds(
    lambda stem, stages: {
        "archspec": 1,
        "name": "net",
        "input": 32,
        "stem": stem,
        "stages": stages,
    },
    st.lists(_fine_once, min_size=1, max_size=2),
    st.lists(_fine, min_size=1, max_size=4),
)


@cache
def _tokens(path: Path) -> list[str]:
    return TOKEN.findall(path.read_text(encoding="utf-8"))


def _with_slips(path: Path, slips: list[tuple[str, int, int]], *, by_line: bool) -> str:
    text = path.read_text(encoding="utf-8")
    pieces = text.splitlines(keepends=True) if by_line else list(_tokens(path))
    for slip, number, other in slips:
        at, there = number % len(pieces), other % len(pieces)
        if slip == "delete":
            pieces[at] = ""
        elif slip == "duplicate":
            pieces.insert(at, pieces[at])
        elif slip == "swap":
            pieces[at], pieces[there] = pieces[there], pieces[at]
        else:
            pieces[at] = [*WORDS, *MARKS][other % (len(WORDS) + len(MARKS))]
    return "".join(pieces)


_slip = st.tuples(
    st.sampled_from(["delete", "duplicate", "swap", "replace"]),
    st.integers(0, 1 << 20),
    st.integers(0, 1 << 20),
)
zoo_with_slips = st.builds(
    _with_slips,
    st.sampled_from(FILES),
    st.lists(_slip, min_size=1, max_size=4),
    by_line=st.booleans(),
)
