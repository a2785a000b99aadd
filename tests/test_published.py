"""The schema for editors takes what the program takes and shows the mistakes that it can see."""

import json
from collections.abc import Iterator

import archspec
import jsonschema
import pytest
from archspec import api, zoo
from archspec.errors import Problems
from archspec.parameters import RowKeys, parameters_of
from archspec.schema import check_value
from archspec.source import parse, plain
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.strategies import clean_documents, documents

SCHEMA = archspec.json_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
a_few = settings(max_examples=150, suppress_health_check=list(HealthCheck))


def read(text: str) -> object:
    return plain(parse(text, "net.yaml"))


def found(text: str) -> list[str]:
    """The places where the schema finds something, outermost first."""
    return [fault.json_path for fault in VALIDATOR.iter_errors(read(text))]


def test_the_published_file_is_current():
    text = (zoo.folder() / "archspec.schema.json").read_text(encoding="utf-8")
    assert text == api.schema_text()
    assert json.loads(text) == SCHEMA


def test_it_is_a_schema_of_draft_07():
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_every_reference_leads_somewhere():
    def references(schema: object) -> Iterator[str]:
        if isinstance(schema, dict):
            yield from [schema["$ref"]] if "$ref" in schema else []
            for inner in schema.values():
                yield from references(inner)
        elif isinstance(schema, list):
            for inner in schema:
                yield from references(inner)

    for reference in set(references(SCHEMA)):
        inner = SCHEMA
        for step in reference.removeprefix("#/").split("/"):
            inner = inner[step]
        assert isinstance(inner, dict)


