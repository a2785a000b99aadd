"""What a net costs: by hand, and what a pixel sees as the reference computes it."""

import subprocess
import sys

import archspec
import numpy as np
import pytest
from archspec.backends import cost
from archspec.backends.cost.reach import RULES
from archspec.backends.reference import emit
from archspec.graph import INPUT, Graph, GraphBuilder, resized
from archspec.ops import (
    ALL,
    Activation,
    Add,
    Attention,
    BatchNorm,
    Blur,
    ChannelAttention,
    Concat,
    Convolution,
    Crop,
    Dense,
    Dropout,
    Flatten,
    FourierPositions,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    LinearAttention,
    Multiply,
    Op,
    Pad,
    Pool,
    Resize,
    Scale,
    SeparableAttention,
    Shape,
)
from tests.parity import arrays, chain


def only(graph: Graph, **said) -> cost.RowCost:
    """The cost of a graph of one row."""
    (row,) = cost.emit(graph, **said).rows
    return row


def branches(image: Shape, join: Op, *ways: list[Op]) -> Graph:
    """Rows of ops side by side; the join reads what they give."""
    build = GraphBuilder("branches", image)
    ends = []
    for number, ops in enumerate(ways):
        value = INPUT
        for place, op in enumerate(ops):
            value = build.add(f"{number}.{place}", op, [value])
        ends.append(value)
    return build.build({"output": build.add("join", join, ends)})


# Memory, weights, traffic


SMALL = chain(
    (4, 4, 2),
    Convolution((3, 3), channels=8),  # 32 in, 128 out
    BatchNorm(),
    Activation("relu"),
    Convolution((3, 3), channels=8, groups=8, stride=2),  # 128 in, 32 out
    LayerNorm(),
    Dropout(0.5),
    Flatten(),
    Dense(10),
    Activation("softmax"),
)


def test_a_small_net_costs_what_it_costs_by_hand():
    found = cost.emit(SMALL)
    assert (found.peak_memory, found.peak_node) == (4 * (32 + 128), "n0")
    dense, depthwise, first = 32 * 10, 9 * 8, 9 * 2 * 8
    kernels = first + depthwise + dense
    others = 8 + 10 + 16  # the bias of the folded convolution, of the dense layer; the norm
    assert found.weights == (4 * (kernels + others), 2 * (kernels + others), kernels + 4 * others)
    values = (32 + 128) + (128 + 32) + (32 + 10)
    assert found.moved == 4 * values + found.weights.fp32
    assert found.trainable == kernels + 16 + 16 + 10
    assert found.statistics == 16
    assert found.macs == first * 16 + depthwise * 4 + dense
    assert found.flops == 2 * found.macs
    assert found.intensity == found.flops / found.moved


def test_a_batch_multiplies_all_but_the_weights():
    one, five = cost.emit(SMALL), cost.emit(SMALL, batch=5)
    assert (five.params, five.weights) == (one.params, one.weights)
    assert (five.macs, five.peak_memory) == (5 * one.macs, 5 * one.peak_memory)
    assert five.moved - one.weights.fp32 == 5 * (one.moved - one.weights.fp32)


def test_a_precision_says_how_many_bytes_an_activation_has():
    full, half, byte = (cost.emit(SMALL, precision=name) for name in cost.PRECISIONS)
    assert full.peak_memory == 2 * half.peak_memory == 4 * byte.peak_memory
    assert half.moved == full.moved / 2
    assert byte.moved == (full.moved - full.weights.fp32) / 4 + full.weights.int8
    assert full.weights == half.weights == byte.weights
    assert full.macs == byte.macs


def peak(graph: Graph) -> int:
    return cost.emit(graph, precision="int8").peak_memory


@pytest.mark.parametrize(
    "op", [Activation("relu"), Activation("softmax"), GroupNorm(1), Scale(), LayerNorm(), Flatten()]
)
def test_activations_norms_and_reshapes_take_the_place_of_what_nobody_reads_later(op):
    assert peak(chain((4, 4, 2), op)) == 32
    pool = Pool((1, 1))
    assert peak(branches((4, 4, 2), Add(), [pool, Activation("relu")], [pool])) == 96
    read_twice = GraphBuilder("twice", (4, 4, 2))
    read_twice.add("first", op, [INPUT])
    read_twice.add("second", Pool((1, 1)), [INPUT])
    assert peak(read_twice.build({"a": "first", "b": "second"})) == 96


def test_it_is_known_of_every_op_whether_it_works_in_place():
    assert {op.__name__ for op in ALL if op.in_place} == {
        *("Activation", "BatchNorm", "DropPath", "Dropout", "Flatten", "GroupNorm", "LayerNorm"),
        *("PixelNorm", "Rescale", "ResponseNorm", "Scale", "Standardize", "UnitNorm"),
    }


