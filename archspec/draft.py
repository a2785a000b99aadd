"""A spec to start from: what `archspec new` writes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from archspec.errors import SpecError
from archspec.fmt import fmt
from archspec.source import dump, parse, plain
from archspec.spec import SECTIONS, Spec

Data: TypeAlias = "bool | float | str | list[Data] | dict[str, Data] | None"
"""What a spec's document is made of."""

SCHEMA = "archspec.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA}"

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")


def draft(name: str, reference: str, spec: Spec) -> str:
    """The text of a spec that extends another, with its table of stages ready to be edited.

    Until it is edited it is the same net.

    Args:
        name: of the new spec.
        reference: what it extends, `mobilenet_v2` or `mobilenet_v3:large`.
        spec: the same, resolved.
    """
    height, width, channels = spec.input
    size = height if (height, channels) == (width, 3) else list(spec.input)
    lines = [
        MODELINE,
        "archspec: 1",
        f"name: {name}",
        *_commented(
            (f"extends: {_flow(reference)}", "what is not said here is as it is there"),
            (f"input: {size}", "height and width, or [height, width, channels]"),
            (f"classes: {spec.classes}", "width of the classifier"),
        ),
        *_commented(*_hints(spec)),
        *(_table(spec.document["stages"]) if "stages" in spec.document else ()),
    ]
    return fmt("\n".join(lines) + "\n", f"{name}.yaml")


def recovered(name: str, spec: Spec) -> str:
    """The text of a spec that says all that another one does, in tables.

    Args:
        name: of the new spec.
        spec: resolved, as an exported file holds it.
    """
    document: dict[str, Any] = {**spec.document, "name": name}
    tables = [key for key in SECTIONS if key in document]
    lines = [
        MODELINE,
        *(f"{key}: {_flow(value)}" for key, value in document.items() if key not in tables),
        *(line for key in tables for line in _section(key, document[key])),
    ]
    return fmt("\n".join(lines) + "\n", f"{name}.yaml")


def _section(key: str, value: dict[str, Data] | list[Data]) -> list[str]:
    """`stages` as a table, stem and head as a list of rows."""
    if key == "stages":
        return _table(value)
    if isinstance(value, list):
        return [f"{key}:", *(f"  - {_flow(row)}" for row in value)]
    rows = value["rows"]
    assert isinstance(rows, list)  # noqa: S101  a document is as the spec wrote it
    shared = [f"  {word}: {_flow(inner)}" for word, inner in value.items() if word != "rows"]
    return [f"{key}:", *shared, "  rows:", *(f"    - {_flow(row)}" for row in rows)]


def _hints(spec: Spec) -> Iterator[tuple[str, str]]:
    """What else one often says, as comments."""
    yield "# scaling: {width: 0.75}", "every count of channels times 0.75, rounded by rule"
    yield "# defaults: {activation: hard_swish}", "for every block that says nothing else"
    for row in spec.rows:
        said = row.settings.get("channels")
        if row.section != "stages" and said and said.span:
            cell = f"{row.path}.channels: {said.span.text}"
            yield f"# change: {{{cell}}}", "what the stem or the head says, by its path"
            return


def _commented(*lines: tuple[str, str]) -> Iterator[str]:
    column = max(len(text) for text, _why in lines) + 2
    return (f"{text.ljust(column)}# {why}" for text, why in lines)


def _table(stages: dict[str, Data] | list[Data]) -> list[str]:
    """`stages` as a table: what all rows share, then columns and rows."""
    table: Mapping[str, Data] = stages if isinstance(stages, dict) else {"rows": stages}
    rows = table["rows"]
    assert isinstance(rows, list)  # noqa: S101  a document is as the spec wrote it
    flat = [dict(_flat(row, "")) for row in rows]
    words = dict.fromkeys(key for row in flat for key in row)
    columns = sorted(words, key=lambda word: word != "name")
    shared = [f"  {key}: {_flow(value)}" for key, value in table.items() if key != "rows"]
    cells = [f"    - {_flow([row.get(column) for column in columns])}" for row in flat]
    return ["stages:", *shared, f"  columns: [{', '.join(columns)}]", "  rows:", *cells]


def _flat(value: Data, path: str) -> Iterator[tuple[str, Data]]:
    """Values by their paths: {"se": {"ratio": 0.25}} is se.ratio: 0.25."""
    if not isinstance(value, dict) or {"from", "cycle", ""} & set(value):
        yield path, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{path}.{key}" if path else key)


def _flow(value: Data) -> str:
    """A value in YAML's flow style, words without quotes where they can be."""
    if value is None:
        return "~"
    if isinstance(value, dict):
        pairs = (f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, str) and _stays(value):
        return value
    return dump(value)


def _stays(word: str) -> bool:
    """Whether a word without quotes is read as that word, and not as a number or a flag."""
    try:
        return bool(_PLAIN.fullmatch(word)) and plain(parse(word, "")) == word
    except SpecError:
        return False
