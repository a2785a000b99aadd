"""The fused inverted residual, and the convolution with a residual that it is where it does not widen."""

import archspec
import pytest


def names(lines: list[str]) -> list[str]:
    return [line.partition(" = ")[0] for line in lines]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("channels: 16, expansion: 4, residual: none", []),
        ("channels: 16, expansion: 4, stride: 2", []),
        ("channels: 24, expansion: 4", []),
        ("channels: 16, expansion: 4, drop_path: 0.5", ["drop_path", "add"]),
    ],
)
def test_it_adds_where_shapes_are_equal(said, found, unfolded):
    lines = names(unfolded(f"block: fused_inverted_residual, {said}"))
    assert lines == ["expand.conv", "project.conv", *found]


def test_both_convolutions_are_there_at_every_ratio(unfolded):
    lines = unfolded("block: fused_inverted_residual, channels: 16, expansion: 1, kernel: 5")
    assert names(lines) == ["expand.conv", "project.conv", "add"]
    assert "kernel=[5, 5] channels=16" in lines[0]


def test_its_width_may_be_a_ratio_of_a_count(unfolded):
    row = "block: fused_inverted_residual, channels: 24, expansion: {ratio: 4, of: 24}"
    assert "channels=96" in unfolded(row)[0]


def test_the_image_shrinks_after_the_activation_and_before_the_gate(unfolded):
    said = "channels: 16, expansion: 2, stride: 2, antialias: blur, se: 0.25, activation: relu"
    lines = unfolded(f"block: fused_inverted_residual, {said}")
    assert names(lines)[:4] == ["expand.conv", "expand.activation", "antialias", "se.pool"]
    assert [line.rpartition(" : ")[2] for line in lines[:3]] == ["32x32x32", "32x32x32", "16x16x32"]


def test_its_groups_may_be_counted_in_channels(unfolded, refusal):
    row = "block: fused_inverted_residual, channels: 16, expansion: 4, expand: {group_width: 16}"
    assert "channels=64 groups=4" in unfolded(row)[0]
    row = row.replace("group_width: 16", "group_width: 24")
    assert refusal(f"head: [{{block: conv, channels: 16, kernel: 1}}, {{{row}, name: x}}]") == (
        "E301 head.x: groups of 24 do not divide 64 channels"
    )


def test_a_convolution_may_have_a_residual(unfolded, refusal):
    row = "block: conv, kernel: 3, channels: 16"
    assert names(unfolded(f"{row}, drop_path: 0.5")) == ["conv"]
    assert names(unfolded(f"{row}, residual: auto, drop_path: 0.5")) == ["conv", "drop_path", "add"]
    assert names(unfolded(f"{row}, residual: auto, stride: 2")) == ["conv"]
    assert refusal("head: [{block: conv, kernel: 3, channels: 16, residual: always}]") == (
        "E302 head.conv: no residual from [32, 32, 3] to [32, 32, 16]"
    )


def test_a_group_norm_may_be_counted_in_channels(unfolded, refusal):
    row = "block: conv, kernel: 1, channels: 32, norm: {type: group, group_width: 8}"
    assert "norm = group_norm groups=4" in unfolded(row)[1]
    assert refusal(f"head: [{{{row.replace('32', '12')}}}]") == (
        "E301 head.conv: groups of 8 do not divide 12 channels"
    )


def test_at_one_ratio_it_costs_as_much_as_its_convolutions(load):
    spec = load("stages: [{block: fused_inverted_residual, channels: 6, expansion: 2}]")
    assert archspec.cost(spec).macs == 32 * 32 * (9 * 3 * 6 + 6 * 6)
