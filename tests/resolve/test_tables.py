"""Rows, columns, kernels and names (rules 9 and 12)."""

import archspec
import pytest
from archspec.parameters import SqueezeExcite
from tests.meaning import of_row


def names(spec) -> list[str]:
    return [row.path for row in spec]


def nodes(spec) -> list[str]:
    return [node.name for node in archspec.to_graph(spec).nodes]


def test_a_row_is_a_list_under_columns_or_a_mapping_and_both_may_be_mixed(load):
    spec = load(
        """
        stages:
          block: conv
          columns: [channels, kernel, norm.epsilon, norm]
          rows:
            - [8, 3, 0.5, batch]
            - {channels: 8, kernel: 3, norm: {type: batch, epsilon: 0.5}}
            - {channels: 8, kernel: 3, norm.epsilon: 0.5, norm.type: batch}
        """
    )
    first, *others = (of_row(row)[2:] for row in spec)
    assert others == [first, first]


@pytest.mark.parametrize("row", ["{se: 0.25, se.of: input}", "{se.of: input, se: 0.25}"])
def test_a_scalar_and_a_field_of_one_parameter_go_together_in_any_order(row, load):
    more = "block: inverted_residual, channels: 8, expansion: 6"
    spec = load(f"stages: [{row[:-1]}, {more}}}]")
    assert spec.rows[0].blocks[0].se == SqueezeExcite(ratio=0.25, of="input")


def test_a_block_may_be_a_column(load):
    spec = load(
        """
        stages:
          columns: [block, channels, kernel, expansion]
          rows:
            - [conv, 16, 3, ~]
            - [inverted_residual, 16, 3, 6]
            - {block: depthwise_separable, channels: 16}
        """
    )
    assert [row.block for row in spec] == ["conv", "inverted_residual", "depthwise_separable"]


def test_a_section_without_defaults_is_a_list_of_rows(load):
    rows = "[{block: conv, channels: 8, kernel: 3}]"
    table = f"{{rows: {rows}}}"
    assert names(load(f"stem: {rows}\nhead: {table}")) == ["stem.conv", "head.conv"]


def test_a_kernel_is_a_square_a_rectangle_or_a_mix(load):
    spec = load(
        """
        stages:
          block: depthwise_separable
          channels: 12
          columns: [kernel]
          rows: [[5], [1x7], [[3, 5x1, 7]]]
        """
    )
    assert [row.blocks[0].kernel for row in spec] == [
        ((5, 5),),
        ((1, 7),),
        ((3, 3), (5, 1), (7, 7)),
    ]


def test_a_mix_shares_the_channels_out_and_the_first_kernel_gets_the_rest(load):
    spec = load(
        """
        stem: [{block: conv, channels: 14, kernel: 1}]
        stages: [{block: depthwise_separable, channels: 8, kernel: [3, 5, 7], stride: 2}]
        """
    )
    graph = archspec.to_graph(spec)
    shapes = {name: graph.shapes[f"s1.1.depthwise.{name}"] for name in ("conv1", "conv2", "conv3")}
    assert shapes == {"conv1": (16, 16, 6), "conv2": (16, 16, 4), "conv3": (16, 16, 4)}
    kernels = [graph.weights[f"s1.1.depthwise.conv{number}/kernel"].shape for number in (1, 2, 3)]
    assert kernels == [(3, 3, 6, 1), (5, 5, 4, 1), (7, 7, 4, 1)]
    assert graph.shapes["s1.1.depthwise.concat"] == (16, 16, 14)


def test_stage_rows_are_numbered_and_others_take_the_name_of_their_block(load):
    spec = load(
        """
        stem:
          - {block: conv, channels: 8, kernel: 3}
          - {block: conv, channels: 8, kernel: 3}
          - {block: global_pool}
          - {block: conv, channels: 8, kernel: 1}
        stages:
          - {block: conv, channels: 8, kernel: 1}
          - {block: conv, channels: 8, kernel: 1, name: middle}
          - {block: conv, channels: 8, kernel: 1}
        head: [{block: conv, channels: 8, kernel: 1}, {block: classifier, name: scores}]
        """
    )
    assert names(spec) == [
        "stem.conv",
        "stem.conv2",
        "stem.global_pool",
        "stem.conv3",
        "stages.s1",
        "stages.middle",
        "stages.s3",
        "head.conv",
        "head.scores",
    ]


def test_nodes_of_stages_have_a_number_even_where_it_is_the_only_one(load):
    spec = load(
        """
        stem: [{block: conv, channels: 8, kernel: 3, norm: batch, activation: relu}]
        stages: [{block: conv, channels: 8, kernel: 3}]
        head: [{block: global_pool}]
        """
    )
    assert nodes(spec) == [
        "stem.conv.conv",
        "stem.conv.norm",
        "stem.conv.activation",
        "s1.1.conv",
        "head.global_pool",
    ]


@pytest.mark.parametrize("depth", [0.5, 2])
def test_depth_renames_nothing(depth):
    plain = archspec.to_graph("efficientnet:b0")
    deep = archspec.to_graph(archspec.load("efficientnet:b0", scaling={"depth": depth}))
    fewer, more = sorted(({*plain.shapes}, {*deep.shapes}), key=len)
    # Where the first block of a row is the only one, it has no sum to add and no drop path.
    assert fewer - more == set()


def test_a_row_that_goes_renames_no_other(load):
    spec = load("extends: mobilenet_v2\nremove: [stages.s3, stages.s5, stem.conv]")
    assert names(spec)[:-3] == ["stages.s1", "stages.s2", "stages.s4", "stages.s6", "stages.s7"]


def test_inserted_rows_bring_names_and_go_before_or_after(load):
    spec = load(
        """
        stages:
          block: conv
          columns: [channels, kernel]
          rows: [[8, 3], [16, 3]]
        insert:
          - {after: stages.s1, rows: [{name: b, channels: 9, kernel: 1}, {name: c, channels: 10, kernel: 1}]}
          - {before: stages.s1, rows: [{name: a, channels: 7, kernel: 1}]}
          - {after: stages.s2, rows: [{name: e, block: global_pool}]}
          - {after: stages.c, rows: [{name: d, channels: 11, kernel: 1}]}
        """
    )
    assert names(spec) == [f"stages.{name}" for name in ("a", "s1", "b", "c", "d", "s2", "e")]


def test_inserted_rows_may_be_lists_under_the_columns_of_their_table(write, tmp_path):
    base = """
        stages:
          block: conv
          columns: [name, channels, kernel]
          rows: [[a, 8, 3], [b, 16, 3]]
    """
    write(base, "base.yaml")
    child = "archspec: 1\nname: child\nextends: base.yaml\ninsert: [{after: stages.a, rows: [[c, 4, 1]]}]\n"
    (tmp_path / "child.yaml").write_text(child)
    spec = archspec.load(str(tmp_path / "child.yaml"))
    assert [(row.name, row.blocks[0].channels) for row in spec] == [("a", 8), ("c", 4), ("b", 16)]
