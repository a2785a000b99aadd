"""The blocks of ResNet V2, which begin with norm and activation."""

BOTTLENECK = "block: preactivation_bottleneck, expansion: {ratio: 1/4, of: output}"


def test_the_shortcut_is_a_convolution_of_what_is_normalized(unfolded):
    assert unfolded(f"{BOTTLENECK}, channels: 32, norm: batch, activation: relu") == [
        "norm = batch_norm (in) : 32x32x16",
        "activation = activation function=relu (norm) : 32x32x16",
        "reduce.conv = convolution kernel=[1, 1] channels=8 (activation) : 32x32x8",
        "reduce.norm = batch_norm (reduce.conv) : 32x32x8",
        "reduce.activation = activation function=relu (reduce.norm) : 32x32x8",
        "middle.conv = convolution kernel=[3, 3] channels=8 (reduce.activation) : 32x32x8",
        "middle.norm = batch_norm (middle.conv) : 32x32x8",
        "middle.activation = activation function=relu (middle.norm) : 32x32x8",
        "expand.conv = convolution kernel=[1, 1] channels=32 bias=true (middle.activation) : 32x32x32",
        "shortcut.conv = convolution kernel=[1, 1] channels=32 bias=true (activation) : 32x32x32",
        "add = add (shortcut.conv, expand.conv) : 32x32x32",
    ]


def test_a_shortcut_without_a_convolution_is_the_input(unfolded):
    row = f"{BOTTLENECK}, channels: 16, stride: 2, activation: relu, shortcut: {{subsample: true}}"
    assert [line for line in unfolded(row) if "shortcut" in line] == [
        "shortcut.subsample = pool kernel=[1, 1] stride=2 padding=valid (in) : 16x16x16",
        "add = add (shortcut.subsample, expand.conv) : 16x16x16",
    ]


def test_the_basic_block_filters_twice(unfolded):
    row = "block: preactivation_basic, channels: 16, norm: batch, activation: relu, bias: false"
    assert unfolded(row) == [
        "norm = batch_norm (in) : 32x32x16",
        "activation = activation function=relu (norm) : 32x32x16",
        "first.conv = convolution kernel=[3, 3] channels=16 (activation) : 32x32x16",
        "first.norm = batch_norm (first.conv) : 32x32x16",
        "first.activation = activation function=relu (first.norm) : 32x32x16",
        "second.conv = convolution kernel=[3, 3] channels=16 (first.activation) : 32x32x16",
        "add = add (in, second.conv) : 32x32x16",
    ]


def test_the_means_of_a_shortcut_are_of_what_is_normalized(unfolded):
    row = "block: preactivation_basic, channels: 32, stride: 2, activation: relu, bias: false"
    assert unfolded(f"{row}, shortcut: {{pool: average}}")[-3:] == [
        "shortcut.pool = pool kernel=[2, 2] stride=2 padding=ceil type=average (activation) : 16x16x16",
        "shortcut.conv = convolution kernel=[1, 1] channels=32 (shortcut.pool) : 16x16x32",
        "add = add (shortcut.conv, second.conv) : 16x16x32",
    ]
