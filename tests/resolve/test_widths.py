"""Counts scale with width, ratios do not; rounding is one object (rules 6 and 7). Depth."""

import archspec
import pytest
from archspec.scaling import Rounding


def widths(spec) -> list[int]:
    """Channels of every row's first block."""
    return [row.blocks[0].channels for row in spec]


def shapes(spec, part: str) -> list[int]:
    """Channels of the convolutions of a part."""
    nodes = archspec.to_graph(spec).nodes
    return [node.shape[-1] for node in nodes if node.name.endswith(f"{part}.conv")]


def test_every_count_scales_and_no_ratio_does(load):
    spec = load(
        """
        scaling: {width: 0.5}
        stem: [{block: conv, channels: 16, kernel: 3}]
        stages:
          block: inverted_residual
          columns: [channels, expansion, hidden, se]
          rows:
            - [16, 6, ~, 0.25]
            - [32, {ratio: 2, of: 24}, ~, ~]
            - [32, {ratio: 2, of: output}, ~, ~]
            - [32, ~, 40, ~]
        """
    )
    assert widths(spec) == [8, 8, 16, 16, 16]
    assert shapes(spec, "expand") == [48, 48, 24, 32, 20]  # the second is that of SE
    assert spec.rows[1].blocks[0].se.ratio == 0.25
    assert spec.rows[4].blocks[0].hidden == 20


def test_a_row_may_be_exempt_from_width(load):
    text = """
        scaling: {{width: {}, rounding: {{channels: {{divisor: 8}}}}}}
        stages:
          block: conv
          kernel: 1
          columns: [channels, width]
          rows: [[24, scaled], [24, up], [24, fixed], [24, ~]]
    """
    assert widths(load(text.format(0.5))) == [16, 24, 24, 16]
    assert widths(load(text.format(1.0))) == [24, 24, 24, 24]
    assert widths(load(text.format(2.0))) == [48, 48, 24, 48]


def test_a_whole_table_may_be_exempt_from_width(load):
    text = """
        scaling: {width: 0.5, depth: 2.0}
        stages:
          block: conv
          kernel: 1
          width: fixed
          depth: fixed
          columns: [channels, repeats, depth]
          rows: [[24, 2, ~], [24, 2, scaled]]
    """
    spec = load(text)
    assert widths(spec) == [24, 24]
    assert [len(row.blocks) for row in spec] == [2, 4]


def test_a_written_count_is_kept_at_width_one_and_a_computed_one_is_rounded(load):
    text = """
        scaling: {width: 1.0, rounding: {channels: {divisor: 8}}}
        stem: [{block: conv, channels: 3, kernel: 1}]
        stages:
          - {block: conv, channels: 13, kernel: 1}
          - {block: conv, expansion: 1, kernel: 1}
          - {block: conv, channels: {from: 13, step: 4}, kernel: 1}
          - {block: inverted_residual, channels: 13, expansion: 1.5, expand: {rounding: {divisor: 4}}}
    """
    spec = load(text)
    assert widths(spec) == [3, 13, None, 16, 13]
    shape = archspec.to_graph(spec).shapes
    assert shape["s2.1.conv"][-1] == 16
    assert shape["s4.1.expand.conv"][-1] == 24


def test_rounding_is_said_for_the_file_for_a_row_for_a_part_and_for_a_squeeze_excite(load):
    spec = load(
        """
        scaling: {width: 0.9, rounding: {channels: {divisor: 8}}}
        stem: [{block: conv, channels: 20, kernel: 1}]
        stages:
          block: inverted_residual
          expansion: {ratio: 1.3}
          expand: {rounding: up}
          columns: [channels, rounding, se]
          rows:
            - [20, ~, {ratio: 0.3, rounding: {divisor: 4}}]
            - [20, down, ~]
            - [20, {mode: up, divisor: 2}, ~]
        """
    )
    # 18 by eights is 16 (half up, 18 + 4 = 22); 16 x 1.3 = 20.8 up; 21 x 0.3 = 6.3 by fours is 8.
    assert widths(spec) == [16, 16, 18, 18]
    assert shapes(spec, "expand") == [21, 21, 21, 24]
    assert shapes(spec, "se.reduce") == [8]
    assert spec.rows[2].rounding == Rounding(mode="down")


