"""What each block unfolds into."""

import re
from pathlib import Path

import archspec
import pytest
from archspec import blocks
from archspec.api import BLOCKS

NORM = "norm: batch, activation: relu"


EXAMPLES = {
    f"block: conv, channels: 24, kernel: 3, stride: 2, {NORM}": [
        "conv = convolution kernel=[3, 3] stride=2 channels=24 (in) : 16x16x24",
        "norm = batch_norm (conv) : 16x16x24",
        "activation = activation function=relu (norm) : 16x16x24",
    ],
    "block: conv, channels: 24, kernel: 1x7, group_width: 12, padding: valid": [
        "conv = convolution kernel=[1, 7] padding=valid channels=24 groups=2 bias=true (in) : 32x26x24",
    ],
    "block: conv, expansion: 1/4, kernel: 3, dilation: 2, bias: false, l2: 0.1, init: {scale: 2, fan: out}": [
        "conv = convolution kernel=[3, 3] dilation=2 channels=4 init=uniform(2/out) l2=0.1 (in) : 32x32x4",
    ],
    f"block: depthwise_separable, channels: 24, stride: 2, {NORM}": [
        "depthwise.conv = convolution kernel=[3, 3] stride=2 channels=16 groups=16 (in) : 16x16x16",
        "depthwise.norm = batch_norm (depthwise.conv) : 16x16x16",
        "depthwise.activation = activation function=relu (depthwise.norm) : 16x16x16",
        "pointwise.conv = convolution kernel=[1, 1] channels=24 (depthwise.activation) : 16x16x24",
        "pointwise.norm = batch_norm (pointwise.conv) : 16x16x24",
        "pointwise.activation = activation function=relu (pointwise.norm) : 16x16x24",
    ],
    "block: depthwise_separable, channels: 16, residual: auto, drop_path: 0.1, depthwise: {groups: 2}": [
        "depthwise.conv = convolution kernel=[3, 3] channels=16 groups=2 bias=true (in) : 32x32x16",
        "pointwise.conv = convolution kernel=[1, 1] channels=16 bias=true (depthwise.conv) : 32x32x16",
        "drop_path = drop_path rate=0.1 (pointwise.conv) : 32x32x16",
        "add = add (in, drop_path) : 32x32x16",
    ],
    f"block: inverted_residual, channels: 16, expansion: 2, {NORM}": [
        "expand.conv = convolution kernel=[1, 1] channels=32 (in) : 32x32x32",
        "expand.norm = batch_norm (expand.conv) : 32x32x32",
        "expand.activation = activation function=relu (expand.norm) : 32x32x32",
        "depthwise.conv = convolution kernel=[3, 3] channels=32 groups=32 (expand.activation) : 32x32x32",
        "depthwise.norm = batch_norm (depthwise.conv) : 32x32x32",
        "depthwise.activation = activation function=relu (depthwise.norm) : 32x32x32",
        "project.conv = convolution kernel=[1, 1] channels=16 (depthwise.activation) : 32x32x16",
        "project.norm = batch_norm (project.conv) : 32x32x16",
        "add = add (in, project.norm) : 32x32x16",
    ],
    "block: conv, channels: 24, kernel: 3, stride: 2, activation: relu, antialias: average": [
        "conv = convolution kernel=[3, 3] channels=24 bias=true (in) : 32x32x24",
        "activation = activation function=relu (conv) : 32x32x24",
        "antialias = pool kernel=[2, 2] stride=2 padding=valid type=average (activation) : 16x16x24",
    ],
    f"block: fused_inverted_residual, channels: 16, expansion: 4, {NORM}": [
        "expand.conv = convolution kernel=[3, 3] channels=64 (in) : 32x32x64",
        "expand.norm = batch_norm (expand.conv) : 32x32x64",
        "expand.activation = activation function=relu (expand.norm) : 32x32x64",
        "project.conv = convolution kernel=[1, 1] channels=16 (expand.activation) : 32x32x16",
        "project.norm = batch_norm (project.conv) : 32x32x16",
        "add = add (in, project.norm) : 32x32x16",
    ],
    "block: inverted_residual, channels: 24, expansion: 1, expand_always: true": [
        "expand.conv = convolution kernel=[1, 1] channels=16 bias=true (in) : 32x32x16",
        "depthwise.conv = convolution kernel=[3, 3] channels=16 groups=16 bias=true (expand.conv) : 32x32x16",
        "project.conv = convolution kernel=[1, 1] channels=24 bias=true (depthwise.conv) : 32x32x24",
    ],
    "block: inverted_residual, channels: 24, expansion: 1, residual: partial": [
        "depthwise.conv = convolution kernel=[3, 3] channels=16 groups=16 bias=true (in) : 32x32x16",
        "project.conv = convolution kernel=[1, 1] channels=24 bias=true (depthwise.conv) : 32x32x24",
        "slice = slice start=0 stop=16 (project.conv) : 32x32x16",
        "rest = slice start=16 stop=24 (project.conv) : 32x32x8",
        "add = add (in, slice) : 32x32x16",
        "concat = concat (add, rest) : 32x32x24",
    ],
    "block: inverted_residual, channels: 16, expansion: 1, residual: none, activation: swish, se: {ratio: 0.25, gate: hard_sigmoid}": [
        "depthwise.conv = convolution kernel=[3, 3] channels=16 groups=16 bias=true (in) : 32x32x16",
        "depthwise.activation = activation function=swish (depthwise.conv) : 32x32x16",
        "se.pool = global_pool (depthwise.activation) : 1x1x16",
        "se.reduce.conv = convolution kernel=[1, 1] channels=4 bias=true (se.pool) : 1x1x4",
        "se.reduce.activation = activation function=swish (se.reduce.conv) : 1x1x4",
        "se.expand.conv = convolution kernel=[1, 1] channels=16 bias=true (se.reduce.activation) : 1x1x16",
        "se.expand.activation = activation function=hard_sigmoid (se.expand.conv) : 1x1x16",
        "se.multiply = multiply (depthwise.activation, se.expand.activation) : 32x32x16",
        "project.conv = convolution kernel=[1, 1] channels=16 bias=true (se.multiply) : 32x32x16",
    ],
    "block: depthwise_separable, channels: 8, se: {ratio: 0.5, norm: batch, position: before_activation, activation: relu}, activation: swish": [
        "depthwise.conv = convolution kernel=[3, 3] channels=16 groups=16 bias=true (in) : 32x32x16",
        "se.pool = global_pool (depthwise.conv) : 1x1x16",
        "se.reduce.conv = convolution kernel=[1, 1] channels=8 (se.pool) : 1x1x8",
        "se.reduce.norm = batch_norm (se.reduce.conv) : 1x1x8",
        "se.reduce.activation = activation function=relu (se.reduce.norm) : 1x1x8",
        "se.expand.conv = convolution kernel=[1, 1] channels=16 bias=true (se.reduce.activation) : 1x1x16",
        "se.expand.activation = activation function=sigmoid (se.expand.conv) : 1x1x16",
        "se.multiply = multiply (depthwise.conv, se.expand.activation) : 32x32x16",
        "depthwise.activation = activation function=swish (se.multiply) : 32x32x16",
        "pointwise.conv = convolution kernel=[1, 1] channels=8 bias=true (depthwise.activation) : 32x32x8",
        "pointwise.activation = activation function=swish (pointwise.conv) : 32x32x8",
    ],
    "block: depthwise_separable, channels: 8, kernel: [3, 5]": [
        "depthwise.slice1 = slice start=0 stop=8 (in) : 32x32x8",
        "depthwise.conv1 = convolution kernel=[3, 3] channels=8 groups=8 bias=true (depthwise.slice1) : 32x32x8",
        "depthwise.slice2 = slice start=8 stop=16 (in) : 32x32x8",
        "depthwise.conv2 = convolution kernel=[5, 5] channels=8 groups=8 bias=true (depthwise.slice2) : 32x32x8",
        "depthwise.concat = concat (depthwise.conv1, depthwise.conv2) : 32x32x16",
        "pointwise.conv = convolution kernel=[1, 1] channels=8 bias=true (depthwise.concat) : 32x32x8",
    ],
    "block: pool, type: average, kernel: 3, stride: 2, padding: symmetric": [
        "head.x = pool kernel=[3, 3] stride=2 padding=symmetric type=average (in) : 16x16x16",
    ],
    "block: global_pool": ["head.x = global_pool (in) : 1x1x16"],
    "block: global_pool, type: max": ["head.x = global_pool type=max (in) : 1x1x16"],
    "block: flatten": ["head.x = flatten (in) : 16384"],
    "block: dropout, rate: 0.2": ["head.x = dropout rate=0.2 (in) : 32x32x16"],
    "block: activation, activation: hard_swish": [
        "head.x = activation function=hard_swish (in) : 32x32x16"
    ],
    "block: norm, norm: {type: group, groups: 4}": [
        "head.x = group_norm groups=4 epsilon=0.001 (in) : 32x32x16"
    ],
    "block: rescaling, scale: 1/127.5, offset: -1": [
        "head.x = rescale scale=[0.0078431372549] offset=[-1] (in) : 32x32x16"
    ],
    "block: standardize": ["head.x = standardize (in) : 32x32x16"],
    "block: classifier": [
        "flatten = flatten (in) : 16384",
        "dense = dense channels=10 (flatten) : 10",
    ],
    "block: classifier, norm: batch, activation: softmax": [
        "flatten = flatten (in) : 16384",
        "dense = dense channels=10 bias=false (flatten) : 10",
        "norm = batch_norm (dense) : 10",
        "activation = activation function=softmax (norm) : 10",
    ],
    "block: classifier, as: conv, bias: true, norm: batch": [
        "conv = convolution kernel=[1, 1] channels=10 bias=true (in) : 32x32x10",
        "norm = batch_norm (conv) : 32x32x10",
    ],
}  # fmt: skip


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row[7:40])
def test_a_row_unfolds_into(row, unfolded):
    assert unfolded(row, set={"classes": 10}) == EXAMPLES[row]


