"""The JSON Schema of spec files: what an editor completes, explains and underlines.

It says as much of the language as JSON Schema can; `archspec check` says all of it. Whatever the
program takes, the schema takes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from archspec.parameters import (
    CYCLE_SCHEMA,
    OFF,
    RAMP_SCHEMA,
    Document,
    Kind,
    Object,
    Parameter,
    RowKeys,
    parameters_of,
)
from archspec.schema import BODY, NAME, REQUIRED, SETTABLE, SKELETON
from archspec.spec import SECTIONS

Schema: TypeAlias = dict[str, Any]
Blocks: TypeAlias = Mapping[str, type[Any]]

_MAX_COLUMNS = 24
"""In a wider table the editor does not count the cells."""
_ROW_WORDS = ("block", "name", "inputs", *parameters_of(RowKeys))
_TEXT = {"type": "string", "minLength": 1}

_MEANINGS = {
    "archspec": "version of the language",
    "name": "what the net is called: letters, digits and _, a letter first",
    "source": "where the numbers are from: paper and table",
    "extends": "the spec that this one changes: a name of the zoo or a path to a .yaml file, with "
    'variants as in "efficientnet:b1"',
    "equals": "library → the implementation that it is proved equal to, {keras: MobileNetV2}",
    "defaults": "what rows take where neither they nor their table say it: parameters, or blocks "
    "with parameters",
    "stem": "the rows before the stages",
    "stages": "the rows of the paper's table, called s1, s2, … where they have no name",
    "head": "the rows behind the stages",
    "outputs": "output → row, such as {c4: s5}; without it the last row is the one output",
    "variants": "what may be chosen behind a colon: a table, or a mapping from names to what they "
    "change, or a list of those, at most one chosen from each",
    "change": "path → value, such as {stages.s4.kernel: 5}, after all else is merged",
    "remove": "rows to leave out, such as stages.s5; the others keep their names",
    "insert": "rows to put in: {after: stages.s4, rows: […]}, or before; each has a name",
}


def published(blocks: Blocks) -> Schema:
    """The schema of whole files.

    Args:
        blocks: block name → parameter class.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "archspec",
        **_closed(_document()),
        "required": list(REQUIRED),
        "definitions": {
            "cycle": CYCLE_SCHEMA,
            "ramp": RAMP_SCHEMA,
            **dict(_objects((Document, RowKeys, *blocks.values()))),
            **{f"block_{name}": _block(cls) for name, cls in blocks.items()},
            **_tables(blocks),
            **_variants(),
        },
    }


def _document() -> Schema:
    refined = {
        "defaults": _reference("defaults"),
        **dict.fromkeys(SECTIONS, _reference("section")),
        "variants": _reference("variants"),
        "change": {"type": "object", "propertyNames": {"pattern": _path(SETTABLE)}},
        "insert": {"type": "array", "items": _reference("insertion")},
    }
    said = {name: _value(parameter) for name, parameter in parameters_of(Document).items()}
    for name, (schema, _) in SKELETON.items():
        if name not in said:
            said[name] = _explained(_MEANINGS[name], refined.get(name, schema))
    return {name: said[name] for name in SKELETON}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _explained(meaning: str, schema: Schema) -> Schema:
    # Beside a $ref nothing is read in draft-07.
    return {"description": meaning, **({"allOf": [schema]} if "$ref" in schema else schema)}


def _closed(properties: Schema, pattern: str = "") -> Schema:
    """A mapping with these keys alone, or with keys that match a pattern too, and any value."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"patternProperties": {pattern: {}}} if pattern else {})


def _path(words: Iterable[str], steps: str = "*") -> str:
    """A pattern of paths that begin with one of some words."""
    return rf"^({'|'.join(words)})(\.([A-Za-z0-9][A-Za-z0-9_]*|\*)){steps}$"


def _value(parameter: Parameter) -> Schema:
    """What may be said for a parameter."""
    schema: Schema = {"description": parameter.doc, "anyOf": _forms(parameter)}
    if isinstance(parameter.default, bool | int | float | str):
        schema["default"] = parameter.default
    return schema


def _forms(parameter: Parameter) -> list[Schema]:
    forms = list(_kinds(parameter.kind))
    return [*forms, *([{"const": OFF}] if parameter.off else []), {"type": "null"}]


def _kinds(kind: Kind | Object) -> Iterator[Schema]:
    if isinstance(kind, Object):
        yield _reference(kind.type.__name__)
        leading = kind.parameters[kind.leading].kind
        if isinstance(leading, Kind):
            yield leading.schema
    else:
        yield kind.schema
    yield _reference("cycle")
    if isinstance(kind, Kind) and kind.bounds:
        yield _reference("ramp")


def _objects(classes: Iterable[type[Any]]) -> Iterator[tuple[str, Schema]]:
    """The objects that parameters of these classes may be, and those inside them."""
    for cls in classes:
        for parameter in parameters_of(cls).values():
            yield from _within(parameter.kind)


def _within(kind: Kind | Object) -> Iterator[tuple[str, Schema]]:
    if isinstance(kind, Object):
        fields = kind.parameters
        # A field has no default here: what a part does not say, its block says.
        forms = {
            name: {"description": field.doc, "anyOf": _forms(field)}
            for name, field in fields.items()
        }
        yield kind.type.__name__, _closed(forms)
        for field in fields.values():
            yield from _within(field.kind)


def _block(cls: type[Any]) -> Schema:
    """What a block's rows may say; what all rows may say stands in `row`."""
    said = {name: _value(parameter) for name, parameter in parameters_of(cls).items()}
    return {"description": cls.__doc__, **_closed(said, _other(said))}


