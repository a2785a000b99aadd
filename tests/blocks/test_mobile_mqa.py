"""Mobile multi-query attention."""

ROW = "block: mobile_mqa, channels: 16, heads: 4, head_channels: 8, norm: batch, activation: relu"


def test_keys_and_values_of_a_smaller_image(unfolded):
    assert unfolded(f"{ROW}, kv_stride: 2, layer_scale: 1e-5") == [
        "norm = batch_norm (in) : 32x32x16",
        "query.conv = convolution kernel=[1, 1] channels=32 (norm) : 32x32x32",
        "key_down.conv = convolution kernel=[3, 3] stride=2 channels=16 groups=16 (norm) : 16x16x16",
        "key_down.norm = batch_norm (key_down.conv) : 16x16x16",
        "key.conv = convolution kernel=[1, 1] channels=8 (key_down.norm) : 16x16x8",
        "value_down.conv = convolution kernel=[3, 3] stride=2 channels=16 groups=16 (norm) : 16x16x16",
        "value_down.norm = batch_norm (value_down.conv) : 16x16x16",
        "value.conv = convolution kernel=[1, 1] channels=8 (value_down.norm) : 16x16x8",
        "attention = attention heads=4 (query.conv, key.conv, value.conv) : 32x32x32",
        "output.conv = convolution kernel=[1, 1] channels=16 (attention) : 32x32x16",
        "layer_scale = scale initial=1e-05 (output.conv) : 32x32x16",
        "add = add (in, layer_scale) : 32x32x16",
    ]


def test_without_a_stride_they_are_of_the_image_itself(unfolded):
    lines = unfolded(f"{ROW}, residual: none, drop_path: 0.1")
    assert "key.conv = convolution kernel=[1, 1] channels=8 (norm) : 32x32x8" in lines
    assert lines[-1] == "output.conv = convolution kernel=[1, 1] channels=16 (attention) : 32x32x16"


def test_the_width_of_a_head_does_not_scale(unfolded):
    half = {"scaling.width": 0.5}
    assert any("query.conv" in line and "channels=32 " in line for line in unfolded(ROW, set=half))
