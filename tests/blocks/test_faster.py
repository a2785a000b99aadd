"""The FasterNet block."""

ROW = "block: faster, expansion: 2, bias: false, activation: relu"


def test_only_the_first_channels_are_filtered(unfolded):
    assert unfolded(f"{ROW}, channels: 16, partial_ratio: 1/4, layer_scale: 0.1, norm: batch") == [
        "partial.slice = slice start=0 stop=4 (in) : 32x32x4",
        "partial.conv = convolution kernel=[3, 3] channels=4 (partial.slice) : 32x32x4",
        "partial.rest = slice start=4 stop=16 (in) : 32x32x12",
        "partial.concat = concat (partial.conv, partial.rest) : 32x32x16",
        "expand.conv = convolution kernel=[1, 1] channels=32 (partial.concat) : 32x32x32",
        "expand.norm = batch_norm (expand.conv) : 32x32x32",
        "expand.activation = activation function=relu (expand.norm) : 32x32x32",
        "project.conv = convolution kernel=[1, 1] channels=16 (expand.activation) : 32x32x16",
        "layer_scale = scale initial=0.1 (project.conv) : 32x32x16",
        "add = add (in, layer_scale) : 32x32x16",
    ]


def test_a_stride_has_a_convolution_of_its_own(unfolded):
    lines = unfolded(
        f"{ROW}, channels: 32, partial_ratio: 1, stride: 2, down: {{kernel: 2, norm: batch}}"
    )
    assert lines[:3] == [
        "down.conv = convolution kernel=[2, 2] stride=2 channels=32 (in) : 16x16x32",
        "down.norm = batch_norm (down.conv) : 16x16x32",
        "partial.conv = convolution kernel=[3, 3] channels=32 (down.norm) : 16x16x32",
    ]
    assert lines[-1] == "add = add (down.norm, project.conv) : 16x16x32"


def test_a_share_that_is_not_whole_wants_a_rule(refusal):
    text = f"stem: [{{block: conv, channels: 18, kernel: 1}}]\nhead: [{{{ROW}, channels: 18, partial_ratio: 1/4, name: x}}]"
    assert refusal(text).startswith("E206 head.x: 18 x 0.25 = 4.5")
