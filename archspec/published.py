"""The JSON Schema of spec files: what an editor completes, explains and underlines.

It says as much of the language as JSON Schema can; `archspec check` says all of it. Whatever the
program takes, the schema takes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from archspec.schema import BODY, NAME, REQUIRED, SEARCH, SETTABLE, SKELETON
from archspec.spec import SECTIONS

Schema: TypeAlias = dict[str, Any]
Blocks: TypeAlias = Mapping[str, type[Any]]

_ROW_WORDS = ("block", "name", "inputs", *parameters_of(RowKeys))
_TABLE_WORDS = ("block", *parameters_of(RowKeys))
_MAX_COLUMNS = 24
"""In a wider table the editor does not count the cells."""

_MEANINGS = {
    "archspec": "version of the language",
    "name": "what the net is called: letters, digits and _, a letter first",
    "source": "where the numbers are from: paper and table",
    "extends": "the spec that this one changes: a name of the zoo or a path to a .yaml file, with "
    'variants as in "efficientnet:b1"',
    "equals": "library → the implementation that it is proved equal to: {keras: MobileNetV2}",
    "defaults": "what rows take where neither they nor their table say it, for all or for a block",
    "stem": "the rows before the stages",
    "stages": "the rows of the paper's table, called s1, s2, … where they have no name",
    "head": "the rows behind the stages",
    "outputs": "output → row, such as {c4: s5}; without it the last row is the one output",
    "variants": "what may be chosen behind a colon: a table, or a mapping from names to what they "
    "change, or a list of those, at most one chosen from each",
    "search": "the space that a sweep tries: paths, and the values of each",
    "change": "path → value, such as {stages.s4.kernel: 5}, after all else is merged",
    "remove": "rows to leave out, such as stages.s5; the others keep their names",
    "insert": "rows to put in: {after: stages.s4, rows: […]}, or before; each has a name",
    "cycle": "the values in turn, block after block",
    "from": "the value in the first block",
    "step": "what each further block adds",
    "to": "the value in the last block",
    "upto": "the value that one more block would have",
}


def published(blocks: Blocks) -> Schema:
    """The schema of whole files.

    Args:
        blocks: block name → parameter class.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_closed(_document()),
        "required": list(REQUIRED),
        "definitions": {
            "cycle": _spread(CYCLE_SCHEMA),
            "ramp": _spread(RAMP_SCHEMA),
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
        "search": SEARCH,
        "change": {"type": "object", "propertyNames": _path(SETTABLE)},
        "insert": {"type": "array", "items": _insertion()},
    }
    said = _values(parameters_of(Document))
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


def _list_or(items: Schema, other: Schema) -> Schema:
    return {"if": {"type": "array"}, "then": items, "else": other}


def _any_of(schemas: Iterable[Schema]) -> Schema:
    found: list[Schema] = []
    for schema in schemas:
        if schema not in found:
            found.append(schema)
    return {"anyOf": found}


def _dotted(words: Iterable[str], steps: str = "+") -> str:
    """A pattern of paths that begin with one of some words."""
    return rf"^({'|'.join(words)})(\.([A-Za-z0-9][A-Za-z0-9_]*|\*)){steps}$"


def _path(words: Iterable[str]) -> Schema:
    wanted = f"wanted: a path that begins with one of {', '.join(words)}"
    return {"type": "string", "pattern": _dotted(words, "*"), "patternErrorMessage": wanted}


def _spread(schema: Schema) -> Schema:
    """A cycle or a ramp, each word explained; what it is spread over is explained outside."""
    said = schema["properties"].items()
    properties = {word: {"description": _MEANINGS[word], **inner} for word, inner in said}
    kept = {key: inner for key, inner in schema.items() if key != "description"}
    return {**kept, "properties": properties}


def _values(parameters: Mapping[str, Parameter]) -> Schema:
    return {name: _value([parameter]) for name, parameter in parameters.items()}


def _value(parameters: Sequence[Parameter]) -> Schema:
    """What may be said for a parameter, or for any of several of one name."""
    meaning = "; ".join(dict.fromkeys(parameter.doc for parameter in parameters))
    # Objects of several classes may want the same words.
    every = [parameter.kind for parameter in parameters]
    kinds = {getattr(kind, "type", kind.wanted): kind for kind in every}.values()
    off = [{"enum": [OFF]}] if any(parameter.off for parameter in parameters) else []
    plain = [*(form for kind in kinds for form in _plain(kind)), *off, {"type": "null"}]
    mappings = [form for kind in kinds for form in _mappings(kind)]
    if not any(isinstance(kind, Object) for kind in kinds):
        return {"description": meaning, **_any_of([*plain, *mappings])}
    # Told apart first, a wrong field is not reported as a wrong word. Editors offer the examples.
    words = [word for form in plain for word in form.get("enum", [])]
    return {
        "description": meaning,
        **({"examples": words} if words else {}),
        "if": {"type": "object"},
        "then": _any_of(mappings),
        "else": _any_of(plain),
    }


def _plain(kind: Kind | Object) -> Iterator[Schema]:
    """What is no mapping; for an object, what its leading field may be."""
    leading = kind.parameters[kind.leading].kind if isinstance(kind, Object) else kind
    if isinstance(leading, Kind):
        yield leading.schema


def _mappings(kind: Kind | Object) -> Iterator[Schema]:
    leading = kind.parameters[kind.leading].kind if isinstance(kind, Object) else kind
    if isinstance(kind, Object):
        yield _reference(kind.type.__name__)
    if isinstance(leading, Kind) and leading.bounds:
        yield _reference("ramp")
    yield _reference("cycle")