def test_an_output_lives_to_the_end_and_its_place_is_not_taken():
    build = GraphBuilder("outputs", (4, 4, 2))
    first = build.add("first", Convolution((1, 1), channels=2), [INPUT])
    second = build.add("second", Activation("relu"), [first])
    build.add("third", Convolution((1, 1), channels=1), [second])
    assert peak(build.build({"output": "third"})) == 64
    assert peak(build.build({"output": "third", "tap": "first"})) == 80
    assert peak(build.build({"output": "third", "tap": INPUT})) == 80


def test_a_row_of_which_nothing_is_deployed_needs_nothing():
    found = {row.row: row for row in archspec.cost("mobilenet_v3:large")}
    dropout = found["head.dropout"]
    assert dropout.output == (1, 1, 1280)
    assert (dropout.peak_memory, dropout.moved, dropout.weights) == (0, 0, (0, 0, 0))
    assert dropout.intensity == 0


def test_a_row_that_is_folded_away_leaves_its_weights_to_another():
    rows = archspec.cost("densenet").rows
    whole = archspec.cost("densenet")
    assert sum(row.weights.fp32 for row in rows) == whole.weights.fp32
    assert whole.weights.fp32 < 4 * whole.params


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"batch": 0}, "E411 a batch of 0 images"),
        ({"precision": "fp61"}, "E414 there is no precision 'fp61'\n   did you mean 'fp16'?"),
    ],
)
def test_no_images_and_no_precision_are_errors(said, message):
    with pytest.raises(archspec.SpecError) as caught:
        archspec.cost("mobilenet_v1:0.25", **said)
    assert str(caught.value) == message


# What a pixel sees


def seen(graph: Graph, size: int, axis: int) -> list[tuple[int, int]]:
    """For each pixel of the output along an axis the first and last pixel that it depends on."""
    other = 1 - axis
    sides = [0, 0]
    sides[axis], sides[other] = size, graph.input[other]
    net = resized(graph, *sides)
    images = np.zeros((size, *net.input))
    for place in range(size):
        images[(place, *(slice(None),) * axis, place)] = np.nan
    (found,) = emit(net, arrays(net, dtype="float64"), "float64")(images).values()
    depends = np.isnan(found).any(axis=(3, 2 - axis))  # pixel of the image, pixel of the output
    return [(int(np.flatnonzero(row)[0]), int(np.flatnonzero(row)[-1])) for row in depends.T]


def sees(graph: Graph, axis: int, size: int = 96) -> tuple[int, float]:
    """How many pixels those amid the output see, at the most, and how far apart they are."""
    with np.errstate(invalid="ignore"):
        spans = seen(graph, size, axis)
    inner = [(first, last) for first, last in spans if first > 0 and last < size - 1]
    assert len(inner) > 4, "the image is too small"
    count = len(inner) - len(inner) % 2 - 1
    return (
        max(last - first + 1 for first, last in inner),
        (inner[count][0] - inner[1][0]) / (count - 1),
    )


def convolution(size: int | tuple[int, int], **said) -> Convolution:
    return Convolution((size, size) if isinstance(size, int) else size, channels=2, **said)


IMAGE = (96, 96, 2)
SEEN = {
    "stride": chain(IMAGE, convolution(3, stride=2), convolution(5), convolution(3, stride=2)),
    "dilation": chain(IMAGE, convolution(3, dilation=3), convolution(3, stride=2, dilation=2)),
    "rows_and_columns": chain(IMAGE, convolution((1, 7)), convolution((5, 1), stride=2)),
    "paddings": chain(
        IMAGE,
        Pad((2, 1), (0, 3)),
        convolution(3, stride=2, padding="valid"),
        Crop((1, 0), (0, 1)),
        convolution(4, stride=3, padding="symmetric"),
    ),
    "pools": chain(
        IMAGE,
        Pool((3, 3), stride=2, type="max", padding="symmetric"),
        Pool((2, 2), stride=2, type="average"),
        convolution(3),
    ),
    "blur": chain(IMAGE, convolution(3), Blur(3, 2, "zero"), convolution(3), Blur(5, 2, "zero")),
    "pointwise": chain(
        IMAGE, convolution(3, stride=2), BatchNorm(), Activation("gelu"), LayerNorm(), Dropout(0.5)
    ),
    "residual": branches(IMAGE, Add(), [Pool((1, 1))], [convolution(3), convolution(5)]),
    "branches": branches(
        IMAGE,
        Concat(),
        [convolution(3, stride=2), convolution((1, 9))],
        [convolution(7, stride=2)],
        [Pool((2, 2), stride=2), convolution((3, 1))],
    ),
    "nearest": chain(
        IMAGE, convolution(3, stride=2), Resize("nearest", factor=(2, 2)), convolution(3)
    ),
    "bilinear": chain(
        IMAGE, convolution(3, stride=2), Resize("bilinear", factor=(2, 2)), convolution(3)
    ),
    "down_and_up": branches(
        IMAGE,
        Add(),
        [convolution(3)],
        [Pool((2, 2), stride=2), convolution(5), Resize("nearest", factor=(2, 2))],
    ),
    "above_the_image": chain(
        IMAGE, Resize("nearest", factor=(2, 2)), convolution(3), convolution(5)
    ),
}


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", SEEN)
def test_a_pixel_sees_what_changes_it(name, axis):
    row = only(SEEN[name])
    field, stride = row.receptive_field, row.stride
    assert (field[axis], stride[axis]) == sees(SEEN[name], axis)


