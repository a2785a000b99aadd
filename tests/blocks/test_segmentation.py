"""Blocks that give a class for each pixel, and those that bring images to one size."""

import pytest

EXAMPLES = {
    "block: aspp, channels: 4, rates: [2, 3], activation: relu, dropout: 0.1": [
        "point.conv = convolution kernel=[1, 1] channels=4 bias=true (small) : 16x16x4",
        "point.activation = activation function=relu (point.conv) : 16x16x4",
        "branch1.conv = convolution kernel=[3, 3] dilation=2 channels=4 bias=true (small) : 16x16x4",
        "branch1.activation = activation function=relu (branch1.conv) : 16x16x4",
        "branch2.conv = convolution kernel=[3, 3] dilation=3 channels=4 bias=true (small) : 16x16x4",
        "branch2.activation = activation function=relu (branch2.conv) : 16x16x4",
        "pooling.mean = global_pool (small) : 1x1x8",
        "pooling.conv = convolution kernel=[1, 1] channels=4 bias=true (pooling.mean) : 1x1x4",
        "pooling.activation = activation function=relu (pooling.conv) : 1x1x4",
        "pooling.resize = resize (pooling.activation, small) : 16x16x4",
        "concat = concat (point.activation, branch1.activation, branch2.activation, pooling.resize) : 16x16x16",
        "project.conv = convolution kernel=[1, 1] channels=4 bias=true (concat) : 16x16x4",
        "project.activation = activation function=relu (project.conv) : 16x16x4",
        "dropout = dropout rate=0.1 (project.activation) : 16x16x4",
        "output output = dropout",
    ],
    "block: aspp, channels: 4, rates: [2], separable: true, image_pooling: first, norm: batch": [
        "point.conv = convolution kernel=[1, 1] channels=4 (small) : 16x16x4",
        "point.norm = batch_norm (point.conv) : 16x16x4",
        "branch1.depthwise.conv = convolution kernel=[3, 3] dilation=2 channels=8 groups=8 (small) : 16x16x8",
        "branch1.depthwise.norm = batch_norm (branch1.depthwise.conv) : 16x16x8",
        "branch1.pointwise.conv = convolution kernel=[1, 1] channels=4 (branch1.depthwise.norm) : 16x16x4",
        "branch1.pointwise.norm = batch_norm (branch1.pointwise.conv) : 16x16x4",
        "pooling.mean = global_pool (small) : 1x1x8",
        "pooling.conv = convolution kernel=[1, 1] channels=4 (pooling.mean) : 1x1x4",
        "pooling.norm = batch_norm (pooling.conv) : 1x1x4",
        "pooling.resize = resize (pooling.norm, small) : 16x16x4",
        "concat = concat (pooling.resize, point.norm, branch1.pointwise.norm) : 16x16x12",
        "project.conv = convolution kernel=[1, 1] channels=4 (concat) : 16x16x4",
        "project.norm = batch_norm (project.conv) : 16x16x4",
        "output output = project.norm",
    ],
    "block: aspp, channels: 4, rates: [], image_pooling: none": [
        "point.conv = convolution kernel=[1, 1] channels=4 bias=true (small) : 16x16x4",
        "project.conv = convolution kernel=[1, 1] channels=4 bias=true (point.conv) : 16x16x4",
        "output output = project.conv",
    ],
    "block: lraspp, channels: 4, inputs: [s1, s2], activation: relu, norm: batch, l2: 0.5": [
        "gate.mean = global_pool (small) : 1x1x8",
        "gate.conv = convolution kernel=[1, 1] channels=4 l2=0.5 (gate.mean) : 1x1x4",
        "gate.activation = activation function=sigmoid (gate.conv) : 1x1x4",
        "project.conv = convolution kernel=[1, 1] channels=4 l2=0.5 (small) : 16x16x4",
        "project.norm = batch_norm (project.conv) : 16x16x4",
        "project.activation = activation function=relu (project.norm) : 16x16x4",
        "multiply = multiply (project.activation, gate.activation) : 16x16x4",
        "resize = resize mode=bilinear (multiply, large) : 32x32x4",
        "high.conv = convolution kernel=[1, 1] channels=3 bias=true l2=0.5 (resize) : 32x32x3",
        "low.conv = convolution kernel=[1, 1] channels=3 bias=true l2=0.5 (large) : 32x32x3",
        "add = add (low.conv, high.conv) : 32x32x3",
        "output output = add",
    ],
    "block: lraspp, channels: 4, inputs: [s1, s2], gate: hard_sigmoid, mode: nearest": [
        "gate.mean = global_pool (small) : 1x1x8",
        "gate.conv = convolution kernel=[1, 1] channels=4 (gate.mean) : 1x1x4",
        "gate.activation = activation function=hard_sigmoid (gate.conv) : 1x1x4",
        "project.conv = convolution kernel=[1, 1] channels=4 bias=true (small) : 16x16x4",
        "multiply = multiply (project.conv, gate.activation) : 16x16x4",
        "resize = resize (multiply, large) : 32x32x4",
        "high.conv = convolution kernel=[1, 1] channels=3 bias=true (resize) : 32x32x3",
        "low.conv = convolution kernel=[1, 1] channels=3 bias=true (large) : 32x32x3",
        "add = add (low.conv, high.conv) : 32x32x3",
        "output output = add",
    ],
    "block: concat, inputs: [s2, s1, s2]": [
        "resize1 = resize mode=bilinear (small, large) : 32x32x8",
        "resize3 = resize mode=bilinear (small, large) : 32x32x8",
        "concat = concat (resize1, large, resize3) : 32x32x32",
        "output output = concat",
    ],
    "block: concat, inputs: [s1, s1]": [
        "concat = concat (large, large) : 32x32x32",
        "output output = concat",
    ],
    "block: concat, inputs: [s2, s1], mode: align_corners": [
        "resize1 = resize mode=align_corners (small, large) : 32x32x8",
        "concat = concat (resize1, large) : 32x32x24",
        "output output = concat",
    ],
    "block: resize": [
        "head.x = resize mode=bilinear (small, input) : 32x32x8",
        "output output = head.x",
    ],
    "block: resize, inputs: [s1, s2], mode: nearest": [
        "head.x = resize (large, small) : 16x16x16",
        "output output = head.x",
    ],
}  # fmt: skip


@pytest.mark.parametrize("row", EXAMPLES)
def test_a_row_unfolds_into(row, unfolded_of_two):
    assert unfolded_of_two(row) == EXAMPLES[row]
