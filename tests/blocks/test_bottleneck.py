"""The bottleneck of ResNet, and the basic block."""

import archspec
import pytest

ROW = "block: bottleneck, expansion: {ratio: 1/4, of: output}"
QUIET = "channels: 16, bias: false"


def steps(lines: list[str]) -> dict[str, int]:
    """Name → stride, of the windows that have one."""
    moving = (line for line in lines if "stride=" in line)
    return {line.split(" = ")[0]: int(line.split("stride=")[1].split()[0]) for line in moving}


def names(lines: list[str]) -> list[str]:
    return [line.split(" = ")[0] for line in lines]


def test_it_narrows_filters_widens_and_adds_a_convolution_of_the_input(unfolded):
    assert unfolded(f"{ROW}, channels: 32, stride: 2, norm: batch, activation: relu") == [
        "reduce.conv = convolution kernel=[1, 1] channels=8 (in) : 32x32x8",
        "reduce.norm = batch_norm (reduce.conv) : 32x32x8",
        "reduce.activation = activation function=relu (reduce.norm) : 32x32x8",
        "middle.conv = convolution kernel=[3, 3] stride=2 channels=8 (reduce.activation) : 16x16x8",
        "middle.norm = batch_norm (middle.conv) : 16x16x8",
        "middle.activation = activation function=relu (middle.norm) : 16x16x8",
        "expand.conv = convolution kernel=[1, 1] channels=32 (middle.activation) : 16x16x32",
        "expand.norm = batch_norm (expand.conv) : 16x16x32",
        "shortcut.conv = convolution kernel=[1, 1] stride=2 channels=32 (in) : 16x16x32",
        "shortcut.norm = batch_norm (shortcut.conv) : 16x16x32",
        "add = add (shortcut.norm, expand.norm) : 16x16x32",
        "activation = activation function=relu (add) : 16x16x32",
    ]


def test_the_basic_block_filters_twice(unfolded):
    row = "block: basic, channels: 16, activation: relu, bias: false, drop_path: 0.1"
    assert unfolded(row) == [
        "first.conv = convolution kernel=[3, 3] channels=16 (in) : 32x32x16",
        "first.activation = activation function=relu (first.conv) : 32x32x16",
        "second.conv = convolution kernel=[3, 3] channels=16 (first.activation) : 32x32x16",
        "drop_path = drop_path rate=0.1 (second.conv) : 32x32x16",
        "add = add (in, drop_path) : 32x32x16",
        "activation = activation function=relu (add) : 32x32x16",
    ]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", {"middle.conv": 2, "shortcut.conv": 2}),
        ("stride_at: reduce", {"reduce.conv": 2, "shortcut.conv": 2}),
        ("shortcut: {pool: average}", {"middle.conv": 2, "shortcut.pool": 2}),
        ("shortcut: {subsample: true}", {"middle.conv": 2, "shortcut.subsample": 2}),
        ("shortcut: none", {"middle.conv": 2}),
        ("antialias: average", {"antialias": 2, "shortcut.conv": 2}),
        ("antialias: average, stride_at: reduce", {"antialias": 2, "shortcut.conv": 2}),
    ],
)
def test_where_the_stride_is(said, found, unfolded):
    assert steps(unfolded(f"{ROW}, {QUIET}, stride: 2, {said}".rstrip(", "))) == found


def test_a_subsampled_shortcut_is_convolved_where_the_width_changes_too(unfolded):
    lines = unfolded(f"{ROW}, channels: 32, stride: 2, shortcut: {{subsample: true}}")
    assert steps(lines) == {"middle.conv": 2, "shortcut.conv": 2}


def test_without_a_shortcut_there_is_no_sum_where_the_width_changes(unfolded):
    lines = unfolded(f"{ROW}, channels: 32, shortcut: none, activation: relu")
    assert names(lines)[-2:] == ["expand.conv", "activation"]


