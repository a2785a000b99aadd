"""Layers that are joined once."""

ROW = "block: one_shot_aggregation, hidden: 8, bias: false"


def test_all_that_the_layers_made_is_mixed_and_gated(unfolded):
    assert unfolded(f"{ROW}, channels: 16, layers: 2, ese: true, activation: relu") == [
        "layer1.conv = convolution kernel=[3, 3] channels=8 (in) : 32x32x8",
        "layer1.activation = activation function=relu (layer1.conv) : 32x32x8",
        "layer2.conv = convolution kernel=[3, 3] channels=8 (layer1.activation) : 32x32x8",
        "layer2.activation = activation function=relu (layer2.conv) : 32x32x8",
        "concat = concat (in, layer1.activation, layer2.activation) : 32x32x32",
        "aggregate.conv = convolution kernel=[1, 1] channels=16 (concat) : 32x32x16",
        "aggregate.activation = activation function=relu (aggregate.conv) : 32x32x16",
        "ese.pool = global_pool (aggregate.activation) : 1x1x16",
        "ese.conv = convolution kernel=[1, 1] channels=16 bias=true (ese.pool) : 1x1x16",
        "ese.activation = activation function=sigmoid (ese.conv) : 1x1x16",
        "ese.multiply = multiply (aggregate.activation, ese.activation) : 32x32x16",
        "add = add (in, ese.multiply) : 32x32x16",
    ]


def test_light_layers_a_stride_and_two_steps_of_aggregation(unfolded):
    row = f"{ROW}, channels: 24, layers: 1, kernel: 5, light: true, squeeze_ratio: 0.5, stride: 2"
    assert unfolded(f"{row}, activation: relu, affine: true") == [
        "down.conv = convolution kernel=[3, 3] stride=2 channels=16 groups=16 (in) : 16x16x16",
        "layer1.pointwise.conv = convolution kernel=[1, 1] channels=8 (down.conv) : 16x16x8",
        "layer1.depthwise.conv = convolution kernel=[5, 5] channels=8 groups=8 (layer1.pointwise.conv) : 16x16x8",
        "layer1.depthwise.activation = activation function=relu (layer1.depthwise.conv) : 16x16x8",
        "layer1.depthwise.affine = scale bias=true groups=1 (layer1.depthwise.activation) : 16x16x8",
        "concat = concat (down.conv, layer1.depthwise.affine) : 16x16x24",
        "squeeze.conv = convolution kernel=[1, 1] channels=12 (concat) : 16x16x12",
        "squeeze.activation = activation function=relu (squeeze.conv) : 16x16x12",
        "squeeze.affine = scale bias=true groups=1 (squeeze.activation) : 16x16x12",
        "aggregate.conv = convolution kernel=[1, 1] channels=24 (squeeze.affine) : 16x16x24",
        "aggregate.activation = activation function=relu (aggregate.conv) : 16x16x24",
        "aggregate.affine = scale bias=true groups=1 (aggregate.activation) : 16x16x24",
    ]
