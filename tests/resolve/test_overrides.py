"""One path grammar and one meaning of an override: bodies, `change`, cells, `--set` (rules 1 and 10)."""

from json import dumps
from textwrap import dedent

import archspec
import pytest
from archspec.parameters import Norm
from archspec.scaling import Rounding
from archspec.spec import OutputStride
from tests.meaning import of_spec

BASE = """
defaults: {activation: relu, norm: {type: batch, epsilon: 0.5}}
stem: [{block: conv, channels: 8, kernel: 3}]
stages:
  block: inverted_residual
  expansion: 2
  columns: [channels, kernel, se]
  rows:
    - [8,  3, ~]
    - [16, 5, 0.25]
    - [24, 3, none]
head: [{block: global_pool}, {block: dropout, rate: 0.2}, {block: classifier}]
"""


@pytest.fixture
def child(write):
    """Loads a spec that extends BASE and says a text."""
    write(BASE, "base.yaml")
    return lambda text: archspec.load(write(f"extends: base.yaml\n{dedent(text)}", "child.yaml"))


def column(spec, name: str) -> list[object]:
    return [getattr(row.blocks[0], name) for row in spec if row.section == "stages"]


PATHS = [
    ("scaling.width", 0.5, lambda spec: column(spec, "channels"), [4, 8, 12]),
    ("scaling", {"width": 0.5}, lambda spec: column(spec, "channels"), [4, 8, 12]),
    ("input", 16, lambda spec: spec.input, (16, 16, 3)),
    ("stages.s2.kernel", 7, lambda spec: column(spec, "kernel"), [((3, 3),), ((7, 7),), ((3, 3),)]),
    ("stages.*.kernel", 7, lambda spec: column(spec, "kernel"), [((7, 7),)] * 3),
    ("stages.*.channels", [4, None, 6], lambda spec: column(spec, "channels"), [4, 16, 6]),
    ("stages.expansion", 4, lambda spec: [item.ratio for item in column(spec, "expansion")], [4, 4, 4]),
    ("stages.activation", "swish", lambda spec: column(spec, "activation"), ["swish"] * 3),
    ("stages.s2.se.of", "input", lambda spec: [se and se.of for se in column(spec, "se")], [None, "input", None]),
    ("stages.*.se", "none", lambda spec: column(spec, "se"), [None] * 3),
    ("stages.se.ratio", 0.5, lambda spec: [se and se.ratio for se in column(spec, "se")], [0.5, 0.25, None]),
    ("stages.depthwise.activation", "none", lambda spec: [p.activation for p in column(spec, "depthwise")], [None] * 3),
    ("defaults.norm.epsilon", 0.1, lambda spec: column(spec, "norm")[0], Norm(type="batch", epsilon=0.1)),
    ("defaults.norm", "layer", lambda spec: column(spec, "norm")[0], Norm(type="layer")),
    ("defaults.inverted_residual.activation", "swish", lambda spec: column(spec, "activation"), ["swish"] * 3),
    ("head.dropout.rate", 0.5, lambda spec: spec.rows[5].blocks[0].rate, 0.5),
    ("stem.conv.rounding", {"divisor": 4}, lambda spec: spec.rows[0].rounding, Rounding(divisor=4)),
    ("outputs.c2", "s2", lambda spec: [tap.path for tap in spec.outputs.values()], ["s2"]),
    ("output_stride", {"at": 2}, lambda spec: spec.output_stride, OutputStride(2, "at_once")),
    ("equals.keras", "Net(alpha=1.0)", lambda spec: dict(spec.equals), {"keras": "Net(alpha=1.0)"}),
    ("stem", [{"block": "conv", "channels": 4, "kernel": 1}], lambda spec: spec.rows[0].blocks[0].channels, 4),
    ("stages", {"expansion": 4}, lambda spec: [item.ratio for item in column(spec, "expansion")], [4, 4, 4]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "read", "result"), PATHS, ids=[path[0] for path in PATHS]
)
def test_a_path_means_the_same_in_set_change_and_a_cell_of_variants(
    path, value, read, result, load, child
):
    assert read(load(BASE)) != result
    assert read(load(BASE, set={path: value})) == result
    assert read(load(f"{BASE}change: {{{path}: {dumps(value)}}}")) == result
    assert read(child(f"change: {{{path}: {dumps(value)}}}")) == result
    table = f"variants: {{columns: [name, {path}], rows: [[v, {dumps(value)}]]}}"
    assert read(load(f"{BASE}{table}", "v")) == result
    assert (
        read(load(f"{BASE}variants: {{v: {{change: {{{path}: {dumps(value)}}}}}}}", "v")) == result
    )


def test_mappings_merge_and_all_else_replaces(child):
    spec = child(
        """
        defaults: {norm: {momentum: 0.9}, padding: valid}
        head: [{block: flatten}]
        """
    )
    assert spec.rows[0].blocks[0].norm == Norm(type="batch", epsilon=0.5, momentum=0.9)
    assert spec.rows[0].blocks[0].activation == "relu"
    assert [row.path for row in spec if row.section == "head"] == ["head.flatten"]


