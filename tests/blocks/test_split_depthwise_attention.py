"""Split depthwise attention."""

import pytest

ROW = "block: split_depthwise_attention, channels: 16, heads: 4, expansion: 4, norm: layer"


def test_slices_positions_attention_and_feed_forward(unfolded):
    row = f"{ROW}, slices: 3, positions: 2, layer_scale: 1e-6, activation: gelu"
    assert unfolded(row) == [
        "slice1 = slice start=0 stop=6 (in) : 32x32x6",
        "filter1.conv = convolution kernel=[3, 3] channels=6 groups=6 bias=true (slice1) : 32x32x6",
        "slice2 = slice start=6 stop=12 (in) : 32x32x6",
        "sum2 = add (filter1.conv, slice2) : 32x32x6",
        "filter2.conv = convolution kernel=[3, 3] channels=6 groups=6 bias=true (sum2) : 32x32x6",
        "slice3 = slice start=12 stop=16 (in) : 32x32x4",
        "concat = concat (filter1.conv, filter2.conv, slice3) : 32x32x16",
        "position.waves = fourier_positions frequencies=2 (concat) : 32x32x8",
        "position.conv = convolution kernel=[1, 1] channels=16 bias=true (position.waves) : 32x32x16",
        "position.add = add (concat, position.conv) : 32x32x16",
        "attention.norm = layer_norm epsilon=0.001 (position.add) : 32x32x16",
        "attention.qkv.conv = convolution kernel=[1, 1] channels=48 bias=true (attention.norm) : 32x32x48",
        "attention.query = slice start=0 stop=16 (attention.qkv.conv) : 32x32x16",
        "attention.key = slice start=16 stop=32 (attention.qkv.conv) : 32x32x16",
        "attention.value = slice start=32 stop=48 (attention.qkv.conv) : 32x32x16",
        "attention.query_norm = unit_norm (attention.query) : 32x32x16",
        "attention.temperature = scale groups=4 (attention.query_norm) : 32x32x16",
        "attention.key_norm = unit_norm (attention.key) : 32x32x16",
        "attention.mean = channel_attention heads=4 (attention.temperature, attention.key_norm, attention.value) : 32x32x16",
        "attention.output.conv = convolution kernel=[1, 1] channels=16 bias=true (attention.mean) : 32x32x16",
        "attention.layer_scale = scale initial=1e-06 (attention.output.conv) : 32x32x16",
        "attention.add = add (position.add, attention.layer_scale) : 32x32x16",
        "norm = layer_norm epsilon=0.001 (attention.add) : 32x32x16",
        "expand.conv = convolution kernel=[1, 1] channels=64 bias=true (norm) : 32x32x64",
        "expand.activation = activation function=gelu (expand.conv) : 32x32x64",
        "project.conv = convolution kernel=[1, 1] channels=16 bias=true (expand.activation) : 32x32x16",
        "layer_scale = scale initial=1e-06 (project.conv) : 32x32x16",
        "add = add (in, layer_scale) : 32x32x16",
    ]


@pytest.mark.parametrize("slices", [2, 4, 8])
def test_the_slices_hold_all_channels(unfolded, slices):
    lines = [line for line in unfolded(f"{ROW}, slices: {slices}") if line.startswith("slice")]
    assert sum(int(line.rpartition("x")[2]) for line in lines) == 16
    assert len(lines) == slices


def test_a_slice_cannot_be_empty(refusal):
    stem = "stem: [{block: conv, channels: 16, kernel: 1}]"
    assert refusal(f"{stem}\nhead: [{{{ROW}, slices: 7}}]") == (
        "E302 head.split_depthwise_attention: 16 channels are not enough for 7 slices of 3 and less"
    )
