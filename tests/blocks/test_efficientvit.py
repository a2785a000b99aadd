"""The EfficientViT module."""

ROW = "block: efficientvit, channels: 16, head_channels: 8, expansion: 4, norm: batch"


def test_each_scale_makes_more_heads(unfolded):
    assert unfolded(f"{ROW}, scales: [3, 5], activation: hard_swish") == [
        "attention.qkv.conv = convolution kernel=[1, 1] channels=48 (in) : 32x32x48",
        "attention.gather1.conv = convolution kernel=[3, 3] channels=48 groups=48 (attention.qkv.conv) : 32x32x48",
        "attention.mix1.conv = convolution kernel=[1, 1] channels=48 groups=6 (attention.gather1.conv) : 32x32x48",
        "attention.gather2.conv = convolution kernel=[5, 5] channels=48 groups=48 (attention.qkv.conv) : 32x32x48",
        "attention.mix2.conv = convolution kernel=[1, 1] channels=48 groups=6 (attention.gather2.conv) : 32x32x48",
        "attention.concat = concat (attention.qkv.conv, attention.mix1.conv, attention.mix2.conv) : 32x32x144",
        "attention.mean = linear_attention heads=6 (attention.concat) : 32x32x48",
        "attention.output.conv = convolution kernel=[1, 1] channels=16 (attention.mean) : 32x32x16",
        "attention.output.norm = batch_norm (attention.output.conv) : 32x32x16",
        "attention.add = add (in, attention.output.norm) : 32x32x16",
        "expand.conv = convolution kernel=[1, 1] channels=64 (attention.add) : 32x32x64",
        "expand.norm = batch_norm (expand.conv) : 32x32x64",
        "expand.activation = activation function=hard_swish (expand.norm) : 32x32x64",
        "depthwise.conv = convolution kernel=[3, 3] channels=64 groups=64 (expand.activation) : 32x32x64",
        "depthwise.norm = batch_norm (depthwise.conv) : 32x32x64",
        "depthwise.activation = activation function=hard_swish (depthwise.norm) : 32x32x64",
        "project.conv = convolution kernel=[1, 1] channels=16 (depthwise.activation) : 32x32x16",
        "project.norm = batch_norm (project.conv) : 32x32x16",
        "add = add (attention.add, project.norm) : 32x32x16",
    ]


def test_heads_scale_and_their_width_does_not(unfolded):
    double = {"scaling.width": 2}
    lines = [line for line in unfolded(ROW, set=double) if "linear_attention" in line]
    assert lines == [
        "attention.mean = linear_attention heads=8 (attention.concat) : 32x32x64",
    ]


def test_the_width_cannot_change(refusal):
    stem = "stem: [{block: conv, channels: 24, kernel: 1}]"
    assert refusal(f"{stem}\nhead: [{{{ROW}}}]") == (
        "E302 head.efficientvit.attention: no residual from [32, 32, 24] to [32, 32, 16]"
    )


def test_heads_share_the_channels_out(refusal):
    stem = "stem: [{block: conv, channels: 12, kernel: 1}]"
    row = ROW.replace("16", "12")
    assert refusal(f"{stem}\nhead: [{{{row}}}]") == (
        "E301 head.efficientvit.attention: groups of 8 do not divide 12 channels"
    )
