"""What differs between two specs: rows, costs, and the weights that still fit."""

import csv
import io
import json
import sys
from itertools import combinations, pairwise

import archspec
import numpy as np
import pytest
import yaml
from archspec import views, weights
from archspec.comparison import Change, diff
from archspec.comparison.align import align
from archspec.draft import draft
from archspec.spec import Row
from archspec.views.differences import rows as told
from archspec.weights.fit import fit
from archspec.weights.random import draw
from archspec.weights.store import write as write_weights
from hypothesis import given
from hypothesis import strategies as st
from tests.choices import SMALLEST
from tests.commands import printed

ROWS = [
    "[1, 16, 1, 1, 3]", "[6, 24, 2, 2, 3]", "[6, 32, 3, 2, 3]", "[6, 64, 4, 2, 3]", "[6, 96, 3, 1, 3]",
]  # fmt: skip
STAGES = """
input: 64
stem: [{{block: conv, channels: 16, kernel: 3, stride: 2}}]
stages:
  block: inverted_residual
  columns: [expansion, channels, repeats, stride, kernel]
  rows: [{}]
head: [{{block: global_pool}}, {{block: classifier}}]
"""
PAIRS = [
    ("mobilenet_v2", "mobilenet_v2:1.4"),
    ("mobilenet_v3:small", "mobilenet_v3:large"),
    ("resnet:50", "resnet:50:d"),
    ("mobilenet_v2", "squeezenet:1.1"),
    ("shufflenet_v2:0.5", "shufflenet_v2:1.0"),
    ("mobilevit:xxs", "mobilevit:xs"),
]


@pytest.fixture
def spec(tmp_path):
    """Loads a spec from what stands below its name."""

    def spec(text: str, name: str = "net", **settings) -> archspec.Spec:
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"archspec: 1\nname: {name}\n{text}", encoding="utf-8")
        return archspec.load(str(path), set=settings.get("set"))

    return spec


def table(*rows: str) -> str:
    return STAGES.format(", ".join(rows))


def kinds(found) -> list[tuple[str, str, str]]:
    return [(row.kind, row.before, row.after) for row in found.rows]


def changes(found, row: str) -> list[tuple]:
    (one,) = [item for item in found.rows if row == (item.after or item.before)]
    return [(change.path, change.before, change.after) for change in one.changes]


# What is the same


@pytest.mark.parametrize("reference", SMALLEST)
def test_a_spec_does_not_differ_from_itself(reference):
    found = diff(reference, archspec.load(reference))
    assert found.same
    assert found.cost_before == found.cost_after
    assert found.bytes_before == found.bytes_after
    assert found.weights.misfits == ()
    assert found.weights.numbers == found.weights.fitting_numbers == found.cost_after.params
    assert set(found.weights.rows.values()) == {"all"}


