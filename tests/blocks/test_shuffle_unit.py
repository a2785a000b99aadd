"""Half of the channels is convolved, or both halves where the shape changes."""

import pytest
from archspec import SpecError

ROW = "block: shuffle_unit, activation: relu"


def test_the_first_half_stays_as_it_is(unfolded):
    assert unfolded(f"{ROW}, channels: 16") == [
        "slice1 = slice start=0 stop=8 (in) : 32x32x8",
        "slice2 = slice start=8 stop=16 (in) : 32x32x8",
        "pointwise.conv = convolution kernel=[1, 1] channels=8 bias=true (slice2) : 32x32x8",
        "pointwise.activation = activation function=relu (pointwise.conv) : 32x32x8",
        "depthwise.conv = convolution kernel=[3, 3] channels=8 groups=8 bias=true (pointwise.activation) : 32x32x8",
        "project.conv = convolution kernel=[1, 1] channels=8 bias=true (depthwise.conv) : 32x32x8",
        "project.activation = activation function=relu (project.conv) : 32x32x8",
        "concat = concat (slice1, project.activation) : 32x32x16",
        "shuffle = shuffle groups=2 (concat) : 32x32x16",
    ]


@pytest.mark.parametrize(("said", "size"), [("channels: 16, stride: 2", 16), ("channels: 24", 32)])
def test_both_halves_are_convolved_where_the_shape_changes(said, size, unfolded):
    lines = unfolded(f"{ROW}, {said}")
    half = lines[-1].rpartition("x")[2]
    assert lines[0].startswith("shortcut_depthwise.conv = convolution kernel=[3, 3]")
    assert "(in)" in lines[0]
    assert lines[1].startswith("shortcut.conv = convolution kernel=[1, 1]")
    assert lines[2] == (
        "shortcut.activation = activation function=relu (shortcut.conv)"
        f" : {size}x{size}x{int(half) // 2}"
    )
    assert lines[-2].startswith("concat = concat (shortcut.activation, project.activation)")


def test_an_odd_number_of_channels_is_refused(unfolded):
    with pytest.raises(SpecError, match=r"E302 head\.x: 17 channels have no halves"):
        unfolded(f"{ROW}, channels: 17")
