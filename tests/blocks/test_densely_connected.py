"""Layers that are joined to their input, and what stands between stages of them."""

ROW = "norm: batch, activation: relu"


def test_the_new_channels_come_after_the_input(unfolded):
    said = "block: densely_connected, growth: 6, expansion: {ratio: 4, of: output}"
    assert unfolded(f"{said}, {ROW}") == [
        "reduce.norm = batch_norm (in) : 32x32x16",
        "reduce.activation = activation function=relu (reduce.norm) : 32x32x16",
        "reduce.conv = convolution kernel=[1, 1] channels=24 (reduce.activation) : 32x32x24",
        "grow.norm = batch_norm (reduce.conv) : 32x32x24",
        "grow.activation = activation function=relu (grow.norm) : 32x32x24",
        "grow.conv = convolution kernel=[3, 3] channels=6 (grow.activation) : 32x32x6",
        "concat = concat (in, grow.conv) : 32x32x22",
    ]


def test_a_transition_has_fewer_channels_and_pixels(unfolded):
    assert unfolded(f"block: transition, expansion: 1/2, {ROW}") == [
        "norm = batch_norm (in) : 32x32x16",
        "activation = activation function=relu (norm) : 32x32x16",
        "conv = convolution kernel=[1, 1] channels=8 (activation) : 32x32x8",
        "pool = pool kernel=[2, 2] stride=2 padding=valid type=average (conv) : 16x16x8",
    ]


def test_a_transition_without_a_stride_has_no_pool(unfolded):
    assert unfolded(f"block: transition, channels: 5, stride: 1, {ROW}")[-1] == (
        "conv = convolution kernel=[1, 1] channels=5 (activation) : 32x32x5"
    )
