"""A spec to start from: what `archspec new` writes."""

import json
from collections.abc import Mapping
from typing import Any

from archspec.errors import error, quoted
from archspec.fmt import fmt
from archspec.spec import Spec

SCHEMA = "archspec.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA}"


def draft(name: str, reference: str, spec: Spec) -> str:
    """The text of a spec that extends another, with its table of stages ready to be edited.

    Args:
        name: of the new spec.
        reference: what it extends, `mobilenet_v2` or `mobilenet_v3:large`.
        spec: the same, resolved.

    Raises:
        SpecError: E113, the name is none.
    """
    if not name.isidentifier() or not name.isascii():
        raise error(
            "E113", f"{quoted(name)} is not a name", hint="letters, digits and _, a letter first"
        )
    height, width, channels = spec.input
    size = str(height) if (height, channels) == (width, 3) else str(list(spec.input))
    lines = [
        MODELINE,
        "archspec: 1",
        f"name: {name}",
        f'extends: "{reference}"          # everything that is not said here comes from there',
        f"input: {size}          # height and width; [height, width, channels] says all three",
        f"classes: {spec.classes}",
        "# scaling: {width: 0.75}          # every count of channels times 0.75, rounded by rule",
        "# defaults: {activation: hard_swish}          # for every block that does not say otherwise",
        "# change: {stages.s4.kernel: 5}          # one cell of the table, by its path",
        *_table(spec.document["stages"]),
    ]
    return fmt("\n".join(lines) + "\n", f"{name}.yaml")


def _table(stages: Any) -> list[str]:  # noqa: ANN401  plain data of a spec
    """`stages` as a table: what all rows share, then columns and rows."""
    table: Mapping[str, Any] = stages if isinstance(stages, dict) else {"rows": stages}
    rows: list[Mapping[str, Any]] = [_flat(row) for row in table["rows"]]
    columns = list(dict.fromkeys(key for row in rows for key in row if key != "name"))
    shared = [f"  {key}: {_flow(value)}" for key, value in table.items() if key != "rows"]
    cells = [f"    - [{', '.join(_flow(row.get(column)) for column in columns)}]" for row in rows]
    return ["stages:", *shared, f"  columns: [{', '.join(columns)}]", "  rows:", *cells]


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The row with paths for keys: {"se": {"ratio": 0.25}} is {"se.ratio": 0.25}."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and not {"from", "cycle", ""} & set(value):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _flow(value: Any) -> str:  # noqa: ANN401
    """A value in YAML's flow style, words without quotes where they can be."""
    if value is None:
        return "~"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and value.replace("_", "a").replace("/", "1").isalnum():
        return value
    return json.dumps(value)
