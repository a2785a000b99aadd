"""A stem of two ways."""


def test_both_ways_are_joined(unfolded):
    assert unfolded("block: forked_stem, hidden: 8, channels: 12, bias: false") == [
        "reduce.conv = convolution kernel=[3, 3] stride=2 channels=8 (in) : 16x16x8",
        "narrow.conv = convolution kernel=[2, 2] channels=4 (reduce.conv) : 16x16x4",
        "widen.conv = convolution kernel=[2, 2] channels=8 (narrow.conv) : 16x16x8",
        "pool = pool kernel=[2, 2] count_padding=true (reduce.conv) : 16x16x8",
        "concat = concat (pool, widen.conv) : 16x16x16",
        "merge.conv = convolution kernel=[3, 3] stride=2 channels=8 (concat) : 8x8x8",
        "project.conv = convolution kernel=[1, 1] channels=12 (merge.conv) : 8x8x12",
    ]