def test_a_table_without_rows_merges_with_the_table_that_is_there(child):
    spec = child("stages: {expansion: 4, depthwise: {activation: none}}")
    assert [item.ratio for item in column(spec, "expansion")] == [4, 4, 4]
    assert column(spec, "channels") == [8, 16, 24]
    assert spec.rows[1].block == "inverted_residual"


def test_a_table_that_brings_rows_replaces_the_table_whole(child):
    spec = child("stages: {block: conv, rows: [{channels: 8, kernel: 1}]}")
    (row,) = (row for row in spec if row.section == "stages")
    assert (row.block, row.blocks[0].channels) == ("conv", 8)
    assert set(spec.document["stages"]) == {"block", "rows"}


def test_edits_follow_the_body_in_their_order_and_use_the_parent_s_names(child):
    spec = child(
        """
        insert: [{after: stages.s3, rows: [{name: extra, channels: 32}]}]
        remove: [stages.s2]
        change: {stages.s3.kernel: 7}
        stages: {kernel: 5}
        """
    )
    assert [(row.name, row.blocks[0].kernel) for row in spec if row.section == "stages"] == [
        ("s1", ((3, 3),)),
        ("s3", ((7, 7),)),
        ("extra", ((5, 5),)),
    ]


def test_a_row_that_is_removed_cannot_be_changed_by_the_next_file(child, write):
    child("remove: [stages.s2]")
    path = write("extends: child.yaml\nchange: {stages.s2.kernel: 7}", "grandchild.yaml")
    (problem,) = archspec.check(path)
    assert problem.code == "E104"
    assert problem.message == "'stages' has no row 's2', and no block in it has such a parameter"


def test_a_tilde_takes_back_what_was_said(child):
    spec = child(
        "change: {stages.s2.se: ~, stages.s3.se: ~, stages.*.kernel: 5}\nstages: {se: 0.5}"
    )
    assert [se.ratio for se in column(spec, "se")] == [0.5, 0.5, 0.5]


def test_paths_in_bodies_are_those_of_columns(child):
    spec = child("defaults: {norm.epsilon: 0.25, conv.norm: none}\nstages: {se.ratio: 0.5}")
    assert spec.rows[0].blocks[0].norm is None
    assert spec.rows[1].blocks[0].norm == Norm(type="batch", epsilon=0.25)
    assert [se and se.ratio for se in column(spec, "se")] == [0.5, 0.25, None]


def test_overrides_of_load_are_bodies_and_come_before_set(write):
    path = write(BASE)
    spec = archspec.load(path, set={"scaling.width": 2.0}, scaling={"width": 0.5}, input=16)
    assert column(spec, "channels") == [16, 32, 48]
    assert spec.input == (16, 16, 3)


def test_the_parents_stay_as_they_are(child, load):
    before = of_spec(load(BASE))
    child("change: {stages.*.kernel: 7}\nremove: [stages.s1]")
    assert of_spec(load(BASE)) == before


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("stages.s9.kernel", "E104 'stages' has no row 's9', and no block in it has such a parameter"),
        ("stages.s2", "E204 'stages.s2' is a row; a path goes on to what is set in it"),
        ("stages.*", "E204 'stages.*' is every row; a path goes on to what is set in it"),
        ("stages.rows", "E204 'stages.rows' addresses nothing"),
        ("stages.columns", "E204 'stages.columns' addresses nothing"),
        ("stages..kernel", "E204 'stages..kernel' is not a path"),
        (".".join(["defaults"] * 9), "E204 'defaults.defaults.defaults.defaults.defaults.defaults.defa… is not a path"),
        ("kernel", "E104 unknown key 'kernel'"),
        ("name", "E104 unknown key 'name'"),
        ("variants.v", "E104 unknown key 'variants'"),
        ("s2.kernel", "E104 unknown key 's2'"),
        ("stages.s2.kernel.size", "E105 'kernel' is"),
    ],
)  # fmt: skip
def test_a_path_that_addresses_nothing_is_an_error(path, problem, refusal):
    assert refusal(BASE, set={path: 3}).startswith(problem)
    assert refusal(f"{BASE}change: {{{path}: 3}}").startswith(problem)


def test_a_column_has_one_entry_a_row(refusal):
    assert refusal(BASE, set={"stages.*.channels": [8, 8]}) == (
        "E210 'stages.*.channels' has 2 values for 3 rows"
    )


def test_all_wrong_paths_are_shown_at_once(refusal):
    assert refusal(BASE, set={"widht": 1, "stages.s2": 1, "head.dropout.rate": 0.1}) == (
        "E204 'stages.s2' is a row; a path goes on to what is set in it\nE104 unknown key 'widht'"
    )