@pytest.mark.parametrize("reference", ["mobilenet_v2:1.4", "mobilenet_v3:small", "rexnet:1.3"])
def test_a_draft_of_a_spec_does_not_differ_from_it(reference, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(draft("mine", reference, archspec.load(reference)), encoding="utf-8")
    assert diff(reference, str(path)).same


@pytest.mark.parametrize("reference", ["mobilenet_v3:small:0.75", "efficientnet:b3", "resnet:50:d"])
def test_a_spec_written_out_does_not_differ_from_it(reference, tmp_path):
    path = tmp_path / "whole.yaml"
    whole = archspec.load(reference)
    path.write_text(yaml.safe_dump(dict(whole.document)), encoding="utf-8")
    assert diff(whole, str(path)).same


def test_other_words_for_the_same_are_no_difference(spec):
    one = spec(
        """
input: 32
defaults: {norm: batch, activation: relu}
stem: [{block: conv, channels: 16, kernel: 3, stride: 2, padding: same}]
stages: {block: inverted_residual, expansion: 4, se: 0.25, rows: [{channels: 24}, {channels: 24}]}
outputs: {last: s2}
"""
    )
    other = spec(
        """
source: elsewhere
input: [32, 32, 3]
scaling: 0.5
stem:
  columns: [block, channels, kernel, stride, norm.type, activation, width]
  rows: [[conv, 16, 3x3, 2, batch, relu, fixed]]
stages:
  rows:
    - {block: inverted_residual, channels: 48, expansion: {ratio: 8/2}, se: {ratio: 1/4, of: hidden}}
    - {block: inverted_residual, channels: 48, expansion.ratio: 4.0, se.ratio: 0.25}
defaults:
  activation: relu
  inverted_residual: {norm: {type: batch}}
outputs: {last: stages.s2}
""",
        "other",
    )
    assert diff(one, other).same


SAME = [
    ("change: {stages.s2.se: 0.25}", "change: {stages.s2.se: {ratio: 1/4}}"),
    ("normalization: {mean: 0.5, std: 0.5}", "normalization: {mean: [0.5, 0.5, 0.5], std: 0.5}"),
    ("normalization: {mean: 0.5, std: 0.5}", "normalization: {mean: 1, std: 1, scale: 127.5}"),
    ("normalization: {mean: 0.5, std: [0.2, 0.3, 0.4]}",
     "normalization: {mean: [127.5, 127.5, 127.5], std: [51, 76.5, 102], scale: 1}"),
    ("outputs: {a: s3, b: classifier}", "outputs: {b: head.classifier, a: stages.s3}"),
    ("outputs: {a: s3, b: stem.conv}", "outputs: {a: s3.3, b: stem.conv}"),
    ("input: 224", "outputs: {output: classifier}"),
    ("input: 224", "budget: {params: 9M}"),
    ("defaults: {activation: relu6}", "change: {stages.s3.activation: relu6}"),
    ("scaling: {rounding: {channels: {divisor: 8, keep: 0.9}}}",
     "scaling: {rounding: {channels: {divisor: 4}}}"),
    ("input: 224", "change: {stages.s5.inputs: s4}"),
    ("change: {stages.s5.inputs: s4}", "change: {stages.s5.inputs: stages.s4}"),
    ("change: {stages.s5.inputs: s3}", "change: {stages.s5.inputs: s3.3}"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_in_other_words_is_no_difference(spec, one, other):
    before, after = (
        spec(f"extends: mobilenet_v2\n{said}\n", name)
        for name, said in (("before", one), ("after", other))
    )
    assert diff(before, after).same
    assert diff(after, before).same


NOT_THE_SAME = [
    ("outputs: {a: s3}", "outputs: {a: s3.2}", ["outputs.a"]),
    ("outputs: {a: s3}", "outputs: {a: s3.3.expand}", ["outputs.a"]),
    ("normalization: {std: 0.5}", "normalization: {std: 0.5, order: bgr}", ["normalization.order"]),
    ("normalization: {mean: [0.5, 0.5, 0.5]}", "normalization: {mean: 0.5, std: 0.25}",
     ["normalization.std"]),
    ("normalization: {mean: [0.5, 0.5, 0.25]}", "normalization: {mean: 0.5}",
     ["normalization.mean"]),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "paths"), NOT_THE_SAME)
def test_what_is_nearly_the_same_is_a_difference(spec, one, other, paths):
    before, after = (
        spec(f"extends: mobilenet_v2\n{said}\n", name)
        for name, said in (("before", one), ("after", other))
    )
    assert [change.path for change in diff(before, after).changes] == paths
    assert [change.path for change in diff(after, before).changes] == paths


# Rows


def test_each_row_of_a_wider_net_is_changed_in_its_channels():
    found = diff("mobilenet_v2", "mobilenet_v2:1.4")
    assert [row.kind for row in found.rows] == ["changed"] * 9 + ["input"] * 2
    assert {change.path for row in found.rows for change in row.changes} == {"channels"}
    assert changes(found, "stages.s3") == [("channels", 32, 48)]
    assert changes(found, "head.conv") == [("channels", 1280, 1792)]
    assert found.changes == ()


def test_a_new_row_in_the_middle_leaves_those_behind_it_as_they_are(spec):
    before = spec(table(*ROWS))
    after = spec(table(*ROWS[:2], "[4, 24, 1, 1, 5]", *ROWS[2:]), "after")
    assert kinds(diff(before, after)) == [
        ("added", "", "stages.s3"),
        ("renamed", "stages.s3", "stages.s4"),
        ("renamed", "stages.s4", "stages.s5"),
        ("renamed", "stages.s5", "stages.s6"),
    ]
    assert kinds(diff(after, before)) == [
        ("removed", "stages.s3", ""),
        ("renamed", "stages.s4", "stages.s3"),
        ("renamed", "stages.s5", "stages.s4"),
        ("renamed", "stages.s6", "stages.s5"),
    ]


def test_a_row_put_in_by_its_name_renames_no_other(spec):
    more = "{after: stages.s4, rows: [{name: more, channels: 64, expansion: 4}]}"
    after = spec(f"extends: mobilenet_v2\ninsert: [{more}]")
    found = diff("mobilenet_v2", after)
    assert kinds(found) == [("added", "", "stages.more")]
    gone = {row for row, fit_ in found.weights.rows.items() if fit_ != "all"}
    assert gone == {"stages.more"}


def test_of_equal_rows_names_tell_which_one_is_gone(spec):
    same = [f"{{name: r{number}, block: conv, channels: 8, kernel: 3}}" for number in range(5)]
    before = spec(f"input: 32\nstages: [{', '.join(same)}]")
    after = spec(f"input: 32\nstages: [{', '.join(same[:2] + same[3:])}]", "after")
    assert kinds(diff(before, after)) == [("removed", "stages.r2", "")]


def test_a_row_with_another_name_is_known_by_what_it_says(spec):
    before = spec(table(*ROWS))
    row = "{name: wide, expansion: 6, channels: 64, repeats: 4, stride: 2, kernel: 3}"
    after = spec(table(*ROWS[:3], row, *ROWS[4:]), "after")
    assert kinds(diff(before, after)) == [("renamed", "stages.s4", "stages.wide")]


def test_rows_that_change_places_have_moved(spec):
    rows = [
        f"{{name: {name}, block: conv, channels: 8, kernel: {kernel}}}"
        for name, kernel in (("a", 3), ("b", 5), ("c", 7), ("d", 9))
    ]
    before = spec(f"input: 32\nstages: [{', '.join(rows)}]")
    after = spec(f"input: 32\nstages: [{', '.join([*rows[1:], rows[0]])}]", "after")
    found = diff(before, after)
    assert ("moved", "stages.a", "stages.a") in kinds(found)
    assert {row.kind for row in found.rows} <= {"moved", "input", "cost"}
    moved = rows[0].replace("kernel: 3", "kernel: 1")
    again = diff(before, spec(f"input: 32\nstages: [{', '.join([*rows[1:], moved])}]", "after"))
    (row,) = [row for row in again.rows if row.after == "stages.a"]
    assert (row.kind, row.moved) == ("changed", True)


def test_a_row_that_is_neither_named_nor_said_as_before_is_another(spec):
    before = spec("input: 32\nstages: [{name: a, block: conv, channels: 8, kernel: 3}]")
    after = spec("input: 32\nstages: [{name: b, block: conv, channels: 8, kernel: 5}]", "after")
    assert kinds(diff(before, after)) == [
        ("removed", "stages.a", ""),
        ("added", "", "stages.b"),
    ]


NAMED = [
    "{name: low, channels: 16, kernel: 3, stride: 2}",
    "{name: middle, channels: 16, kernel: 5}",
    "{name: high, channels: 24, kernel: 3, stride: 2}",
]


def named(*rows: str) -> str:
    return f"input: 32\nstages: {{block: conv, rows: [{', '.join(rows)}]}}\n"


def test_a_name_that_was_written_is_kept_whatever_else_says_the_same(spec):
    new = NAMED[0].replace("low", "new")
    low = (
        "{name: low, channels: 64, kernel: 7, bias: true, dilation: 2, activation: gelu,"
        " norm: none, padding: valid}"
    )
    before, after = spec(named(*NAMED)), spec(named(new, low, *NAMED[1:]), "after")
    assert kinds(diff(before, after))[:2] == [
        ("added", "", "stages.new"),
        ("changed", "stages.low", "stages.low"),
    ]
    assert kinds(diff(after, before))[:2] == [
        ("removed", "stages.new", ""),
        ("changed", "stages.low", "stages.low"),
    ]


def test_a_name_that_was_written_is_kept_with_another_block(spec):
    new = NAMED[1].replace("middle", "new")
    other = "{name: middle, block: depthwise_separable, channels: 16, kernel: 3, width: fixed}"
    before, after = spec(named(*NAMED)), spec(named(NAMED[0], other, new, NAMED[2]), "after")
    assert kinds(diff(before, after))[:2] == [
        ("changed", "stages.middle", "stages.middle"),
        ("added", "", "stages.new"),
    ]


@pytest.mark.parametrize("place", range(8))
def test_a_row_is_found_wherever_it_is_inserted(spec, place):
    rows = [
        "[1, 16, 1, 1, 3]", "[6, 24, 2, 2, 3]", "[6, 32, 3, 2, 3]", "[6, 64, 4, 2, 3]",
        "[6, 96, 3, 1, 3]", "[6, 160, 3, 2, 3]", "[6, 320, 1, 1, 3]",
    ]  # fmt: skip
    before = spec(table(*rows))
    after = spec(table(*rows[:place], "[4, 48, 1, 1, 3]", *rows[place:]), "after")
    renamed = [(f"stages.s{number}", f"stages.s{number + 1}") for number in range(place + 1, 8)]
    there, back = diff(before, after), diff(after, before)
    assert [row for row in kinds(there) if row[0] not in {"input", "cost"}] == [
        ("added", "", f"stages.s{place + 1}"),
        *(("renamed", *names) for names in renamed),
    ]
    assert [row for row in kinds(back) if row[0] not in {"input", "cost"}] == [
        ("removed", f"stages.s{place + 1}", ""),
        *(("renamed", *names[::-1]) for names in renamed),
    ]


def numbered(numbers: list[int], *, with_names: bool = False) -> tuple[Row, ...]:
    """Rows, no two of which say the same, called by their numbers or not at all."""
    rows = [
        {"block": "conv", "channels": 8 + number, "kernel": 1 + 2 * (number % 3)}
        | ({"name": f"r{number}"} if with_names else {})
        for number in numbers
    ]
    return archspec.load("mobilenet_v2", stages=rows).rows[1 : len(rows) + 1]


@given(st.lists(st.integers(0, 99), unique=True, min_size=2, max_size=12), st.data(), st.booleans())
def test_rows_that_are_taken_out_are_those_that_are_missing(numbers, data, with_names):
    fewer = data.draw(st.lists(st.sampled_from(numbers), unique=True, min_size=1).map(set))
    before = numbered(numbers, with_names=with_names)
    after = numbered([number for number in numbers if number in fewer], with_names=with_names)
    channels = {row.path: row.blocks[0].channels for row in before}
    there = [(pair.before, pair.after) for pair in align(before, after)]
    back = [(pair.after, pair.before) for pair in align(after, before)]
    for pairs in (there, back):
        gone = {channels[one.path] - 8 for one, other in pairs if other is None}
        assert gone == {*numbers} - fewer
        assert all(one.blocks == other.blocks for one, other in pairs if other)


def test_of_very_many_rows_names_decide_alone(monkeypatch):
    numbers = list(range(12))
    before = numbered(numbers, with_names=True)
    order = [0, 1, 20, 2, 3, 6, 4, 7, 8, 5, 9, 11]
    after = numbered(order, with_names=True)
    wanted = align(before, after)
    assert [pair.before.name for pair in wanted if pair.before and not pair.after] == ["r10"]
    assert [pair.after.name for pair in wanted if pair.after and not pair.before] == ["r20"]
    assert sum(pair.moved for pair in wanted) == 2
    monkeypatch.setattr(sys.modules[align.__module__], "_PAIRS", 0)
    for rows in (before, after):
        assert all(
            pair == (row, row, False) for pair, row in zip(align(rows, rows), rows, strict=True)
        )
    found = align(before, after)
    assert [pair.after for pair in found if pair.after] == list(after)
    assert all(one.before.name == one.after.name for one in found if one.before and one.after)
    assert [pair.moved for pair in found].count(True) == 2
    assert [pair.before for pair in found if not pair.after] == [before[10]]


def test_a_row_in_very_many_without_names_is_found_from_both_ends(monkeypatch):
    monkeypatch.setattr(sys.modules[align.__module__], "_PAIRS", 0)
    before, after = numbered(list(range(12))), numbered([*range(5), 50, *range(5, 12)])
    pairs = align(before, after)
    assert [pair.after.name for pair in pairs if not pair.before] == ["s6"]
    assert all(pair.before.blocks == pair.after.blocks for pair in pairs if pair.before)
    other = numbered([30, *range(1, 12)])
    names = [(pair.before.name, pair.after.name) for pair in align(before, other)]
    assert names == [(row.name, row.name) for row in before]


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_of_very_many_rows_as_few_as_possible_have_moved(one, other):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[align.__module__], "_PAIRS", 0)
        pairs = align(numbered(one, with_names=True), numbered(other, with_names=True))
    places = [other.index(number) for number in one]
    rising = max(
        len(some)
        for size in range(9)
        for some in combinations(places, size)
        if list(some) == sorted(some)
    )
    assert sum(not pair.moved for pair in pairs) == rising
    assert all(pair.before.name == pair.after.name for pair in pairs)


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=7),
    st.lists(st.integers(1, 3), min_size=1, max_size=7),
)
def test_every_row_is_in_one_pair_and_what_has_not_moved_is_in_order(one, other):
    before, after = (
        archspec.load(
            "mobilenet_v2",
            head=[{"block": "conv", "channels": 8, "kernel": kernel} for kernel in kernels],
        ).rows
        for kernels in (one, other)
    )
    pairs = align(before, after)
    assert [pair.after for pair in pairs if pair.after] == list(after)
    assert {pair.before.path for pair in pairs if pair.before} == {row.path for row in before}
    assert sum(bool(pair.before) for pair in pairs) == len(before)
    kept = [
        before.index(pair.before) for pair in pairs if pair.before and not pair.moved and pair.after
    ]
    assert kept == sorted(kept)
    for pair in pairs:
        if pair.before and pair.after:
            assert pair.before.block == pair.after.block


