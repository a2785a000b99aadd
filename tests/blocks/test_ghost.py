"""The ghost bottleneck and its attention."""

ROW = "block: ghost, channels: 16, hidden: 32, activation: relu"


def ops(lines: list[str]) -> dict[str, str]:
    """Name → what it is and what it reads."""
    return dict(line.split(" = ", 1) for line in lines)


def test_half_of_either_image_is_made_of_the_other_half(unfolded):
    assert unfolded(ROW) == [
        "expand.conv = convolution kernel=[1, 1] channels=16 bias=true (in) : 32x32x16",
        "expand.activation = activation function=relu (expand.conv) : 32x32x16",
        "expand_cheap.conv = convolution kernel=[3, 3] channels=16 groups=16 bias=true (expand.activation) : 32x32x16",
        "expand_cheap.activation = activation function=relu (expand_cheap.conv) : 32x32x16",
        "expand_concat = concat (expand.activation, expand_cheap.activation) : 32x32x32",
        "project.conv = convolution kernel=[1, 1] channels=8 bias=true (expand_concat) : 32x32x8",
        "project_cheap.conv = convolution kernel=[3, 3] channels=8 groups=8 bias=true (project.conv) : 32x32x8",
        "project_concat = concat (project.conv, project_cheap.conv) : 32x32x16",
        "add = add (in, project_concat) : 32x32x16",
    ]  # fmt: skip


def test_of_an_odd_width_the_last_channel_is_dropped(unfolded):
    found = ops(unfolded("block: ghost, channels: 15, hidden: 33"))
    assert found["expand_concat"].endswith("32x32x34")
    assert found["expand_slice"] == "slice start=0 stop=33 (expand_concat) : 32x32x33"
    assert found["project_slice"] == "slice start=0 stop=15 (project_concat) : 32x32x15"


def test_a_stride_has_its_own_filters_in_either_way(unfolded):
    found = ops(unfolded(f"{ROW}, kernel: 5, stride: 2"))
    window = "convolution kernel=[5, 5] stride=2 channels"
    assert found["depthwise.conv"].startswith(f"{window}=32 groups=32")
    assert found["shortcut_depthwise.conv"].startswith(f"{window}=16 groups=16")
    assert found["add"] == "add (shortcut.conv, project_concat) : 16x16x16"


def test_attention_looks_along_rows_and_columns_at_half_the_size(unfolded):
    lines = unfolded(f"{ROW}, dfc: 5, norm: none")
    assert [line for line in lines if line.startswith("dfc")] == [
        "dfc.pool = pool kernel=[2, 2] stride=2 padding=valid type=average (in) : 16x16x16",
        "dfc.mix.conv = convolution kernel=[1, 1] channels=32 bias=true (dfc.pool) : 16x16x32",
        "dfc.row.conv = convolution kernel=[1, 5] channels=32 groups=32 bias=true (dfc.mix.conv) : 16x16x32",
        "dfc.column.conv = convolution kernel=[5, 1] channels=32 groups=32 bias=true (dfc.row.conv) : 16x16x32",
        "dfc.gate = activation function=sigmoid (dfc.column.conv) : 16x16x32",
        "dfc.resize = resize (dfc.gate, expand_concat) : 32x32x32",
        "dfc.multiply = multiply (expand_concat, dfc.resize) : 32x32x32",
    ]  # fmt: skip
    assert ops(lines)["project.conv"].endswith("(dfc.multiply) : 32x32x8")