def test_every_block_has_an_example():
    """Here, or in a file of its own."""
    files = {path.stem for path in Path(blocks.__file__).parent.glob("[a-z]*.py")}
    tests = (Path(__file__).parent / "blocks").glob("test_*.py")
    texts = [*EXAMPLES, *(path.read_text(encoding="utf-8") for path in tests)]
    assert files == set(BLOCKS)
    assert files <= set(re.findall(r"block: (\w+)", "\n".join(texts)))


@pytest.mark.parametrize(
    ("norm", "op"),
    [
        ("batch", "batch_norm"),
        ("{type: batch, epsilon: 1e-5, momentum: 0.9}", "batch_norm epsilon=1e-05 momentum=0.9"),
        ("layer", "layer_norm epsilon=0.001"),
        ("{type: group, groups: 4, epsilon: 1e-5}", "group_norm groups=4"),
    ],
)
def test_a_norm_is_of_three_types(norm, op, unfolded):
    _, line = unfolded(f"block: conv, channels: 16, kernel: 1, norm: {norm}")
    assert line == f"norm = {op} (conv) : 32x32x16"


@pytest.mark.parametrize(
    ("said", "bias"),
    [
        ("stride: 1", True),
        ("norm: batch", False),
        ("norm: batch, bias: true", True),
        ("bias: false", False),
    ],
)
def test_auto_gives_a_bias_where_there_is_no_norm(said, bias, unfolded):
    line, *_ = unfolded(f"block: conv, channels: 16, kernel: 1, {said}")
    assert ("bias=true" in line) == bias