def test_the_means_of_a_shortcut_take_in_what_is_left_at_the_border(load):
    row = f"{ROW}, channels: 8, stride: 2, shortcut: {{pool: average}}"
    spec = load(f"stages: [{{{row}}}]", set={"input": 7})
    pool = archspec.to_graph(spec).named["s1.1.shortcut.pool"]
    assert pool.shape == (4, 4, 3)
    assert str(pool.op) == "pool kernel=[2, 2] stride=2 padding=ceil type=average"


@pytest.mark.parametrize(
    ("said", "groups"),
    [
        ("groups: 4", "4"),
        ("group_width: 4", "2"),
        ("group_width: 4, middle: {groups: 8}", "8"),
        ("groups: 2, reduce_ratio: 1/2", "2"),
    ],
)
def test_the_middle_has_groups(said, groups, unfolded):
    (line,) = [line for line in unfolded(f"{ROW}, channels: 32, {said}") if "groups=" in line]
    assert line.startswith("middle.conv")
    assert line.split("groups=")[1].split()[0] == groups


def test_reduce_may_be_narrower_than_the_middle(unfolded):
    lines = unfolded(f"{ROW}, channels: 32, reduce_ratio: 1/2, bias: false")
    assert lines[:2] == [
        "reduce.conv = convolution kernel=[1, 1] channels=4 (in) : 32x32x4",
        "middle.conv = convolution kernel=[3, 3] channels=8 (reduce.conv) : 32x32x8",
    ]


@pytest.mark.parametrize(("at", "before"), [("middle", "middle.conv"), ("expand", "expand.conv")])
def test_a_squeeze_excite_follows_the_middle_or_the_last(at, before, unfolded):
    found = names(unfolded(f"{ROW}, {QUIET}, se: 1/4, se_at: {at}"))
    assert found[found.index("se.pool") - 1] == before


@pytest.mark.parametrize(
    ("channels", "kernel"), [(2, 3), (16, 3), (32, 3), (64, 3), (128, 5), (512, 5), (2048, 7)]
)
def test_channel_attention_has_a_kernel_by_the_count_of_channels(channels, kernel, unfolded):
    lines = unfolded(f"block: basic, channels: {channels}, eca: auto")
    (line,) = [line for line in lines if line.startswith("eca.conv")]
    assert f"kernel={kernel} " in line


def test_channel_attention_multiplies_by_a_gate(unfolded):
    assert unfolded(f"{ROW}, {QUIET}, eca: 5")[3:-1] == [
        "eca.pool = global_pool (expand.conv) : 1x1x16",
        "eca.conv = channel_convolution kernel=5 (eca.pool) : 1x1x16",
        "eca.gate = activation function=sigmoid (eca.conv) : 1x1x16",
        "eca.multiply = multiply (expand.conv, eca.gate) : 32x32x16",
    ]


@pytest.mark.parametrize(("said", "last"), [("none", "add"), ("tanh", "activation")])
def test_the_sum_may_have_an_activation_of_its_own(said, last, unfolded):
    lines = unfolded(f"{ROW}, {QUIET}, activation: relu, sum_activation: {said}")
    assert names(lines)[-1] == last
    assert ("tanh" in lines[-1]) == (said == "tanh")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("channels: 6", "E206 s1.1: 6 x 0.25 = 1.5 is not whole"),
        ("channels: 16, group_width: 3", "E301 s1.1: groups of 3 do not divide 4 channels"),
        ("channels: 16, eca: 4", "E301 s1.1.eca.conv: a kernel of 4 channels has no middle"),
        ("channels: 16, eca: 3, se: 1/4", "E205 'se' and 'eca' exclude each other"),
        (
            "channels: 16, reduce_ratio: 1/3",
            "E206 s1.1: 4 x 0.333333 = 1.333333333 is not whole",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(said, message, refusal):
    assert refusal(f"stages: [{{{ROW}, {said}}}]") == message