def _objects(classes: Iterable[type[Any]]) -> Iterator[tuple[str, Schema]]:
    """The objects that parameters of these classes may be, and those inside them."""
    for cls in classes:
        for parameter in parameters_of(cls).values():
            yield from _within(parameter.kind)


def _within(kind: Kind | Object) -> Iterator[tuple[str, Schema]]:
    if isinstance(kind, Object):
        yield kind.type.__name__, _closed(_values(kind.parameters))
        for parameter in kind.parameters.values():
            yield from _within(parameter.kind)


def _block(cls: type[Any]) -> Schema:
    """What a block's rows may say; what the rows of all blocks may say stands in `row`."""
    said = _values(parameters_of(cls))
    return {"description": cls.__doc__, **_closed(said, _besides(said))}


def _any_block(blocks: Blocks) -> Schema:
    """Every parameter with all that any block takes for it."""
    found: dict[str, list[Parameter]] = {}
    for cls in blocks.values():
        for name, parameter in parameters_of(cls).items():
            found.setdefault(name, []).append(parameter)
    said = {name: _value(parameters) for name, parameters in sorted(found.items())}
    return _closed(said, _besides(said))


def _besides(said: Iterable[str]) -> str:
    """A pattern of what else stands in a row: the words of every row, and paths."""
    return f"^({'|'.join(_ROW_WORDS)})$|{_dotted((*_ROW_WORDS, *said))}"


def _tables(blocks: Blocks) -> Schema:
    """The definitions of rows, of sections that hold them, and of what they fall back on."""
    row, any_block = _row(blocks), _any_block(blocks)
    words = {**row["properties"], **any_block["properties"]}
    meanings = {word: said["description"] for word, said in words.items()}
    # Where a block and a parameter have one name, the parameter is meant.
    outer = {
        **{name: _reference(f"block_{name}") for name in blocks},
        **{name: _reference(f"any_block/properties/{name}") for name in any_block["properties"]},
    }
    inner = {name: _reference(f"row/properties/{name}") for name in _TABLE_WORDS}
    return {
        "any_block": any_block,
        "defaults": _closed(outer, _dotted(outer)),
        "row": row,
        "cells": {
            "description": "a cell for each column; ~ where nothing is said",
            "type": "array",
            "minItems": 1,
        },
        "cell_counts": _cell_counts(),
        "table": _table({**inner, **outer}, meanings),
        "section": _list_or({"items": _reference("row"), "minItems": 1}, _reference("table")),
    }


def _row(blocks: Blocks) -> Schema:
    """A row that is a mapping; without `block` it has its table's, which cannot be seen here."""
    names = [{"const": name, "description": cls.__doc__} for name, cls in blocks.items()]
    tap = {"type": "string", "minLength": 1}
    chosen = [
        {
            "if": {"type": "object", "properties": {"block": {"const": name}}},
            "then": _reference(f"block_{name}"),
        }
        for name in blocks
    ]
    return {
        "type": "object",
        "properties": {
            "block": {"description": "what the row builds", **_any_of(names)},
            "name": {
                "description": "what paths call the row; else s1, s2, … or the name of its block",
                "type": "string",
                "pattern": NAME,
            },
            "inputs": {
                "description": "rows, or parts such as s6.1.expand, to read, not the row before",
                **_any_of([tap, {"type": "array", "items": tap, "minItems": 1}]),
            },
            **_values(parameters_of(RowKeys)),
        },
        "if": {"required": ["block"]},
        "then": {"allOf": chosen},
        "else": _reference("any_block"),
    }


def _table(said: Schema, meanings: Mapping[str, str]) -> Schema:
    """A section with columns, whose words mean something, rows, and what these fall back on."""
    heads = [{"const": word, "description": meaning} for word, meaning in meanings.items()]
    columns = {
        "description": "what the cells say: parameters, or paths such as se.ratio",
        "type": "array",
        "items": _any_of([*heads, {"type": "string", "pattern": _dotted(meanings)}]),
        "minItems": 1,
        "uniqueItems": True,
    }
    rows = {
        "description": "lists with a cell for each column, ~ where nothing is said; or mappings",
        "type": "array",
        "items": _list_or(_reference("cells"), _reference("row")),
    }
    return {
        **_closed({"columns": columns, "rows": rows, **said}, _dotted(said)),
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
    return {
        "variants": _list_or({"items": _reference("axis"), "minItems": 1}, _reference("axis")),
        "axis": {
            "type": "object",
            "if": {"required": ["columns"]},
            "then": _reference("choices"),
            "else": {"additionalProperties": _any_of([_reference("body"), {"type": "null"}])},
        },
        "choices": _choices(),
        "body": _closed({name: {"$ref": f"#/properties/{name}"} for name in BODY}),
    }


def _choices() -> Schema:
    columns = {
        "description": "name, then paths that the cells set: scaling.width, stages.*.channels",
        "type": "array",
        "items": [{"const": "name"}],
        "additionalItems": _path(SETTABLE),
        "minItems": 1,
        "uniqueItems": True,
    }
    name = {"description": 'a text, so a number stands in quotes: "1.0"', "type": "string"}
    rows = {
        "description": "a list for each variant, ~ where it says nothing",
        "type": "array",
        "items": {"type": "array", "items": [name], "minItems": 1},
    }
    choices = _closed({"columns": columns, "rows": rows})
    return {**choices, "required": ["rows"], "allOf": [_reference("cell_counts")]}