def test_a_new_row_is_told_from_one_behind_it_that_is_changed_too(spec):
    before = spec(table(*ROWS))
    slower = ROWS[3].replace("[6, 64, 4", "[4, 64, 4")
    after = spec(table(*ROWS[:2], "[2, 24, 1, 1, 7]", ROWS[2], slower, ROWS[4]), "after")
    found = diff(before, after)
    assert kinds(found) == [
        ("added", "", "stages.s3"),
        ("renamed", "stages.s3", "stages.s4"),
        ("changed", "stages.s4", "stages.s5"),
        ("renamed", "stages.s5", "stages.s6"),
    ]
    assert changes(found, "stages.s5") == [("expansion.ratio", 6.0, 4.0)]


def test_rows_of_a_net_of_other_widths_keep_their_numbers():
    # Two rows of l3 say what two of l2 say further on.
    found = diff("efficientvit_l:l2", "efficientvit_l:l3")
    assert [row.kind for row in found.rows[:4]] == ["changed"] * 4
    assert {change.path for row in found.rows[:4] for change in row.changes} == {"channels"}


# What a row says


@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("kernel", "5", [("kernel", ((3, 3),), ((5, 5),))]),
        ("stride", "1", [("stride", 2, 1)]),
        ("repeats", "5", [("repeats", 3, 5)]),
        ("expansion", "3", [("expansion.ratio", 6.0, 3.0)]),
        ("activation", "relu", [("activation", None, "relu")]),
        ("depthwise.kernel", "5", [("depthwise.kernel", ((3, 3),), ((5, 5),))]),
        ("project.bias", "true", [("project.bias", "auto", True)]),
        ("kernel", "{cycle: [3, 5]}", [("kernel", ((3, 3),), (((3, 3),), ((5, 5),), ((3, 3),)))]),
        ("inputs", "s2", []),
        ("inputs", "[stem.conv]", [("inputs", None, ("stem.conv",))]),
    ],
)
def test_what_a_row_says_else_is_told_once(spec, setting, value, wanted):
    text = table(*ROWS)
    before = spec(text)
    after = spec(f"extends: net.yaml\nchange: {{stages.s3.{setting}: {value}}}", "after")
    rows = [row for row in diff(before, after).rows if row.after == "stages.s3"]
    assert [(item.path, item.before, item.after) for row in rows for item in row.changes] == wanted