def _other(said: Iterable[str]) -> str:
    """A pattern of what else a row may say: the words of every row, and paths."""
    return f"^({'|'.join(_ROW_WORDS)})$|{_path((*_ROW_WORDS, *said), '+')}"


def _any_block(blocks: Blocks) -> Schema:
    """Every parameter with all that any block takes for it."""
    found: dict[str, list[Parameter]] = {}
    for cls in blocks.values():
        for name, parameter in parameters_of(cls).items():
            found.setdefault(name, []).append(parameter)
    said: Schema = {}
    for name, parameters in sorted(found.items()):
        docs = dict.fromkeys(parameter.doc for parameter in parameters)
        forms = [form for parameter in parameters for form in _forms(parameter)]
        unique = [form for at, form in enumerate(forms) if form not in forms[:at]]
        said[name] = {"description": "; ".join(docs), "anyOf": unique}
    return _closed(said, _other(said))


def _tables(blocks: Blocks) -> Schema:
    """The definitions of rows, of sections that hold them, and of what they fall back on."""
    any_block = _any_block(blocks)
    said = {name: _reference(f"any_block/properties/{name}") for name in any_block["properties"]}
    # Where a block and a parameter have one name, the parameter is meant.
    outer = {**{name: _reference(f"block_{name}") for name in blocks}, **said}
    block = {"description": "what the row builds", "enum": list(blocks)}
    keys = {name: _value(parameter) for name, parameter in parameters_of(RowKeys).items()}
    return {
        "any_block": any_block,
        "defaults": _closed(outer, _path(outer, "+")),
        "row": _row(block, keys),
        "section": _list_or(
            {"items": _reference("row"), "minItems": 1},
            _table({"block": block, **keys, **outer}, _columns((*_ROW_WORDS, *said))),
        ),
        "cells": {
            "description": "a cell for each column; ~ where nothing is said",
            "type": "array",
            "minItems": 1,
        },
        "cell_counts": _cell_counts(),
        "insertion": _insertion(),
    }


def _list_or(items: Schema, other: Schema) -> Schema:
    return {"if": {"type": "array"}, "then": items, "else": other}


def _row(block: Schema, keys: Schema) -> Schema:
    """A row that is a mapping; without `block` it has its table's, which cannot be seen here."""
    chosen = [
        {"if": {"properties": {"block": {"const": name}}}, "then": _reference(f"block_{name}")}
        for name in block["enum"]
    ]
    words = {
        "block": block,
        "name": {
            "description": "what paths call the row; else s1, s2, … or the name of its block",
            "type": "string",
            "pattern": NAME,
        },
        "inputs": {
            "description": "rows, or parts such as s6.1.expand, to read instead of the row before",
            "anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}],
        },
    }
    return {
        "type": "object",
        "properties": {**words, **keys},
        "if": {"required": ["block"]},
        "then": {"allOf": chosen},
        "else": _reference("any_block"),
    }


def _columns(words: Iterable[str]) -> Schema:
    path = {"type": "string", "pattern": _path(words, "+")}
    return {
        "description": "what the cells say: parameters, or paths such as se.ratio",
        "type": "array",
        "items": {"anyOf": [{"enum": list(words)}, path]},
        "minItems": 1,
    }


def _table(said: Schema, columns: Schema) -> Schema:
    rows = {
        "description": "lists with a cell for each column, ~ where nothing is said; or mappings",
        "type": "array",
        "items": _list_or(_reference("cells"), _reference("row")),
    }
    return {
        **_closed({"columns": columns, "rows": rows, **said}, _path(said, "+")),
        "if": {"required": ["columns"]},
        "then": _reference("cell_counts"),
        "else": {"properties": {"rows": {"items": {"type": "object"}}}},
    }


def _cell_counts() -> Schema:
    """As many cells in each list as there are columns, said for each number."""
    counts = ({"minItems": count, "maxItems": count} for count in range(1, _MAX_COLUMNS + 1))
    return {
        "allOf": [
            {
                "if": {"properties": {"columns": {"type": "array", **count}}},
                "then": {"properties": {"rows": {"items": count}}},
            }
            for count in counts
        ]
    }


def _insertion() -> Schema:
    item = SKELETON["insert"][0]["items"]
    named = {"allOf": [_reference("row"), {"required": ["name"]}]}
    rows = {"type": "array", "items": _list_or(_reference("cells"), named), "minItems": 1}
    return {**item, "properties": {**item["properties"], "rows": rows}}


def _variants() -> Schema:
    """The definitions of axes, in both forms, and of what a variant may say."""
    bodies = {"additionalProperties": {"anyOf": [_reference("body"), {"type": "null"}]}}
    return {
        "variants": _list_or({"items": _reference("axis"), "minItems": 1}, _reference("axis")),
        "axis": {
            "type": "object",
            "if": {"required": ["columns"]},
            "then": _reference("choices"),
            "else": bodies,
        },
        "choices": _choices(),
        "body": _closed({name: {"$ref": f"#/properties/{name}"} for name in BODY}),
    }


def _choices() -> Schema:
    columns = {
        "description": "name, then paths that the cells set: scaling.width, stages.*.channels",
        "type": "array",
        "items": [{"const": "name"}],
        "additionalItems": {"type": "string", "pattern": _path(SETTABLE)},
        "minItems": 1,
    }
    name = {"description": 'a text, so a number stands in quotes: "1.0"', "type": "string"}
    row = {"type": "array", "items": [name], "minItems": 1}
    choices = _closed({"columns": columns, "rows": {"type": "array", "items": row}})
    return {**choices, "required": ["rows"], "allOf": [_reference("cell_counts")]}
