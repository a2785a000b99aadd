"""The MobileViT block."""

ROW = "block: mobilevit, channels: 24, hidden: 12, layers: 1, feed_forward: 2, inner_norm: layer"


def test_softmax_attention_and_fusion(unfolded):
    assert unfolded(f"{ROW}, heads: 3, fuse: 3, activation: swish, drop_path: 0.1") == [
        "local.conv = convolution kernel=[3, 3] channels=16 bias=true (in) : 32x32x16",
        "local.activation = activation function=swish (local.conv) : 32x32x16",
        "embed.conv = convolution kernel=[1, 1] channels=12 (local.activation) : 32x32x12",
        "layer1.attention.qkv.norm = layer_norm epsilon=0.001 (embed.conv) : 32x32x12",
        "layer1.attention.qkv.conv = convolution kernel=[1, 1] channels=36 bias=true (layer1.attention.qkv.norm) : 32x32x36",
        "layer1.attention.query = slice start=0 stop=12 (layer1.attention.qkv.conv) : 32x32x12",
        "layer1.attention.key = slice start=12 stop=24 (layer1.attention.qkv.conv) : 32x32x12",
        "layer1.attention.value = slice start=24 stop=36 (layer1.attention.qkv.conv) : 32x32x12",
        "layer1.attention.mean = attention heads=3 patch=2 (layer1.attention.query, layer1.attention.key, layer1.attention.value) : 32x32x12",
        "layer1.attention.output.conv = convolution kernel=[1, 1] channels=12 bias=true (layer1.attention.mean) : 32x32x12",
        "layer1.attention.drop_path = drop_path rate=0.1 (layer1.attention.output.conv) : 32x32x12",
        "layer1.attention.add = add (embed.conv, layer1.attention.drop_path) : 32x32x12",
        "layer1.feed_forward.expand.norm = layer_norm epsilon=0.001 (layer1.attention.add) : 32x32x12",
        "layer1.feed_forward.expand.conv = convolution kernel=[1, 1] channels=24 bias=true (layer1.feed_forward.expand.norm) : 32x32x24",
        "layer1.feed_forward.expand.activation = activation function=swish (layer1.feed_forward.expand.conv) : 32x32x24",
        "layer1.feed_forward.project.conv = convolution kernel=[1, 1] channels=12 bias=true (layer1.feed_forward.expand.activation) : 32x32x12",
        "layer1.feed_forward.drop_path = drop_path rate=0.1 (layer1.feed_forward.project.conv) : 32x32x12",
        "layer1.feed_forward.add = add (layer1.attention.add, layer1.feed_forward.drop_path) : 32x32x12",
        "norm = layer_norm epsilon=0.001 (layer1.feed_forward.add) : 32x32x12",
        "restore.conv = convolution kernel=[1, 1] channels=24 bias=true (norm) : 32x32x24",
        "restore.activation = activation function=swish (restore.conv) : 32x32x24",
        "concat = concat (in, restore.activation) : 32x32x40",
        "fuse.conv = convolution kernel=[3, 3] channels=24 bias=true (concat) : 32x32x24",
        "fuse.activation = activation function=swish (fuse.conv) : 32x32x24",
    ]


def test_separable_attention(unfolded):
    lines = unfolded(f"{ROW}, attention: separable, patch: 4")
    assert lines[3:8] == [
        "layer1.attention.qkv.conv = convolution kernel=[1, 1] channels=25 bias=true (layer1.attention.qkv.norm) : 32x32x25",
        "layer1.attention.query = slice start=0 stop=1 (layer1.attention.qkv.conv) : 32x32x1",
        "layer1.attention.key = slice start=1 stop=13 (layer1.attention.qkv.conv) : 32x32x12",
        "layer1.attention.value = slice start=13 stop=25 (layer1.attention.qkv.conv) : 32x32x12",
        "layer1.attention.activation = activation function=relu (layer1.attention.value) : 32x32x12",
    ]
    assert lines[8].startswith("layer1.attention.mean = separable_attention patch=4 (")
    assert lines[-1].startswith("restore.conv = ")


def test_patches_must_divide_the_image(refusal):
    assert refusal(f"head: [{{{ROW}, patch: 3}}]") == (
        "E301 head.mobilevit.layer1.attention.mean: patches of 3x3 pixels do not divide 32x32"
    )


def test_heads_must_divide_the_transformer(refusal):
    assert refusal(f"head: [{{{ROW}, heads: 5}}]") == (
        "E301 head.mobilevit.layer1.attention.mean: 5 heads do not divide 12 channels"
    )