def test_each_value_that_a_row_reads_is_compared(spec):
    text = table(*ROWS).rpartition("head:")[0] + "head: [{block: concat, inputs: SAID}]"
    before = spec(text.replace("SAID", "[s1, stride4.expand]"))
    assert diff(before, before).same
    for number, (said, wanted) in enumerate(
        [
            ("[stages.s1, stride4.expand]", []),
            ("[s1, stride4]", [("inputs", ("s1", "stride4.expand"), ("s1", "stride4"))]),
            ("[s1, s2]", [("inputs", ("s1", "stride4.expand"), ("s1", "s2"))]),
            ("s1", [("inputs", ("s1", "stride4.expand"), ("s1",))]),
        ]
    ):
        after = spec(text.replace("SAID", said), f"after{number}")
        found = diff(before, after)
        if not wanted:
            assert found.same
        else:
            assert changes(found, "head.concat") == wanted


def test_an_output_at_a_stride_stays_the_same_where_it_is_called_the_same(spec):
    before = spec("extends: mobilenet_v2\noutputs: {a: stride8}")
    assert diff(before, spec("extends: mobilenet_v2\noutputs: {a: stride8}", "same")).same
    other = diff(before, spec("extends: mobilenet_v2\noutputs: {a: stride16}", "other"))
    assert [change.path for change in other.changes] == ["outputs.a"]


