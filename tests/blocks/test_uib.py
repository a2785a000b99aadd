"""The universal inverted bottleneck."""

import pytest

ROW = "block: uib, channels: 24, expansion: 2, norm: batch, activation: relu"


def windows(lines: list[str]) -> dict[str, str]:
    """Name → kernel and stride, of the depthwise convolutions."""
    depthwise = (line for line in lines if "groups=" in line)
    return {
        line.partition(".conv =")[0]: line.partition("kernel=")[2].partition(" channels")[0]
        for line in depthwise
    }


def test_all_its_filters(unfolded):
    row = "block: uib, channels: 16, expansion: 2, start: 3, middle: 5, end: 7, layer_scale: 1e-5, activation: relu"
    assert unfolded(row) == [
        "start.conv = convolution kernel=[3, 3] channels=16 groups=16 bias=true (in) : 32x32x16",
        "expand.conv = convolution kernel=[1, 1] channels=32 bias=true (start.conv) : 32x32x32",
        "expand.activation = activation function=relu (expand.conv) : 32x32x32",
        "middle.conv = convolution kernel=[5, 5] channels=32 groups=32 bias=true (expand.activation) : 32x32x32",
        "middle.activation = activation function=relu (middle.conv) : 32x32x32",
        "project.conv = convolution kernel=[1, 1] channels=16 bias=true (middle.activation) : 32x32x16",
        "end.conv = convolution kernel=[7, 7] channels=16 groups=16 bias=true (project.conv) : 32x32x16",
        "layer_scale = scale initial=1e-05 (end.conv) : 32x32x16",
        "add = add (in, layer_scale) : 32x32x16",
    ]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("start: 3, middle: 5, end: 7", {"start": "[3, 3]", "middle": "[5, 5] stride=2", "end": "[7, 7]"}),
        ("start: 3, end: 7", {"start": "[3, 3] stride=2", "end": "[7, 7]"}),
        ("end: 7", {"end": "[7, 7] stride=2"}),
        ("start: none, middle: 1x5", {"middle": "[1, 5] stride=2"}),
    ],
)  # fmt: skip
def test_the_middle_has_the_stride_without_it_the_start_without_both_the_end(said, found, unfolded):
    assert windows(unfolded(f"{ROW}, stride: 2, {said}")) == found


def test_without_a_filter_it_is_a_feed_forward_network(unfolded):
    assert windows(unfolded(ROW)) == {}


def test_a_filter_that_is_only_configured_is_not_there(unfolded):
    assert windows(unfolded(f"{ROW}, start: {{activation: relu}}, middle: 3")) == {
        "middle": "[3, 3]"
    }


@pytest.mark.parametrize(
    ("kind", "op"),
    [
        ("blur", "blur"),
        ("blur_zero", "blur border=zero"),
        ("average", "pool kernel=[2, 2] stride=2 padding=valid type=average"),
    ],
)
def test_antialiasing_takes_the_stride(kind, op, unfolded):
    lines = unfolded(f"{ROW}, stride: 2, start: 3, middle: 5, antialias: {kind}")
    assert windows(lines) == {"start": "[3, 3]", "middle": "[5, 5]"}
    assert f"antialias = {op} (middle.activation) : 16x16x32" in lines


def test_a_stride_needs_a_filter(refusal):
    text = (
        f"stem: [{{block: conv, channels: 16, kernel: 1}}]\nhead: [{{{ROW}, stride: 2, name: x}}]"
    )
    assert refusal(text) == (
        "E302 head.x: a stride needs a depthwise convolution: start, middle or end"
    )
