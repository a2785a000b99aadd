"""Ramps and cycles: values spread over the blocks of the place where they are written (rule 8)."""

import archspec
import pytest


def spread(spec, name="drop_path") -> list[list[object]]:
    """A parameter block by block, row by row of the stages."""
    rows = (row for row in spec if row.section == "stages")
    return [[getattr(block, name) for block in row.blocks] for row in rows]


TABLE = """
    {defaults}
    stem: [{{block: conv, channels: 8, kernel: 1}}]
    stages:
      block: inverted_residual
      expansion: 2
      channels: 8
      {table}
      rows:
        - {{repeats: 2}}
        - {{repeats: 3 {row}}}
        - {{repeats: 1}}
    """


def table(defaults="", table="", row="") -> str:
    return TABLE.format(defaults=defaults, table=table, row=row)


def test_a_ramp_in_a_row_runs_over_the_row(load):
    spec = load(table(row=", drop_path: {from: 0, to: 0.5}"))
    assert spread(spec) == [[0, 0], [0, 0.25, 0.5], [0]]


def test_a_ramp_in_a_table_runs_over_the_table(load):
    spec = load(table(table="drop_path: {from: 0, to: 0.5}"))
    assert spread(spec) == [
        [0, pytest.approx(0.1)],
        [pytest.approx(x) for x in (0.2, 0.3, 0.4)],
        [0.5],
    ]


def test_a_ramp_in_defaults_runs_over_all_stages(load):
    spec = load(table(defaults="defaults: {drop_path: {from: 0, upto: 0.6}}"))
    assert spread(spec) == [
        [0, pytest.approx(0.1)],
        [pytest.approx(x) for x in (0.2, 0.3, 0.4)],
        [0.5],
    ]


def test_the_end_of_a_ramp_is_reached_or_not_as_it_says(load):
    to = load(table(row=", drop_path: {from: 0.2, to: 0.8}"))
    assert spread(to)[1] == [0.2, 0.5, 0.8]
    upto = load(table(row=", drop_path: {from: 0.2, upto: 0.8}"))
    assert spread(upto)[1] == [pytest.approx(x) for x in (0.2, 0.4, 0.6)]
    step = load(table(row=", drop_path: {from: 0.2, step: 0.3}"))
    assert spread(step)[1] == [0.2, 0.5, 0.8]


def test_a_ramp_over_one_block_is_its_beginning(load):
    spec = load("stages: [{block: conv, channels: {from: 8, to: 64}, kernel: 1}]")
    assert spread(spec, "channels") == [[8]]


def test_a_ramp_runs_over_the_blocks_that_depth_makes(load):
    spec = load(table("defaults: {drop_path: {from: 0, upto: 0.6}}"), set={"scaling.depth": 2})
    assert [len(row) for row in spread(spec)] == [4, 6, 2]
    assert spread(spec)[2] == [0.5, pytest.approx(0.55)]


def test_a_cycle_takes_its_values_in_turn(load):
    spec = load(table(table="kernel: {cycle: [3, [3, 5], 1x7]}"))
    assert spread(spec, "kernel") == [
        [((3, 3),), ((3, 3), (5, 5))],
        [((1, 7),), ((3, 3),), ((3, 3), (5, 5))],
        [((1, 7),)],
    ]


def test_a_cycle_in_a_row_begins_anew_with_the_row(load):
    spec = load(table(row=", activation: {cycle: [relu, none]}"))
    assert spread(spec, "activation")[1] == ["relu", None, "relu"]


def test_a_field_of_an_object_may_be_spread(load):
    spec = load(table(table="se: {ratio: {cycle: [0.25, 0.5]}, of: input}"))
    assert [[se.ratio for se in row] for row in spread(spec, "se")] == [
        [0.25, 0.5],
        [0.25, 0.5, 0.25],
        [0.5],
    ]
    assert {se.of for row in spread(spec, "se") for se in row} == {"input"}


def test_a_short_object_may_be_spread(load):
    spec = load(table(table="expand: {norm: {cycle: [batch, layer]}}"))
    assert [[part.norm.type for part in row] for row in spread(spec, "expand")] == [
        ["batch", "layer"],
        ["batch", "layer", "batch"],
        ["layer"],
    ]


def test_what_is_spread_over_the_block_is_followed_by_its_parts(load):
    spec = load(table(table="activation: {cycle: [relu, swish]}"))
    assert [[part.activation for part in row] for row in spread(spec, "expand")] == [
        ["relu", "swish"],
        ["relu", "swish", "relu"],
        ["swish"],
    ]


def test_a_ramp_of_counts_is_scaled_before_it_is_rounded(load):
    spec = load(
        """
        scaling: {width: 1.3, rounding: {channels: {integer: half_even}}}
        stages:
          block: conv
          kernel: 1
          channels: {from: 16, step: 11.25}
          rows: [{repeats: 2}, {repeats: 2}]
        """
    )
    # 20.8, 35.425, 50.05, 64.675: ReXNet 1.3 has these widths.
    assert spread(spec, "channels") == [[21, 35], [50, 65]]


def test_a_written_number_beside_a_ramp_keeps_to_itself(load):
    spec = load(
        """
        stages:
          block: conv
          kernel: 1
          channels: {from: 8, step: 8}
          rows: [{repeats: 1}, {channels: 20}, {repeats: 2}]
        """
    )
    assert spread(spec, "channels") == [[8], [20], [24, 32]]


def test_only_the_first_block_of_a_row_has_the_stride(load):
    spec = load("stages: [{block: conv, channels: 8, kernel: 3, stride: 2, repeats: 3}]")
    assert spread(spec, "stride") == [[2, 1, 1]]
    assert archspec.to_graph(spec).shapes["s1.3.conv"] == (16, 16, 8)


def test_a_value_out_of_range_is_named_with_its_block(refusal):
    text = "stages: [{block: inverted_residual, channels: 8, expansion: 2, repeats: 4, drop_path: {from: 0, step: 0.4}}]"
    assert refusal(text) == "E208 'drop_path' is 1.2 in block 4; wanted: a number from 0 to 1"


def test_a_whole_number_must_come_out_whole(refusal):
    text = "stages: [{block: conv, channels: 8, kernel: 3, repeats: 3, dilation: {from: 1, to: 2}}]"
    assert refusal(text) == "E208 'dilation': 1.5 is not whole"


@pytest.mark.parametrize("word", ["repeats", "width", "depth"])
def test_what_is_one_for_a_row_cannot_be_spread_over_it(word, refusal):
    text = f"stages: [{{block: conv, channels: 8, kernel: 3, {word}: {{cycle: [1, scaled]}}}}]"
    assert f"'{word}' is" in refusal(text)