def test_another_block_is_a_change_of_what_both_have(spec):
    before = spec("input: 32\nstages: [{block: conv, channels: 8, kernel: 3}]")
    after = spec("input: 32\nstages: [{block: inverted_residual, channels: 16, expansion: 2}]", "b")
    assert changes(diff(before, after), "stages.s1") == [
        ("block", "conv", "inverted_residual"),
        ("channels", 8, 16),
        ("expansion", None, {"ratio": 2.0}),
        ("residual", None, "auto"),
    ]


def test_rounding_counts_where_it_makes_other_widths(spec):
    text = (
        "input: 32\nscaling: {{width: 0.5, rounding: {{channels: {{divisor: {}}}}}}}\n"
        "stages: [{{block: conv, channels: {}, kernel: 3}}]"
    )
    found = diff(spec(text.format(1, 40)), spec(text.format(8, 40), "after"))
    assert changes(found, "stages.s1") == [("channels", 20, 24)]
    assert diff(spec(text.format(1, 32)), spec(text.format(8, 32), "after")).same


# Beside the tables


def test_what_stands_beside_the_tables_is_told(spec):
    before = spec(table(*ROWS))
    after = spec(
        "extends: net.yaml\ninput: [64, 32, 3]\nclasses: 10\nbudget: 3M\n"
        "normalization: {mean: 0.5}\noutputs: {c3: s3}\noutput_stride: 16\n",
        "after",
    )
    found = {change.path: (change.before, change.after) for change in diff(before, after).changes}
    assert found == {
        "input": ((64, 64, 3), (64, 32, 3)),
        "classes": (1000, 10),
        "normalization": (None, {"mean": (0.5,)}),
        "output_stride": (None, {"at": 16, "dilate": "at_once"}),
        "outputs.output": ("head.classifier", None),
        "outputs.c3": (None, "s3"),
    }


