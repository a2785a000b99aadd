"""Two windows side by side on a narrow image."""


def test_half_of_the_channels_come_from_each_window(unfolded):
    assert unfolded("block: fire, hidden: 4, channels: 13, activation: relu") == [
        "squeeze.conv = convolution kernel=[1, 1] channels=4 bias=true (in) : 32x32x4",
        "squeeze.activation = activation function=relu (squeeze.conv) : 32x32x4",
        "expand1x1.conv = convolution kernel=[1, 1] channels=7 bias=true (squeeze.activation) : 32x32x7",
        "expand1x1.activation = activation function=relu (expand1x1.conv) : 32x32x7",
        "expand3x3.conv = convolution kernel=[3, 3] channels=6 bias=true (squeeze.activation) : 32x32x6",
        "expand3x3.activation = activation function=relu (expand3x3.conv) : 32x32x6",
        "concat = concat (expand1x1.activation, expand3x3.activation) : 32x32x13",
    ]
