"""Blocks that are trained as sums of branches: RepVGG, MobileOne, RepViT."""

import archspec
import pytest

NORMED = "norm: batch, activation: relu"


def names(lines: list[str]) -> list[str]:
    return [line.split(" = ")[0] for line in lines]


def test_a_convolution_has_a_1x1_one_and_a_norm_beside_it(unfolded):
    assert unfolded(f"block: rep_conv, channels: 16, {NORMED}") == [
        "branch1.conv = convolution kernel=[3, 3] channels=16 (in) : 32x32x16",
        "branch1.norm = batch_norm (branch1.conv) : 32x32x16",
        "scale.conv = convolution kernel=[1, 1] channels=16 (in) : 32x32x16",
        "scale.norm = batch_norm (scale.conv) : 32x32x16",
        "identity = batch_norm (in) : 32x32x16",
        "add = add (branch1.norm, scale.norm, identity) : 32x32x16",
        "activation = activation function=relu (add) : 32x32x16",
    ]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("channels: 16, stride: 2", ["branch1.conv", "scale.conv", "add"]),
        ("channels: 8", ["branch1.conv", "scale.conv", "add"]),
        ("channels: 8, kernel: 1", ["branch1.conv"]),
        ("channels: 8, kernel: 1, branches: 2", ["branch1.conv", "branch2.conv", "add"]),
        ("channels: 16, kernel: 1", ["branch1.conv", "add"]),
    ],
)
def test_branches_stand_where_they_make_sense(unfolded, said, found):
    assert names(unfolded(f"block: rep_conv, bias: false, {said}")) == found


def test_all_branches_have_the_groups(unfolded):
    lines = unfolded("block: rep_conv, channels: 8, group_width: 4, stride: 2, bias: false")
    assert [line.split("(")[0] for line in lines[:2]] == [
        "branch1.conv = convolution kernel=[3, 3] stride=2 channels=8 groups=2 ",
        "scale.conv = convolution kernel=[1, 1] stride=2 channels=8 groups=2 ",
    ]


@pytest.mark.parametrize(
    ("position", "last"),
    [
        ("before_activation", ["se.multiply", "activation"]),
        ("after_activation", ["activation", "se.multiply"]),
    ],
)
def test_squeeze_excite_is_of_the_sum(unfolded, position, last):
    se = f"se: {{ratio: 1/4, position: {position}}}"
    found = names(unfolded(f"block: rep_conv, channels: 16, {se}, {NORMED}"))
    assert [name for name in found if name in last] == last
    assert found.index("add") < found.index("se.pool")


def test_both_halves_of_a_separable_one_are_sums(unfolded):
    assert unfolded(f"block: rep_separable, channels: 8, stride: 2, branches: 2, {NORMED}") == [
        "depthwise.branch1.conv = convolution kernel=[3, 3] stride=2 channels=16 groups=16 (in) : 16x16x16",
        "depthwise.branch1.norm = batch_norm (depthwise.branch1.conv) : 16x16x16",
        "depthwise.branch2.conv = convolution kernel=[3, 3] stride=2 channels=16 groups=16 (in) : 16x16x16",
        "depthwise.branch2.norm = batch_norm (depthwise.branch2.conv) : 16x16x16",
        "depthwise.scale.conv = convolution kernel=[1, 1] stride=2 channels=16 groups=16 (in) : 16x16x16",
        "depthwise.scale.norm = batch_norm (depthwise.scale.conv) : 16x16x16",
        "depthwise.add = add (depthwise.branch1.norm, depthwise.branch2.norm, depthwise.scale.norm) : 16x16x16",
        "depthwise.activation = activation function=relu (depthwise.add) : 16x16x16",
        "pointwise.branch1.conv = convolution kernel=[1, 1] channels=8 (depthwise.activation) : 16x16x8",
        "pointwise.branch1.norm = batch_norm (pointwise.branch1.conv) : 16x16x8",
        "pointwise.branch2.conv = convolution kernel=[1, 1] channels=8 (depthwise.activation) : 16x16x8",
        "pointwise.branch2.norm = batch_norm (pointwise.branch2.conv) : 16x16x8",
        "pointwise.add = add (pointwise.branch1.norm, pointwise.branch2.norm) : 16x16x8",
        "pointwise.activation = activation function=relu (pointwise.add) : 16x16x8",
    ]