def test_a_field_of_what_stands_beside_is_told_by_its_path(spec):
    before = spec(table(*ROWS) + "normalization: {mean: 0.5, std: 0.5}\n")
    after = spec("extends: net.yaml\nnormalization: {std: 0.25}\n", "after")
    found = diff(before, after)
    assert found.changes == (Change("normalization.std", (0.5,), (0.25,)),)
    assert found.rows == ()


def test_an_output_of_a_renamed_row_is_the_same_output(spec):
    before = spec(table(*ROWS) + "outputs: {c: s4, d: s5.1.expand}\n")
    after = spec(table("[2, 16, 1, 1, 7]", *ROWS) + "outputs: {c: s5, d: s6.1.expand}\n", "after")
    found = diff(before, after)
    assert found.changes == ()
    other = spec(table("[2, 16, 1, 1, 7]", *ROWS) + "outputs: {c: s4, d: s6.1.expand}\n", "other")
    assert diff(before, other).changes == (Change("outputs.c", "s4", "s4"),)


def test_without_outputs_the_one_output_is_the_last_row_whatever_that_is(spec):
    text = table(*ROWS)
    shorter = spec(text.replace(", {block: classifier}", ""), "shorter")
    assert diff(spec(text), shorter).changes == ()
    said = spec(f"{text}outputs: {{output: classifier}}\n", "said")
    assert diff(said, shorter).changes == (
        Change("outputs.output", "classifier", "head.global_pool"),
    )


def test_an_output_of_a_row_that_is_gone_is_not_that_of_the_row_that_got_its_name(spec):
    rows = [f"{{block: conv, channels: 8, kernel: {kernel}}}" for kernel in (3, 5)]
    text = "input: 32\nstages: [{}]\noutputs: {{c: s1}}"
    before, after = spec(text.format(", ".join(rows))), spec(text.format(rows[1]), "after")
    assert diff(before, after).changes == (Change("outputs.c", "s1", "s1"),)


def test_what_a_row_reads_is_told_by_rows_and_not_by_names(spec):
    text = "input: 32\nstem: [{block: conv, channels: 8, kernel: 3, stride: 2}]\nstages: "
    rows = [f"{{block: conv, channels: 8, kernel: {kernel}, stride: 1}}" for kernel in (1, 3, 5)]
    reading = [rows[0], rows[1], rows[2].replace("{", "{inputs: s1, ")]
    before = spec(f"{text}[{', '.join(reading)}]")
    new = "{block: conv, channels: 8, kernel: 7}"
    follows = [new, *reading[:2], reading[2].replace("s1", "s2")]
    kept = diff(before, spec(f"{text}[{', '.join(follows)}]", "follows"))
    assert [row.kind for row in kept.rows] == ["added", "renamed", "renamed", "renamed"]
    stays = diff(before, spec(f"{text}[{', '.join([new, *reading])}]", "stays"))
    assert changes(stays, "stages.s4") == [("inputs", ("s1",), ("s1",))]
    assert "inputs s1 → s1, which is another row" in views.differences(stays, "text")
    above = spec(
        f"{text}[{', '.join([*rows[:2], rows[2].replace('{', '{inputs: s2, ')])}]", "above"
    )
    between = [*rows[:2], new, rows[2].replace("{", "{inputs: s2, ")]
    assert kinds(diff(above, spec(f"{text}[{', '.join(between)}]", "between"))) == [
        ("added", "", "stages.s3"),
        ("renamed", "stages.s3", "stages.s4"),
    ]


def test_a_row_that_costs_something_else_says_why():
    smaller = diff("mobilenet_v2", archspec.load("mobilenet_v2", input=192))
    assert {row.kind for row in smaller.rows} == {"input"}
    assert "head.classifier" not in {row.after for row in smaller.rows}
    fewer = diff("mobilenet_v2", archspec.load("mobilenet_v2", classes=10))
    assert kinds(fewer) == [("cost", "head.classifier", "head.classifier")]
    assert fewer.changes == (Change("classes", 1000, 10),)


# Costs


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_costs_are_those_of_the_two_nets_and_rows_add_up_to_their_difference(one, other):
    found = diff(one, other)
    before, after = archspec.cost(one), archspec.cost(other)
    for figures, cost in ((found.cost_before, before), (found.cost_after, after)):
        assert figures.params == cost.params
        assert figures.macs == cost.macs
        assert figures.peak_memory == cost.peak_memory
    assert (found.bytes_before, found.bytes_after) == (before.weights, after.weights)
    for name in ("params", "macs"):
        grown = sum(
            (getattr(row.cost_after, name) if row.cost_after else 0)
            - (getattr(row.cost_before, name) if row.cost_before else 0)
            for row in found.rows
        )
        assert grown == getattr(after, name) - getattr(before, name)


# Weights


