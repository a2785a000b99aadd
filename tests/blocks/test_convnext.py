"""The ConvNeXt block."""

ROW = "block: convnext, channels: 32, expansion: 4, stride: 2, norm: layer"


def test_a_stride_has_a_convolution_of_its_own(unfolded):
    lines = unfolded(f"{ROW}, down: {{kernel: 2, padding: valid}}")
    assert lines[:3] == [
        "down.norm = layer_norm epsilon=0.001 (in) : 32x32x16",
        "down.conv = convolution kernel=[2, 2] stride=2 padding=valid channels=32 (down.norm) : 16x16x32",
        "depthwise.conv = convolution kernel=[7, 7] channels=32 groups=32 (down.conv) : 16x16x32",
    ]
    assert lines[-1] == "add = add (down.conv, project.conv) : 16x16x32"


def test_without_it_the_sum_begins_after_the_depthwise_convolution(unfolded):
    lines = unfolded(f"{ROW}, down: none")
    assert lines[:3] == [
        "depthwise.conv = convolution kernel=[7, 7] stride=2 channels=32 groups=16 (in) : 16x16x32",
        "depthwise.norm = layer_norm epsilon=0.001 (depthwise.conv) : 16x16x32",
        "expand.conv = convolution kernel=[1, 1] channels=128 bias=true (depthwise.norm) : 16x16x128",
    ]
    assert lines[-1] == "add = add (depthwise.conv, project.conv) : 16x16x32"


def test_response_normalization_and_layer_scale(unfolded):
    row = (
        "block: convnext, channels: 16, expansion: 2, activation: gelu, grn: 1e-6, layer_scale: 0.1"
    )
    assert unfolded(row) == [
        "depthwise.conv = convolution kernel=[7, 7] channels=16 groups=16 bias=true (in) : 32x32x16",
        "expand.conv = convolution kernel=[1, 1] channels=32 bias=true (depthwise.conv) : 32x32x32",
        "expand.activation = activation function=gelu (expand.conv) : 32x32x32",
        "grn.norm = response_norm (expand.activation) : 32x32x32",
        "grn.scale = scale initial=0 bias=true (grn.norm) : 32x32x32",
        "grn.add = add (expand.activation, grn.scale) : 32x32x32",
        "project.conv = convolution kernel=[1, 1] channels=16 bias=true (grn.add) : 32x32x16",
        "layer_scale = scale initial=0.1 (project.conv) : 32x32x16",
        "add = add (in, layer_scale) : 32x32x16",
    ]