@pytest.mark.parametrize(
    ("reference", "row"),
    [
        ("mobilenet_v2:0.35", "s3"),
        ("squeezenet:1.1", "fire3"),
        ("mobilenet_v1:0.25", "s3"),
        ("mixnet:s", "s2"),
        ("shufflenet_v2:0.5", "s1"),
        ("repvgg:a0", "s1"),
        ("fasternet", "s1"),
    ],
)
def test_a_pixel_of_a_net_of_the_zoo_sees_what_changes_it(reference, row):
    spec = archspec.load(reference, outputs={"seen": row}, input=[160, 32, 3])
    last = archspec.cost(spec).rows[-1]
    found, stride = sees(archspec.to_graph(spec), 0, 160)
    assert (last.receptive_field[0], last.stride[0]) == (found, stride)


def test_mobilenet_v2_sees_491_pixels():
    """As computed by Araujo, Norris and Sim 2019, distill.pub/2019/computing-receptive-fields."""
    rows = {row.row: row for row in archspec.cost("mobilenet_v2")}
    assert rows["head.conv"].receptive_field == (491, 491)
    assert rows["head.conv"].stride == (32, 32)
    assert rows["head.global_pool"].receptive_field is None
    assert rows["head.classifier"].stride is None


def test_it_is_known_of_every_op_whether_it_sees_more_than_a_pixel():
    assert {op.__name__ for op in ALL if op not in RULES} == {
        *(op.__name__ for op in ALL if op.in_place and op is not Flatten),
        *("ChannelConvolution", "Crop", "DecodeBoxes", "Dense", "Pad", "Shuffle", "Slice"),
    }


def gated(*gate: Op) -> Graph:
    build = GraphBuilder("gate", (16, 16, 4))
    value = build.add("conv", Convolution((3, 3), channels=4), [INPUT])
    factor = value
    for place, op in enumerate(gate):
        factor = build.add(f"gate{place}", op, [factor])
    return build.build({"output": build.add("multiply", Multiply(), [value, factor])})


def test_a_gate_of_global_means_does_not_count():
    assert only(gated(GlobalPool(), Convolution((1, 1), channels=4))).receptive_field == (3, 3)
    assert only(gated(Convolution((5, 5), channels=4))).receptive_field == (7, 7)
    whole = gated(GlobalPool(), Resize("nearest", size=(16, 16)))
    assert only(whole).receptive_field is None


def test_the_means_of_a_norm_do_not_count():
    graph = chain((16, 16, 4), Convolution((3, 3), channels=4), GroupNorm(2))
    assert only(graph).receptive_field == (3, 3)


@pytest.mark.parametrize(
    ("op", "count"),
    [(Attention(), 3), (ChannelAttention(), 3), (LinearAttention(1), 1)],
)
def test_an_attention_sees_the_whole_image(op, count):
    build = GraphBuilder("attention", (8, 8, 6))
    build.add("attention", op, [INPUT] * count)
    row = only(build.build({"output": "attention"}))
    assert (row.receptive_field, row.stride) == (None, None)


def test_a_separable_attention_sees_the_whole_image():
    build = GraphBuilder("attention", (8, 8, 6))
    build.add("scores", Convolution((1, 1), channels=1), [INPUT])
    build.add("attention", SeparableAttention(), ["scores", INPUT, INPUT])
    assert only(build.build({"output": "attention"})).receptive_field is None


def test_positions_are_known_without_looking():
    sum_ = branches((8, 8, 8), Add(), [FourierPositions(2)], [convolution_to_8()])
    assert only(sum_).receptive_field == (5, 5)


def convolution_to_8() -> Convolution:
    return Convolution((5, 5), channels=8)


@pytest.mark.parametrize(("image", "field"), [((3, 3, 2), (3, 3)), ((5, 3, 2), None)])
def test_a_dense_layer_sees_the_whole_image_where_it_has_more_than_a_pixel(image, field):
    graph = chain(image, convolution(3, padding="valid"), Flatten(), Dense(4))
    assert only(graph).receptive_field == field


# Without a framework


WITHOUT = """
import sys
from archspec import cli
sys.argv = ["archspec", *{arguments!r}]
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
heavy = {{"numpy", "tensorflow", "keras", "onnx", "onnxruntime", "h5py"}} & {{*sys.modules}}
assert not heavy, heavy
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "mobilenet_v2"],
        ["show", "ghostnet", "--format", "json", "--batch", "4", "--precision", "int8"],
        ["show", "mobileone:s0", "--size", "192x160", "--format", "csv"],
    ],
)
def test_costs_are_shown_without_numpy_and_without_a_framework(arguments):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