OTHERS = [
    ("mobilenet_v2", "mobilenet_v2:1.1d"),
    ("efficientnet:b0", "efficientnet:b1"),
    ("mobilenet_v2", "mobilenet_v1"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS + [pair[::-1] for pair in PAIRS] + OTHERS)
def test_what_fits_is_what_can_be_copied(one, other):
    found = diff(one, other).weights
    ours, graph = draw(archspec.to_graph(one), 1), archspec.to_graph(other)
    theirs = draw(graph, 2)
    wrong = {misfit.array: misfit for misfit in found.misfits}
    copied = 0
    for key in [key for key in theirs if key not in wrong]:
        np.copyto(theirs[key], ours[key], casting="no")
        assert theirs[key].shape == ours[key].shape
        copied += ours[key].size
    assert copied == found.fitting_numbers
    assert len(theirs) - len(wrong) == found.fitting_arrays
    assert len(theirs) == found.arrays
    assert sum(array.size for array in theirs.values()) == found.numbers
    fit(theirs, graph)
    for key, misfit in wrong.items():
        assert theirs[key].shape == misfit.shape
        assert (ours[key].shape if key in ours else None) == misfit.before != misfit.shape


def test_weights_of_renamed_rows_are_found_by_their_rows(spec):
    rows = ["[6, 16, 1, 1, 3]", "[6, 16, 2, 2, 3]", "[6, 16, 3, 2, 3]"]
    new = "[4, 16, 1, 1, 7]"
    before, after = spec(table(*rows)), spec(table(rows[0], new, *rows[1:]), "after")
    found = diff(before, after).weights
    old, graph = archspec.to_graph(before).weights, archspec.to_graph(after)
    behind = {"s2": "s3", "s3": "s4"}
    renamed = {
        f"{behind.get(row, row)}{dot}{rest}": weight.shape
        for key, weight in old.items()
        for row, dot, rest in [key.partition(".")]
    }
    same = {
        key: weight for key, weight in graph.weights.items() if renamed.get(key) == weight.shape
    }
    assert len(same) == found.matched_arrays == len(old)
    assert sum(weight.size for weight in same.values()) == found.matched_numbers
    here = {
        key
        for key, weight in graph.weights.items()
        if key in old and old[key].shape == weight.shape
    }
    assert len(here) == found.fitting_arrays
    moved = {key for key in here if key.partition(".")[0] in {"s2", "s3", "s4"}}
    assert len(moved) == found.foreign_arrays > 0


def test_rows_that_do_not_fit_are_those_to_reset(tmp_path):
    path = tmp_path / "a.safetensors"
    before = draw(archspec.to_graph("mobilenet_v2:0.35"), 1)
    write_weights(path, before)
    settings = {"classes": 10, "stages.s3.depthwise.kernel": 5, "stages.s6.channels": 48}
    after = archspec.load("mobilenet_v2:0.35", set=settings)
    graph, found = archspec.to_graph(after), diff("mobilenet_v2:0.35", after).weights
    reset = [row for row, fit_ in found.rows.items() if fit_ != "all"]
    assert reset == ["stages.s3", "stages.s6", "stages.s7", "head.classifier"]
    arrays = weights.load(str(path), graph, reset)
    kept = [key for key in arrays if graph.named[key.partition("/")[0]].row not in reset]
    assert kept
    assert all(np.array_equal(arrays[key], before[key]) for key in kept)
    for missing in reset:
        with pytest.raises(archspec.SpecError, match="E506"):
            weights.load(str(path), graph, [row for row in reset if row != missing])


def test_a_row_has_all_some_or_none_of_its_arrays(spec):
    before = spec(table(*ROWS))
    after = spec(
        "extends: net.yaml\nchange: {stages.s1.kernel: 5, stages.s5.channels: 80}", "after"
    )
    rows = diff(before, after).weights.rows
    assert rows == {
        "stem.conv": "all",
        "stages.s1": "some",
        **dict.fromkeys(("stages.s2", "stages.s3", "stages.s4"), "all"),
        "stages.s5": "some",
        "head.classifier": "some",
    }
    assert "global_pool" not in " ".join(rows)


@pytest.mark.parametrize("chain", [["mobilenet_v2:0.35", "mobilenet_v2:0.5", "mobilenet_v2"]])
def test_there_and_back_is_the_same_the_other_way_round(chain):
    for one, other in pairwise(chain):
        there, back = diff(one, other), diff(other, one)
        assert [(row.before, row.after) for row in there.rows] == [
            (row.after, row.before) for row in back.rows
        ]
        assert (there.cost_before, there.cost_after) == (back.cost_after, back.cost_before)


def test_what_is_wrong_with_either_is_told(tmp_path):
    missing = str(tmp_path / "missing.yaml")
    with pytest.raises(archspec.SpecError) as caught:
        diff("mobilenet_v22", missing)
    assert [problem.code for problem in caught.value.diagnostics] == ["E201", "E100"]


def test_specs_are_called_what_they_were_asked_for_by(spec, tmp_path):
    one = spec("input: 8\nstem: [{block: conv, channels: 4, kernel: 3}]")
    found = diff(one, str(tmp_path / "net.yaml"))
    assert (found.a, found.b) == ("net", str(tmp_path / "net.yaml"))
    assert found.same


# What is printed


def test_the_text_has_the_rows_the_totals_and_the_weights(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    edit = "change: {stages.s2.kernel: 5}\nclasses: 10\n"
    text = f"archspec: 1\nname: b\nextends: mobilenet_v2:0.35\n{edit}"
    (tmp_path / "b.yaml").write_text(text, encoding="utf-8")
    assert (
        printed("diff", "mobilenet_v2:0.35", "b.yaml")
        == """\
mobilenet_v2:0.35 → b.yaml

row               what      says               params         macs      memory   weights
────────────────────────────────────────────────────────────────────────────────────────
classes           changed   1000 → 10
stages.s2         changed   kernel 3 → 5       +1,536   +4,816,896         0 B   some
head.classifier   cost                     -1,268,190   -1,267,200   -3.87 KiB   none

in all                before        after       change   percent
────────────────────────────────────────────────────────────────
params             1,691,208      424,554   -1,266,654   -74.9 %
macs              59,285,808   62,835,504   +3,549,696   +6.0 %
memory              2.87 MiB     2.87 MiB          0 B
weights in fp32     6.37 MiB     1.54 MiB    -4.83 MiB   -75.8 %
weights in fp16     3.19 MiB      788 KiB    -2.42 MiB   -75.8 %
weights in int8     1.62 MiB      415 KiB    -1.21 MiB   -74.9 %

258 of the 262 arrays of b.yaml are in mobilenet_v2:0.35 too, of the same name and shape: 409,344 of 424,554 numbers
"""
    )


def test_nothing_that_differs_is_one_line_and_status_0():
    assert printed("diff", "mobilenet_v2", "mobilenet_v2:1.0") == (
        "mobilenet_v2 → mobilenet_v2:1.0: the same net\n"
    )


def test_an_output_that_names_another_row_now_is_told(spec):
    before = spec(table(*ROWS) + "outputs: {c: s4}\n")
    after = spec(table("[2, 16, 1, 1, 7]", *ROWS) + "outputs: {c: s4}\n", "after")
    for style in ("text", "markdown"):
        assert "s4 → s4, which is another row" in views.differences(diff(before, after), style)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("0.1", "0.10000001", "l2 0.1 → 0.10000001"),
        ("0.1", "0.2000000001", "l2 0.1 → 0.2"),
        ("{cycle: [0.1, 0.3]}", "{cycle: [0.1, 0.30000001]}",
         "l2 [0.1, 0.3, 0.1] → [0.1, 0.30000001, 0.1]"),
    ],
)  # fmt: skip
def test_as_many_digits_are_printed_as_tell_the_values_apart(spec, one, other, wanted):
    text = table(*ROWS)
    spec(text)
    before, after = (
        spec(f"extends: net.yaml\nchange: {{stages.s3.l2: {value}}}\n", name)
        for name, value in (("before", one), ("after", other))
    )
    (row,) = told(diff(before, after))
    assert row["says"] == wanted


