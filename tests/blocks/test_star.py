"""The StarNet block."""


def test_the_product_of_two_factors(unfolded):
    row = "block: star, channels: 16, expansion: 3, kernel: 5, norm: batch, bias: true, activation: relu6"
    assert unfolded(row) == [
        "depthwise.conv = convolution kernel=[5, 5] channels=16 groups=16 bias=true (in) : 32x32x16",
        "depthwise.norm = batch_norm (depthwise.conv) : 32x32x16",
        "expand1.conv = convolution kernel=[1, 1] channels=48 bias=true (depthwise.norm) : 32x32x48",
        "expand1.activation = activation function=relu6 (expand1.conv) : 32x32x48",
        "expand2.conv = convolution kernel=[1, 1] channels=48 bias=true (depthwise.norm) : 32x32x48",
        "multiply = multiply (expand1.activation, expand2.conv) : 32x32x48",
        "project.conv = convolution kernel=[1, 1] channels=16 bias=true (multiply) : 32x32x16",
        "project.norm = batch_norm (project.conv) : 32x32x16",
        "depthwise2.conv = convolution kernel=[5, 5] channels=16 groups=16 bias=true (project.norm) : 32x32x16",
        "add = add (in, depthwise2.conv) : 32x32x16",
    ]


def test_the_sum_begins_after_the_stride(unfolded):
    lines = unfolded("block: star, channels: 24, expansion: 2, stride: 2, down: {kernel: 3}")
    assert (
        lines[0]
        == "down.conv = convolution kernel=[3, 3] stride=2 channels=24 bias=true (in) : 16x16x24"
    )
    assert lines[-1] == "add = add (down.conv, depthwise2.conv) : 16x16x24"