REPVIT = "block: rep_vit, channels: 16, norm: batch, activation: gelu"


def test_pixels_are_mixed_then_channels(unfolded):
    assert unfolded(REPVIT) == [
        "mixer.depthwise.conv = convolution kernel=[3, 3] channels=16 groups=16 (in) : 32x32x16",
        "mixer.depthwise.norm = batch_norm (mixer.depthwise.conv) : 32x32x16",
        "mixer.scale.conv = convolution kernel=[1, 1] channels=16 groups=16 (in) : 32x32x16",
        "mixer.scale.norm = batch_norm (mixer.scale.conv) : 32x32x16",
        "mixer.add = add (mixer.depthwise.norm, mixer.scale.norm, in) : 32x32x16",
        "expand.conv = convolution kernel=[1, 1] channels=32 (mixer.add) : 32x32x32",
        "expand.norm = batch_norm (expand.conv) : 32x32x32",
        "expand.activation = activation function=gelu (expand.norm) : 32x32x32",
        "project.conv = convolution kernel=[1, 1] channels=16 (expand.activation) : 32x32x16",
        "project.norm = batch_norm (project.conv) : 32x32x16",
        "add = add (mixer.add, project.norm) : 32x32x16",
    ]


def test_the_norm_of_the_1x1_branch_may_stand_after_the_sum(unfolded):
    lines = unfolded(f"{REPVIT}, sum_norm: true")
    assert lines[2:5] == [
        "mixer.scale.conv = convolution kernel=[1, 1] channels=16 groups=16 bias=true (in) : 32x32x16",
        "mixer.add = add (mixer.depthwise.norm, mixer.scale.conv, in) : 32x32x16",
        "mixer.norm = batch_norm (mixer.add) : 32x32x16",
    ]


def test_a_stride_has_a_block_before_it_and_mixes_channels_after_it(unfolded):
    lines = unfolded(f"{REPVIT.replace('16', '24')}, stride: 2, se: 0.25")
    assert [line for line in lines if "= add" in line or "stride" in line or "=24" in line][:9] == [
        "before.mixer.add = add (before.mixer.depthwise.norm, before.mixer.scale.norm, in) : 32x32x16",
        "before.add = add (before.mixer.add, before.project.norm) : 32x32x16",
        "down.depthwise.conv = convolution kernel=[3, 3] stride=2 channels=16 groups=16 (before.add) : 16x16x16",
        "down.pointwise.conv = convolution kernel=[1, 1] channels=24 (down.depthwise.norm) : 16x16x24",
        "down.project.conv = convolution kernel=[1, 1] channels=24 (down.expand.activation) : 16x16x24",
        "down.add = add (down.pointwise.norm, down.project.norm) : 16x16x24",
        "mixer.depthwise.conv = convolution kernel=[3, 3] channels=24 groups=24 (down.add) : 16x16x24",
        "mixer.scale.conv = convolution kernel=[1, 1] channels=24 groups=24 (down.add) : 16x16x24",
        "mixer.add = add (mixer.depthwise.norm, mixer.scale.norm, down.add) : 16x16x24",
    ]
    assert [name for name in names(lines) if name.endswith("se.multiply")] == ["se.multiply"]


def test_a_width_that_changes_without_a_stride_is_refused(refusal):
    text = "stem: [{block: conv, channels: 8, kernel: 1}]\nstages: [{block: rep_vit, channels: 9}]"
    assert refusal(text) == "E302 s1.1: from 8 to 9 channels without a stride"


def test_two_classifiers_have_a_mean(load):
    text = "head: [{block: global_pool}, {block: distilled_classifier, norm: batch}]\nclasses: 7"
    graph = archspec.to_graph(load(text))
    assert str(graph).replace("head.distilled_classifier.", "").splitlines()[3:] == [
        "  flatten = flatten (head.global_pool) : 3",
        "  labels.norm = batch_norm (flatten) : 3",
        "  labels.dense = dense channels=7 (labels.norm) : 7",
        "  teacher.norm = batch_norm (flatten) : 3",
        "  teacher.dense = dense channels=7 (teacher.norm) : 7",
        "  add = add (labels.dense, teacher.dense) : 7",
        "  mean = rescale scale=[0.5] (add) : 7",
        "  output output = mean",
    ]