def test_programs_get_all_of_it():
    found = diff("resnet:50", "resnet:50:d")
    whole = json.loads(printed("diff", "resnet:50", "resnet:50:d", "--format", "json"))
    assert [row["after"] for row in whole["rows"]] == [row.after for row in found.rows]
    assert whole["rows"][0]["changes"][0] == {"path": "channels", "before": 64, "after": 32}
    assert whole["after"]["params"] == archspec.cost("resnet:50:d").params
    assert whole["after"]["weights_int8"] == archspec.cost("resnet:50:d").weights.int8
    assert whole["weights"]["misfits"][0] == {
        "array": "stem.conv.conv/kernel",
        "shape": [3, 3, 3, 32],
        "before": [7, 7, 3, 64],
    }
    lines = list(
        csv.DictReader(io.StringIO(printed("diff", "resnet:50", "resnet:50:d", "--format", "csv")))
    )
    assert [line["after"] for line in lines] == [row.after for row in found.rows]
    assert [line["params_before"] for line in lines[:2]] == ["9664", ""]
    assert lines[0]["says"] == "channels 64 → 32, kernel 7 → 3"


def test_markdown_has_the_tables_of_the_text():
    text = printed("diff", "resnet:50", "resnet:50:d", "--format", "markdown")
    assert "| stages.s2 | changed | shortcut.pool none → average | 0 | 0 | -784 KiB | all |" in text
    assert "| params | 25,610,152 | 25,629,512 | +19,360 | +0.1 % |" in text