def test_a_row_s_rounding_replaces_that_of_the_file_whole(load):
    spec = load(
        """
        scaling: {width: 0.9, rounding: {channels: {divisor: 8, keep: 0.9, floor: 16}}}
        stem: [{block: conv, channels: 10, kernel: 1, rounding: {divisor: 2}}]
        """
    )
    assert spec.rows[0].rounding == Rounding(divisor=2)
    assert widths(spec) == [10]  # 9 by twos


def test_integer_is_done_before_the_divisor(load):
    text = """
        scaling: {{width: 0.35, rounding: {{channels: {{divisor: 8, integer: {}}}}}}}
        stem: [{{block: conv, channels: 36, kernel: 1}}]
    """
    assert widths(load(text.format("none"))) == [16]  # 12.6
    assert widths(load(text.format("down"))) == [16]  # 12
    text = text.replace("36", "34")
    assert widths(load(text.format("none"))) == [8]  # 11.9
    assert widths(load(text.format("half_even"))) == [16]  # 12


def test_a_width_without_a_rule_must_come_out_whole(load, refusal):
    text = "scaling: {{width: {}}}\nstem: [{{block: conv, channels: 32, kernel: 1}}]"
    assert widths(load(text.format(0.75))) == [24]
    assert refusal(text.format(0.7)) == "E206 'channels': 32 x 0.7 = 22.4 is not whole"


def test_a_ratio_may_be_a_fraction(load):
    spec = load(
        """
        stem: [{block: conv, channels: 24, kernel: 1}]
        stages: [{block: inverted_residual, channels: 24, expansion: 88/24, se: 1/11}]
        """
    )
    assert shapes(spec, "expand") == [88, 88]
    assert shapes(spec, "se.reduce") == [8]


def test_where_the_hidden_width_is_that_of_the_input_nothing_expands(load):
    spec = load(
        """
        stem: [{block: conv, channels: 24, kernel: 1}]
        stages:
          - {block: inverted_residual, channels: 24, expansion: 1}
          - {block: inverted_residual, channels: 24, hidden: 24}
          - {block: inverted_residual, channels: 24, expansion: {ratio: 1, of: 48}}
        """
    )
    assert shapes(spec, "expand") == [48]


@pytest.mark.parametrize(
    ("depth", "rounding", "repeats"),
    [
        (1.0, "ceil", [1, 2, 3, 4]),
        (1.1, "ceil", [2, 3, 4, 5]),
        (1.8, "ceil", [2, 4, 6, 8]),
        (0.6, "half_even", [1, 1, 2, 2]),
        (2.5, "half_even", [2, 5, 8, 10]),
    ],
)
def test_depth_scales_repeats_by_its_own_rounding(depth, rounding, repeats, load):
    spec = load(
        f"""
        scaling: {{depth: {depth}, rounding: {{repeats: {rounding}}}}}
        stem: [{{block: conv, channels: 8, kernel: 1}}]
        stages:
          block: conv
          kernel: 1
          columns: [channels, repeats]
          rows: [[8, 1], [8, 2], [8, 3], [8, 4]]
        head: [{{block: global_pool}}]
        """
    )
    assert [len(row.blocks) for row in spec] == [1, *repeats, 1]


def test_a_setting_says_how_its_number_was_computed(load):
    spec = load(
        """
        scaling: {width: 1.3, depth: 1.1, rounding: {channels: {divisor: 8, keep: 0.9}}}
        stages:
          - {block: conv, channels: 32, kernel: 1, repeats: 4}
          - {block: conv, channels: 16, kernel: 1, width: fixed}
        head: [{block: conv, channels: 10, kernel: 1, width: up, rounding: {divisor: 8, mode: down}}]
        """
    )
    s1, s2, conv = spec.rows
    assert s1.settings["channels"].written == (
        "32 x 1.3 = 41.6 → 40 (half up, divisor 8, keep 0.9)"
    )
    assert s1.settings["repeats"].written == "4 x 1.1 = 4.4 → 5 (ceil)"
    assert s1.settings["repeats"].value == 5
    assert s2.settings["channels"].written == ""
    assert conv.settings["channels"].written == (
        "10 x 1.3 = 13 → 10 (down, divisor 8), never below what is written"
    )
