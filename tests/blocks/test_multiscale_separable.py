"""A depthwise convolution that is trained as a sum of windows."""

import pytest

ROW = "block: multiscale_separable, channels: 16, activation: relu"


def test_the_sum_of_three_windows(unfolded):
    row = f"{ROW}, kernels: [5, 3, 1], expansion: {{ratio: 0.5, of: output}}, se: 0.25, residual: auto"
    assert unfolded(row) == [
        "depthwise.branch1.conv = convolution kernel=[5, 5] channels=16 groups=16 bias=true (in) : 32x32x16",
        "depthwise.branch2.conv = convolution kernel=[3, 3] channels=16 groups=16 bias=true (in) : 32x32x16",
        "depthwise.branch3.conv = convolution kernel=[1, 1] channels=16 groups=16 bias=true (in) : 32x32x16",
        "depthwise.add = add (depthwise.branch1.conv, depthwise.branch2.conv, depthwise.branch3.conv) : 32x32x16",
        "depthwise.activation = activation function=relu (depthwise.add) : 32x32x16",
        "se.pool = global_pool (depthwise.activation) : 1x1x16",
        "se.reduce.conv = convolution kernel=[1, 1] channels=4 bias=true (se.pool) : 1x1x4",
        "se.reduce.activation = activation function=relu (se.reduce.conv) : 1x1x4",
        "se.expand.conv = convolution kernel=[1, 1] channels=16 bias=true (se.reduce.activation) : 1x1x16",
        "se.expand.activation = activation function=sigmoid (se.expand.conv) : 1x1x16",
        "se.multiply = multiply (depthwise.activation, se.expand.activation) : 32x32x16",
        "reduce.conv = convolution kernel=[1, 1] channels=8 bias=true (se.multiply) : 32x32x8",
        "reduce.activation = activation function=relu (reduce.conv) : 32x32x8",
        "pointwise.conv = convolution kernel=[1, 1] channels=16 bias=true (reduce.activation) : 32x32x16",
        "pointwise.activation = activation function=relu (pointwise.conv) : 32x32x16",
        "add = add (in, pointwise.activation) : 32x32x16",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "count"),
    [("kernels: [5, 3, 1], stride: 2", 2), ("kernels: [3, 1], stride: 2", 1), ("kernels: 3", 1)],
)
def test_a_window_of_one_pixel_has_no_stride(said, count, unfolded):
    lines = [line for line in unfolded(f"{ROW}, {said}") if "groups=16" in line]
    assert len(lines) == count
    assert lines[0].startswith("depthwise.branch1.conv" if count > 1 else "depthwise.conv")


def test_a_squeeze_excite_before_the_activation(unfolded):
    lines = unfolded(f"{ROW}, kernels: [3, 1], se: {{ratio: 0.25, position: before_activation}}")
    assert "depthwise.activation = activation function=relu (se.multiply) : 32x32x16" in lines
