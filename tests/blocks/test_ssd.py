"""Boxes and their classes from feature maps; smaller maps behind a backbone."""

import pytest

EXAMPLES = {
    "block: ssd, inputs: [s1, s2], anchors: {ratios: [1, 2]}, norm: batch, activation: relu6": [
        "level1.boxes.depthwise.conv = convolution kernel=[3, 3] channels=16 groups=16 (large) : 32x32x16",
        "level1.boxes.depthwise.norm = batch_norm (level1.boxes.depthwise.conv) : 32x32x16",
        "level1.boxes.depthwise.activation = activation function=relu6 (level1.boxes.depthwise.norm) : 32x32x16",
        "level1.boxes.conv = convolution kernel=[1, 1] channels=12 bias=true (level1.boxes.depthwise.activation) : 32x32x12",
        "level1.classes.depthwise.conv = convolution kernel=[3, 3] channels=16 groups=16 (large) : 32x32x16",
        "level1.classes.depthwise.norm = batch_norm (level1.classes.depthwise.conv) : 32x32x16",
        "level1.classes.depthwise.activation = activation function=relu6 (level1.classes.depthwise.norm) : 32x32x16",
        "level1.classes.conv = convolution kernel=[1, 1] channels=12 bias=true (level1.classes.depthwise.activation) : 32x32x12",
        "level2.boxes.depthwise.conv = convolution kernel=[3, 3] channels=8 groups=8 (small) : 16x16x8",
        "level2.boxes.depthwise.norm = batch_norm (level2.boxes.depthwise.conv) : 16x16x8",
        "level2.boxes.depthwise.activation = activation function=relu6 (level2.boxes.depthwise.norm) : 16x16x8",
        "level2.boxes.conv = convolution kernel=[1, 1] channels=12 bias=true (level2.boxes.depthwise.activation) : 16x16x12",
        "level2.classes.depthwise.conv = convolution kernel=[3, 3] channels=8 groups=8 (small) : 16x16x8",
        "level2.classes.depthwise.norm = batch_norm (level2.classes.depthwise.conv) : 16x16x8",
        "level2.classes.depthwise.activation = activation function=relu6 (level2.classes.depthwise.norm) : 16x16x8",
        "level2.classes.conv = convolution kernel=[1, 1] channels=12 bias=true (level2.classes.depthwise.activation) : 16x16x12",
        "box_deltas = rows size=4 (level1.boxes.conv, level2.boxes.conv) : 3840x4",
        "class_logits = rows size=4 (level1.classes.conv, level2.classes.conv) : 3840x4",
        "output box_deltas = box_deltas",
        "output class_logits = class_logits",
    ],
    "block: ssd, inputs: s2, separable: false, background: none, score: sigmoid, anchors: {boxes: [[[0.5, 1]]]}, l2: 0.5": [
        "level1.boxes.conv = convolution kernel=[3, 3] channels=4 bias=true l2=0.5 (small) : 16x16x4",
        "level1.classes.conv = convolution kernel=[3, 3] channels=3 bias=true l2=0.5 (small) : 16x16x3",
        "box_deltas = rows size=4 (level1.boxes.conv) : 256x4",
        "class_logits = rows size=3 (level1.classes.conv) : 256x3",
        "output box_deltas = box_deltas",
        "output class_logits = class_logits",
    ],
    "block: ssd_extra, channels: 24, norm: batch, activation: relu": [
        "reduce.conv = convolution kernel=[1, 1] channels=12 (small) : 16x16x12",
        "reduce.norm = batch_norm (reduce.conv) : 16x16x12",
        "reduce.activation = activation function=relu (reduce.norm) : 16x16x12",
        "depthwise.conv = convolution kernel=[3, 3] stride=2 channels=12 groups=12 (reduce.activation) : 8x8x12",
        "depthwise.norm = batch_norm (depthwise.conv) : 8x8x12",
        "depthwise.activation = activation function=relu (depthwise.norm) : 8x8x12",
        "pointwise.conv = convolution kernel=[1, 1] channels=24 (depthwise.activation) : 8x8x24",
        "pointwise.norm = batch_norm (pointwise.conv) : 8x8x24",
        "pointwise.activation = activation function=relu (pointwise.norm) : 8x8x24",
        "output output = pointwise.activation",
    ],
    "block: ssd_extra, channels: 24, separable: false, stride: 1, kernel: 5, rounding: {mode: down, floor: 16}": [
        "reduce.conv = convolution kernel=[1, 1] channels=16 bias=true (small) : 16x16x16",
        "window.conv = convolution kernel=[5, 5] channels=24 bias=true (reduce.conv) : 16x16x24",
        "output output = window.conv",
    ],
}  # fmt: skip


@pytest.mark.parametrize("row", EXAMPLES)
def test_a_row_unfolds_into(row, unfolded_of_two):
    assert unfolded_of_two(row) == EXAMPLES[row]