@pytest.mark.parametrize("path", sorted(zoo.folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_the_zoo_has_no_faults(path):
    assert found(path.read_text(encoding="utf-8")) == []


NET = "archspec: 1\nname: net\ninput: 32\n"
FINE = {
    "rows as a list": "stages:\n  - {block: conv, channels: 8, kernel: 3}\n",
    "rows in a table": """
stages:
  block: conv
  kernel: 3
  columns: [channels, stride]
  rows:
    - [8, 1]
    - {channels: 16, stride: 2, width: fixed, name: last}
""",
    "a block of its own in each row": """
stages:
  columns: [block, name, inputs, channels, repeats, depth]
  conv: {kernel: 3}
  rows:
    - [conv, a, ~, 8, 1, fixed]
    - [inverted_residual, b, [a], 8, 2, ~]
  inverted_residual: {expansion: 2}
""",
    "dotted keys and columns": """
defaults: {norm.type: batch, conv.bias: true}
stages:
  se.gate: sigmoid
  columns: [block, channels, se.ratio, expand.activation, expansion.ratio]
  rows:
    - [inverted_residual, 8, 0.5, relu, 2]
    - {block: inverted_residual, channels: 8, expansion: 2, norm.epsilon: 1e-3, rounding.divisor: 8}
""",
    "short objects and full ones": """
scaling: 0.5
defaults: {norm: batch, se: 1/4, init: normal}
stages:
  - {block: inverted_residual, channels: 8, expansion: 2, se: {of: input, rounding: down}}
  - {block: inverted_residual, channels: 8, expansion: {ratio: 88/24, of: 24}, norm: {type: layer}}
""",
    "off and not said": """
defaults: {norm: batch, activation: relu, padding: ~}
stages:
  - {block: conv, channels: 8, kernel: 3, norm: none, activation: none, groups: ~, rounding: none}
  - {block: inverted_residual, channels: 8, expansion: 2, se: none, residual: none}
  - {block: inverted_residual, channels: 8, expansion: 2, depthwise: {norm: none}}
""",
    "ramps and cycles": """
defaults: {drop_path: {from: 0, to: 0.2}}
stages:
  channels: {from: 8, step: 8}
  columns: [block, expansion, repeats, se]
  rows:
    - [inverted_residual, {cycle: [2, 4]}, 2, {ratio: {cycle: [0.5, 1]}, rounding: down}]
    - [inverted_residual, 2, 2, {cycle: [0.25, none]}]
""",
    "kernels": """
stages:
  block: inverted_residual
  expansion: 2
  channels: 8
  columns: [kernel]
  rows: [[3], [1x7], [[3, 5]], [[3, 1x5, 5]]]
""",
    "changes": """
extends: mobilenet_v2
scaling: {width: 0.5}
change: {stages.s1.kernel: 5, stages.*.stride: [1, 1, ~, ~, ~, ~, ~], head.conv.channels: 640}
remove: [stages.s7]
insert:
  - {after: stages.s5, rows: [{block: inverted_residual, name: more, expansion: 2, channels: 96}]}
  - before: head.classifier
    rows:
      - {name: drop, block: dropout, rate: 0.5}
outputs: {early: s3, late: last}
output_stride: 16
head:
  - {block: conv, name: last, channels: 64, kernel: 1}
  - {block: global_pool}
  - {block: classifier}
""",
    "variants as a table": """
stages:
  - {block: conv, channels: 8, kernel: 3}
variants:
  columns: [name, scaling.width, stages.*.channels, input, equals.keras]
  rows:
    - ["0.5", 0.5, ~, [32, 48, 3], MobileNetV2(alpha=0.5)]
    - [b, ~, [16], 64, ~]
""",
    "variants as axes": """
stages:
  - {block: conv, channels: 8, kernel: 3}
variants:
  - columns: [name, classes]
    rows: [[few, 10]]
  - small: {scaling: {width: 0.5}}
    same: {}
    as_it_is:
    other:
      source: "nowhere"
      equals: {timm: net, keras: {class: MobileNet, alpha: 0.25}}
      defaults: {bias: true}
      stages:
        block: conv
        columns: [channels, kernel]
        rows: [[8, 3], [8, 5]]
      change: {stages.s1.channels: 16}
      remove: [stages.s2]
""",
}


@pytest.mark.parametrize("body", FINE.values(), ids=FINE)
def test_every_form_that_the_program_takes_is_taken(body, tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(NET + body, encoding="utf-8")
    assert [str(fault) for fault in archspec.check(str(path))] == []
    assert found(NET + body) == []


def is_seen_whole(document: dict) -> bool:
    """Whether the program looks at all of it: not at what is removed or replaced.

    Under an empty key stands the short form of an object in what the program itself writes.
    """
    text = json.dumps(document)
    return not any(f'"{word}":' in text for word in ("remove", "change", ""))


@a_few
@given(document=st.one_of(documents, clean_documents))
def test_what_the_program_takes_the_schema_takes(document, tmp_path_factory):
    assume(is_seen_whole(document))
    path = tmp_path_factory.getbasetemp() / "net.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    if not archspec.check(str(path)):
        assert [fault.json_path for fault in VALIDATOR.iter_errors(document)] == []


VALUES = [
    *(None, True, False, 0, 1, 2, 3, 64, 1024, 10**6, -1, 0.25, 1.0, 1e9),
    *("none", "auto", "1/4", "1x3", "relu", "same", "batch", "layer", "down", "half_up", "normal"),
    *("average", "max", "up", "fixed", "partial", "always", "dense", "no", "off", "1/0", ""),
    *([], [3], [3, 5], [1, 2, 3], [64, 64, 3], ["1x3", 5], [None]),
    *({"from": 0, "to": 1}, {"from": 8, "step": 8}, {"from": 1}, {"cycle": []}, {"cycle": [1]}),
    *({}, {"ratio": 0.5}, {"ratio": 65}, {"of": 24}, {"of": "all"}, {"scale": "1/3"}, {"type": 1}),
    *({"type": "batch", "epsilon": 1e-3}, {"kernel": [3, 5]}, {"kernel": "a"}, {"norm": "none"}),
    *({"mode": "down", "divisor": 8}, {"divisor": 0}, {"norm": {"type": 1}}, {"keep": "none"}),
]
PARAMETERS = [
    (block, name, parameter)
    for block in archspec.BLOCKS
    for name, parameter in {
        **parameters_of(archspec.BLOCKS[block].parameters),
        **parameters_of(RowKeys),
    }.items()
]


@pytest.mark.parametrize(("block", "name", "parameter"), PARAMETERS)
def test_a_value_of_a_row_is_judged_as_the_program_judges_it(block, name, parameter):
    for value in VALUES:
        problems = Problems()
        check_value(parameter, parse(json.dumps(value), "value"), name, problems)
        document = {"archspec": 1, "name": "net", "stem": [{"block": block, name: value}]}
        # The items of a cycle are what the program alone looks at.
        is_fine = not problems or value == {"cycle": [1]}
        assert (VALIDATOR.is_valid(document), value) == (is_fine, value)


WRONG = [
    ("stagess: []", "$"),
    ("stem: [{block: conv, kernal: 3}]", "$.stem[0]"),
    ("stem: [{block: pool, channels: 3}]", "$.stem[0]"),
    ("stem: [{block: conv, kernal.x: 3}]", "$.stem[0]"),
    ("stem: [{block: conv, channels: many}]", "$.stem[0].channels"),
    ("stem: [{block: conv, padding: sam}]", "$.stem[0].padding"),
    ("stem: [{block: conv, norm: {type: batch, epsilom: 1}}]", "$.stem[0].norm"),
    ("stem: [{block: convv}]", "$.stem[0].block"),
    ("stem: [conv]", "$.stem[0]"),
    ("stem: [[conv]]", "$.stem[0]"),
    ("stages: {block: convv}", "$.stages.block"),
    ("stages: {rows: [[3]]}", "$.stages.rows[0]"),
    ("stages: {rows: [{kernal: 3}]}", "$.stages.rows[0]"),
    ("stages: {kernal: 3}", "$.stages"),
    ("stages: {conv: {kernal: 3}}", "$.stages.conv"),
    ("stages: {columns: [kernal], rows: []}", "$.stages.columns[0]"),
    ("stages: {columns: [kernel, kernel], rows: []}", "$.stages.columns"),
    ("stages: {columns: [kernel, stride], rows: [[3, 1], [3]]}", "$.stages.rows[1]"),
    ("stages: {columns: [kernel, stride], rows: [[3, 1, 1]]}", "$.stages.rows[0]"),
    ("defaults: {kernal: 3}", "$.defaults"),
    ("defaults: {conv: {kernal: 3}}", "$.defaults.conv"),
    ("scaling: {widht: 1}", "$.scaling"),
    ("variants: {columns: [scaling.width], rows: []}", "$.variants.columns[0]"),
    ("variants: {columns: [name, scalling], rows: []}", "$.variants.columns[1]"),
    ("variants: {columns: [name, input], rows: [[1.0, 1]]}", "$.variants.rows[0][0]"),
    ("variants: {columns: [name, input], rows: [[a]]}", "$.variants.rows[0]"),
    ("variants: [{a: {stagess: []}}]", "$.variants[0].a"),
    ("change: {stagess.s1.kernel: 3}", "$.change"),
    ("insert: [{after: stages.s1, rows: [{block: conv}]}]", "$.insert[0].rows[0]"),
    ("remove: stages.s1", "$.remove"),
]


@pytest.mark.parametrize(("line", "place"), WRONG)
def test_a_mistake_that_an_editor_can_see_is_shown_where_it_is(line, place):
    assert found(NET + line) == [place]


def explained(properties: dict[str, object]) -> list[str]:
    return [name for name, said in properties.items() if not said.get("description")]


def test_every_word_is_explained():
    definitions = SCHEMA["definitions"]
    written = {
        name: definition["properties"]
        for name, definition in definitions.items()
        if "properties" in definition and name not in {"defaults", "table", "body"}
    }
    assert explained(SCHEMA["properties"]) == []
    assert {name: explained(properties) for name, properties in written.items()} == {
        name: [] for name in written
    }
    assert {f"block_{name}" for name in archspec.BLOCKS} < set(written)
