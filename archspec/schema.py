"""The check of a tree against the keys of a spec and the schemas of the parameter classes.

`jsonschema` does the validating. A value is checked by the schema of its own parameter, found by
the block's name first, so that a message can name the cell and say what is wanted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import jsonschema

from archspec.errors import Problems, did_you_mean, error, quoted
from archspec.parameters import (
    CYCLE_SCHEMA,
    OFF,
    RAMP_SCHEMA,
    Document,
    Kind,
    Object,
    Parameter,
    parameters_of,
)
from archspec.source import Entries, Entry, Items, Scalar, Tree, plain
from archspec.spec import SECTIONS

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,63}$(?!\n)"
OUTPUT = r"^[A-Za-z][A-Za-z0-9_.]{0,127}$(?!\n)"
"""A name of an output, which may be the path of what it is."""

_TABLE = {"anyOf": [{"type": "array", "minItems": 1}, {"type": "object"}]}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 1000}
_CALL = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_RANGE = {
    "type": "object",
    "properties": {word: {"type": "number"} for word in ("from", "to", "step")},
    "required": ["from", "to", "step"],
    "additionalProperties": False,
}
_AXIS = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "what is set, such as stages.s4.kernel"},
        "values": {
            "description": "a list of values, or a range {from: 160, to: 224, step: 32}",
            "anyOf": [{"type": "array", "minItems": 1}, _RANGE],
        },
    },
    "required": ["path", "values"],
    "additionalProperties": False,
}
_CELLS = {"type": "array", "minItems": 2, "maxItems": 2}
SEARCH: dict[str, Any] = {
    "if": {"type": "array"},
    "then": {"items": _AXIS},
    "else": {
        "type": "object",
        "properties": {
            "columns": {"enum": [["path", "values"], ["values", "path"]]},
            "rows": {"type": "array", "items": {"anyOf": [_CELLS, _AXIS]}},
        },
        "required": ["rows"],
        "additionalProperties": False,
    },
}
"""Of `search`, for editors; what is wrong with it is said in `resolve.search`."""
EDITS: Mapping[str, tuple[dict[str, Any], str]] = {
    "change": ({"type": "object"}, "a mapping from paths to values"),
    "remove": ({"type": "array", "items": _TEXT}, "a list of rows such as stages.s5"),
    "insert": (
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "after": _TEXT,
                    "before": _TEXT,
                    "rows": {"type": "array", "minItems": 1},
                },
                "required": ["rows"],
                "oneOf": [{"required": ["after"]}, {"required": ["before"]}],
                "additionalProperties": False,
            },
        },
        "a list of {after: a row, rows: […]}",
    ),
}
SKELETON: Mapping[str, tuple[dict[str, Any], str]] = {
    "archspec": ({"const": 1}, "1, the version of the language"),
    "name": ({"type": "string", "pattern": NAME}, "letters, digits and _, a letter first"),
    "source": (_TEXT, "a text: paper and table"),
    "extends": (
        _TEXT,
        'a name of the zoo or a path to a .yaml file, with variants as in "efficientnet:b1"',
    ),
    "equals": (
        {
            "type": "object",
            "properties": {"columns": {"type": "array"}, "rows": {"type": "array"}},
            "additionalProperties": {"anyOf": [_TEXT, _CALL]},
        },
        "a mapping such as {keras: MobileNetV2(alpha=1.0)}",
    ),
    **{name: ({}, "") for name in parameters_of(Document)},
    "defaults": ({"type": "object"}, "a mapping from parameters to values"),
    **dict.fromkeys(SECTIONS, (_TABLE, "a list of rows, or a table with columns and rows")),
    "outputs": (
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _TEXT,
            "propertyNames": {"pattern": OUTPUT},
        },
        "a mapping from names to rows, such as {c4: s5}",
    ),
    "variants": (_TABLE, "a table, a mapping from names to bodies, or a list of those"),
    "search": (_TABLE, "a list of rows, or a table, that say path and values"),
    **EDITS,
}
"""The top-level keys: schema (empty where a parameter has it), and the words for a message."""

REQUIRED = ("archspec", "name")
OWN = ("archspec", "name", "extends", "variants", "search")
"""What only a file says, and its parents do not say for it."""
BODY = tuple(key for key in SKELETON if key not in OWN)
"""What a variant may say."""
SETTABLE = tuple(key for key in BODY if key not in EDITS)
"""What a path may begin with."""


def check_document(tree: Tree, problems: Problems) -> Entries:
    """Check the top level of a file: known keys, their types, what must be there; what is sound.

    Raises:
        SpecError: E105, it is no mapping.
    """
    if not isinstance(tree, Entries):
        raise error("E105", "a spec is a mapping with keys such as name and stages", tree.span)
    sound = check_body(tree, SKELETON, problems)
    for key in REQUIRED:
        if tree.get(key) is None:
            hint = "say 'archspec: 1'" if key == "archspec" else ""
            problems.add("E108", f"the spec has no '{key}'", tree.span, hint)
    return sound


def check_body(tree: Entries, keys: Iterable[str], problems: Problems) -> Entries:
    """Check the keys of a file or a variant and the shape of their values; what is sound of it."""
    known = tuple(keys)
    document = parameters_of(Document)
    sound: dict[str, Entry] = {}
    for key, entry in tree.entries.items():
        before = len(problems)
        if key not in known:
            unknown(entry.key, f"unknown key '{key}'", known, problems)
        elif key in document:
            check_value(document[key], entry.value, key, problems)
        else:
            _check_skeleton(key, entry.value, problems)
        if len(problems) == before:
            sound[key] = entry
    return Entries(sound, tree.span)


def _check_skeleton(key: str, tree: Tree, problems: Problems) -> None:
    fault: Any = next(_skeleton(key).iter_errors(plain(tree)), None)
    if fault is None:
        return
    inside = tree
    for step in fault.absolute_path:
        inside = _inner(inside, step)
    if "propertyNames" in fault.absolute_schema_path:
        inside = _entry(inside, str(fault.instance)).key
    wrong(key, inside, SKELETON[key][1], problems, "is" if inside is tree else "has")


def _inner(tree: Tree, step: Any) -> Tree:  # noqa: ANN401  an index or a key
    return tree.items[int(step)] if isinstance(tree, Items) else _entry(tree, step).value


def _entry(tree: Tree, key: str) -> Entry:
    assert isinstance(tree, Entries)  # noqa: S101  the schema found something under its key
    return tree.entries[key]


def unknown(key: Scalar, message: str, known: Iterable[str], problems: Problems) -> None:
    """Report a key that nobody knows."""
    problems.add("E104", message, key.span, did_you_mean(str(key.value), known))


def check_value(parameter: Parameter, tree: Tree, name: str, problems: Problems) -> None:
    """Check what is said: a value, `~`, `none`, a ramp, a cycle, an object in short or in full."""
    kind = parameter.kind
    if isinstance(tree, Scalar) and (tree.value is None or (parameter.off and tree.value == OFF)):
        return
    if isinstance(tree, Entries) and not _is_spread(tree) and isinstance(kind, Object):
        _check_object(parameter, kind, tree, name, problems)
    elif isinstance(tree, Entries):
        _check_spread(parameter, tree, name, problems)
    elif isinstance(kind, Object):
        leading = kind.parameters[kind.leading].kind
        if not isinstance(leading, Kind) or not _fits(leading, tree):
            wrong(name, tree, parameter.wanted, problems, near=_choices(leading))
    elif not _fits(kind, tree):
        wrong(name, tree, parameter.wanted, problems, near=_choices(kind))


def _choices(kind: Kind | Object) -> Sequence[str]:
    return kind.schema.get("enum", ()) if isinstance(kind, Kind) else ()


def _check_object(
    parameter: Parameter, kind: Object, tree: Entries, name: str, problems: Problems
) -> None:
    for key, entry in tree.entries.items():
        field = kind.parameters.get(key or kind.leading)
        if field is None:
            unknown(entry.key, f"unknown field '{key}' of '{name}'", kind.parameters, problems)
            continue
        switch = (key or kind.leading) == kind.leading and kind.on == "leading"
        known = replace(field, off=True) if switch and parameter.off else field
        check_value(known, entry.value, f"{name}.{key}" if key else name, problems)


LEADING = ""
"""The key under which a scalar stands when a mapping is merged over it."""


def _is_spread(tree: Entries) -> bool:
    return "from" in tree.entries or "cycle" in tree.entries


def _check_spread(parameter: Parameter, tree: Entries, name: str, problems: Problems) -> None:
    cycle, kind = tree.get("cycle"), parameter.kind
    kind = kind.parameters[kind.leading].kind if isinstance(kind, Object) else kind
    if "cycle" in tree.entries:
        if not _spread("cycle").is_valid(plain(tree)) or not isinstance(cycle, Items):
            wrong(name, tree, "{cycle: [a, b]}, values in turn", problems)
            return
        for item in cycle.items:
            if isinstance(item, Entries) or (isinstance(item, Scalar) and item.value is None):
                wrong(name, item, parameter.wanted, problems)
            else:
                check_value(parameter, item, name, problems)
    elif "from" not in tree.entries or not isinstance(kind, Kind) or not kind.bounds:
        wrong(name, tree, parameter.wanted, problems)
    elif not _spread("from").is_valid(plain(tree)):
        wrong(
            name,
            tree,
            "a ramp {from: a, step: b}, {from: a, to: b} or {from: a, upto: b}",
            problems,
        )


def wrong(
    name: str,
    tree: Tree,
    wanted: str,
    problems: Problems,
    verb: str = "is",
    *,
    near: Sequence[str] = (),
) -> None:
    """Report a value that is not what is wanted."""
    off = OFF in wanted and isinstance(tree, Scalar) and tree.value in ("no", "off", "-", False)
    hint = "write 'none' for off, '~' for not said" if off else ""
    if not hint and near and isinstance(tree, Scalar):
        hint = did_you_mean(str(tree.value), near)
    problems.add("E105", f"'{name}' {verb} {_shown(tree)}; wanted: {wanted}", tree.span, hint)


def _shown(tree: Tree) -> str:
    value = plain(tree)
    if isinstance(value, float):
        return f"{value:.12g}"
    return "not said" if value is None else quoted(value)


@cache
def _skeleton(key: str) -> Any:  # noqa: ANN401  jsonschema's validators have no public type
    return jsonschema.Draft7Validator(SKELETON[key][0])


@cache
def _spread(form: str) -> Any:  # noqa: ANN401
    return jsonschema.Draft7Validator(CYCLE_SCHEMA if form == "cycle" else RAMP_SCHEMA)


@cache
def _validator(kind: Kind) -> Any:  # noqa: ANN401
    return jsonschema.Draft7Validator(kind.schema)


def _fits(kind: Kind, tree: Tree) -> bool:
    if isinstance(tree, Scalar):
        return _scalar_fits(kind, type(tree.value), tree.value)
    return bool(_validator(kind).is_valid(plain(tree)))


@lru_cache(maxsize=4096)
def _scalar_fits(kind: Kind, _type: type, value: object) -> bool:
    # The type is part of the key: 1, 1.0 and True are equal to a cache.
    return bool(_validator(kind).is_valid(value))
