"""The RepGhost bottleneck."""

ROW = "block: rep_ghost, channels: 16, hidden: 8, norm: batch, activation: relu"


def test_a_cheap_convolution_and_its_input_are_added_up(unfolded):
    assert unfolded(ROW) == [
        "expand.conv = convolution kernel=[1, 1] channels=8 (in) : 32x32x8",
        "expand.norm = batch_norm (expand.conv) : 32x32x8",
        "expand.activation = activation function=relu (expand.norm) : 32x32x8",
        "expand_cheap.branch1.conv = convolution kernel=[3, 3] channels=8 groups=8 (expand.activation) : 32x32x8",
        "expand_cheap.branch1.norm = batch_norm (expand_cheap.branch1.conv) : 32x32x8",
        "expand_cheap.identity = batch_norm (expand.activation) : 32x32x8",
        "expand_cheap.add = add (expand_cheap.branch1.norm, expand_cheap.identity) : 32x32x8",
        "expand_cheap.activation = activation function=relu (expand_cheap.add) : 32x32x8",
        "project.conv = convolution kernel=[1, 1] channels=16 (expand_cheap.activation) : 32x32x16",
        "project.norm = batch_norm (project.conv) : 32x32x16",
        "project_cheap.branch1.conv = convolution kernel=[3, 3] channels=16 groups=16 (project.norm) : 32x32x16",
        "project_cheap.branch1.norm = batch_norm (project_cheap.branch1.conv) : 32x32x16",
        "project_cheap.identity = batch_norm (project.norm) : 32x32x16",
        "project_cheap.add = add (project_cheap.branch1.norm, project_cheap.identity) : 32x32x16",
        "add = add (in, project_cheap.add) : 32x32x16",
    ]  # fmt: skip


def test_a_stride_has_its_own_filters_in_either_way(unfolded):
    lines = unfolded(f"{ROW}, kernel: 5, stride: 2, se: 0.25")
    assert [line.partition(" = ")[0] for line in lines if "stride=2" in line] == [
        "shortcut_depthwise.conv",  # first, which needs less memory
        "depthwise.conv",
    ]
    assert "se.pool = global_pool (depthwise.norm) : 1x1x8" in lines
    assert lines[-1] == "add = add (shortcut.norm, project_cheap.add) : 16x16x16"