@pytest.mark.parametrize(
    ("of", "narrow"), [("input", 4), ("hidden", 8), ("output", 2)]
)  # fmt: skip
def test_a_squeeze_is_a_share_of_the_input_the_hidden_width_or_the_output(of, narrow, unfolded):
    row = f"block: inverted_residual, channels: 8, expansion: 2, se: {{ratio: 0.25, of: {of}}}"
    (line,) = (line for line in unfolded(row) if line.startswith("se.reduce.conv"))
    assert f"channels={narrow} " in line


@pytest.mark.parametrize(
    ("said", "adds"),
    [
        ("channels: 16", True),
        ("channels: 16, residual: none", False),
        ("channels: 16, residual: always", True),
        ("channels: 16, stride: 2", False),
        ("channels: 24", False),
        ("channels: 24, residual: partial", True),
        ("channels: 8, residual: partial", False),
        ("channels: 24, residual: partial, stride: 2", False),
    ],
)
def test_a_residual_is_added_where_it_is_asked_for_and_fits(said, adds, unfolded):
    lines = unfolded(f"block: inverted_residual, expansion: 1, {said}")
    assert any(line.startswith("add = ") for line in lines) == adds


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("block: inverted_residual, expansion: 1, channels: 24, residual: always", "E302 head.x: no residual from [32, 32, 16] to [32, 32, 24]"),
        ("block: conv, channels: 24, kernel: 3, groups: 5", "E301 head.x.conv: 5 groups do not divide the 16 input channels"),
        ("block: conv, channels: 24, kernel: 3, group_width: 5", "E301 head.x: groups of 5 do not divide 24 channels"),
        ("block: depthwise_separable, channels: 8, kernel: [3, 5], depthwise: {groups: 2}", "E302 head.x: a mix of kernels needs a depthwise convolution"),
        ("block: norm, norm: {type: group, groups: 5}", "E301 head.x: 5 groups do not divide the 16 channels"),
        ("block: rescaling, scale: [1, 2]", "E301 head.x: scale has 2 numbers for 16 channels"),
        ("block: pool, type: max, kernel: 33, stride: 1, padding: valid", "E301 head.x: a window of 33 pixels (dilation 1) does not fit 32 pixels with padding 0 and 0"),
        ("block: inverted_residual, channels: 8, expansion: 1.3", "E206 head.x: 16 x 1.3 = 20.8 is not whole"),
        ("block: inverted_residual, channels: 8, expansion: 2, se: 1/5", "E206 head.x: 32 x 0.2 = 6.4 is not whole"),
        ("block: inverted_residual, channels: 8, expansion: {ratio: 64, of: 100000}", "E211 head.x: 6400000 channels; from 1 to 131072 are possible"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_an_error_of_the_block(row, problem, refusal):
    assert (
        refusal(f"stem: [{{block: conv, channels: 16, kernel: 1}}]\nhead: [{{{row}, name: x}}]")
        == problem
    )


def test_a_mix_needs_a_channel_for_each_kernel(refusal):
    text = "head: [{block: depthwise_separable, channels: 8, kernel: [1, 3, 5, 7]}]"
    assert refusal(text) == (
        "E302 head.depthwise_separable: a mix of 4 kernels needs as many channels, not 3"
    )


def test_a_block_of_one_s_own_is_given_to_load(write):
    from dataclasses import dataclass

    from archspec import Block
    from archspec.ops import Concat
    from archspec.parameters import integer, parameter

    @dataclass(frozen=True, kw_only=True, slots=True)
    class Repeat:
        times: int = parameter(integer(1, 8), "how often", 2)

    def unfold(build, x, p):
        return build.add("concat", Concat(), *[x] * p.times)

    path = write("head: [{block: repeat, times: 3}]")
    mine = {**archspec.BLOCKS, "repeat": Block(Repeat, unfold)}
    graph = archspec.to_graph(path, blocks=mine)
    assert graph.shapes["head.repeat.concat"] == (32, 32, 9)
    assert [item.code for item in archspec.check(path)] == ["E112"]
    assert archspec.check(path, blocks=mine) == ()
    assert "repeat" not in archspec.BLOCKS
