"""The graph: built node by node, verified, printed."""

from dataclasses import replace

import pytest
from archspec.graph import INPUT, Graph, GraphBuilder, Node, is_depthwise, verify
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Dense,
    Flatten,
    GlobalPool,
    Initializer,
    Multiply,
    Pool,
    Scale,
    ShapeError,
    Slice,
)


@pytest.fixture
def graph() -> Graph:
    build = GraphBuilder("net", (8, 8, 3))
    x = build.add("a.conv", Convolution((3, 3), 2, channels=4), [INPUT], "stages.a")
    x = build.add("a.norm", BatchNorm(), [x], "stages.a")
    y = build.add("ab.conv", Convolution((3, 3), channels=4, groups=4, bias=True), [x], "stages.ab")
    y = build.add("ab.add", Add(), [x, y], "stages.ab")
    y = build.add("pool", GlobalPool(), [y])
    y = build.add("flat", Flatten(), [y])
    y = build.add("dense", Dense(10), [y])
    return build.build({"logits": y, "features": "ab.add"})


def test_a_graph_prints_one_line_a_node_in_a_form_that_stays(graph):
    assert str(graph) == (
        "graph net\n"
        "  input: 8x8x3\n"
        "  a.conv = convolution kernel=[3, 3] stride=2 channels=4 (input) : 4x4x4\n"
        "  a.norm = batch_norm (a.conv) : 4x4x4\n"
        "  ab.conv = convolution kernel=[3, 3] channels=4 groups=4 bias=true (a.norm) : 4x4x4\n"
        "  ab.add = add (a.norm, ab.conv) : 4x4x4\n"
        "  pool = global_pool (ab.add) : 1x1x4\n"
        "  flat = flatten (pool) : 4\n"
        "  dense = dense channels=10 (flat) : 10\n"
        "  output logits = dense\n"
        "  output features = ab.add"
    )


def test_an_op_prints_what_is_not_its_default():
    op = Convolution((1, 1), init=Initializer("truncated_normal", 2, "out"), l2=4e-5, channels=8)
    assert str(op) == ("convolution kernel=[1, 1] channels=8 init=truncated_normal(2/out) l2=4e-05")
    assert str(BatchNorm(1e-3, 0.99)) == "batch_norm"
    assert str(BatchNorm(1.001e-5, 0.9)) == "batch_norm epsilon=1.001e-05 momentum=0.9"
    assert str(Activation("relu6")) == "activation function=relu6"


def test_weights_are_named_by_node_and_array_in_the_order_of_the_nodes(graph):
    assert {key: weight.shape for key, weight in graph.weights.items()} == {
        "a.conv/kernel": (3, 3, 3, 4),
        "a.norm/gamma": (4,),
        "a.norm/beta": (4,),
        "a.norm/moving_mean": (4,),
        "a.norm/moving_variance": (4,),
        "ab.conv/kernel": (3, 3, 4, 1),
        "ab.conv/bias": (4,),
        "dense/kernel": (4, 10),
        "dense/bias": (10,),
    }
    trainable = [key for key, weight in graph.weights.items() if not weight.trainable]
    assert trainable == ["a.norm/moving_mean", "a.norm/moving_variance"]


def test_only_convolutions_and_dense_layers_have_multiply_accumulates(graph):
    macs = {node.name: graph.macs_of(node) for node in graph.nodes}
    assert macs == {
        "a.conv": 3 * 3 * 3 * 4 * 16,
        "a.norm": 0,
        "ab.conv": 3 * 3 * 4 * 16,
        "ab.add": 0,
        "pool": 0,
        "flat": 0,
        "dense": 40,
    }


def test_readers_are_the_nodes_that_read_a_value(graph):
    assert [node.name for node in graph.readers["a.norm"]] == ["ab.conv", "ab.add"]
    assert [node.name for node in graph.readers["dense"]] == []


def test_a_path_means_whole_words_of_names(graph):
    assert [node.name for node in graph.under("a")] == ["a.conv", "a.norm"]
    assert [node.name for node in graph.under("ab.conv")] == ["ab.conv"]


def test_a_depthwise_convolution_has_a_group_for_each_channel(graph):
    assert [node.name for node in graph.nodes if is_depthwise(graph, node)] == ["ab.conv"]


def test_a_builder_refuses_what_does_not_fit_and_stays_as_it_was():
    build = GraphBuilder("net", (8, 8, 3))
    with pytest.raises(ShapeError, match=r"^2 groups do not divide the 3 input channels$"):
        build.add("a", Convolution((1, 1), channels=4, groups=2), [INPUT])
    assert build.nodes == []
    build.add("a", Convolution((1, 1), channels=4), [INPUT])
    with pytest.raises(AssertionError, match="a"):
        build.add("a", GlobalPool(), ["a"])


@pytest.mark.parametrize(
    ("op", "shapes", "message"),
    [
        (Add(), [(2, 3, 4), (2, 3, 5)], "cannot add [2, 3, 4] and [2, 3, 5]"),
        (Multiply(), [(2, 3, 4), (1, 1, 5)], "cannot multiply [2, 3, 4] by [1, 1, 5]"),
        (Multiply(), [(1, 1, 4), (2, 3, 4)], "cannot multiply [1, 1, 4] by [2, 3, 4]"),
        (Concat(), [(2, 3, 4), (3, 2, 4)], "cannot join [2, 3, 4] and [3, 2, 4] along the channels"),
        (Slice(2, 5), [(2, 3, 4)], "channels 2 to 5 of 4"),
        (Slice(2, 2), [(2, 3, 4)], "channels 2 to 2 of 4"),
        (Dense(3), [(1, 1, 4)], "a dense layer needs a vector (c,), not [1, 1, 4]"),
        (Pool((2, 2), dilation=2), [(4, 4, 4)], "a pool has no dilation, not 2"),
        (Scale(groups=3), [(2, 3, 4)], "3 groups do not divide 4 channels"),
    ],
)  # fmt: skip
def test_an_op_refuses_inputs_that_do_not_fit(op, shapes, message):
    with pytest.raises(ShapeError) as caught:
        op.infer(*shapes)
    assert str(caught.value) == message


def broken(graph: Graph, number: int, **changes: object) -> Graph:
    nodes = list(graph.nodes)
    nodes[number] = replace(nodes[number], **changes)
    return replace(graph, nodes=tuple(nodes))


def test_verify_names_each_breach(graph):
    verify(graph)
    with pytest.raises(AssertionError, match=r"^a\.conv stands twice"):
        verify(broken(graph, 1, name="a.conv"))
    with pytest.raises(AssertionError, match=r"^a\.norm reads \['dense'\] before they are there"):
        verify(broken(graph, 1, inputs=("dense",)))
    with pytest.raises(AssertionError, match=r"^pool is \(1, 1, 5\), its op gives \(1, 1, 4\)"):
        verify(broken(graph, 4, shape=(1, 1, 5)))
    with pytest.raises(AssertionError, match=r"^no output"):
        verify(replace(graph, outputs={}))
    with pytest.raises(AssertionError, match=r"^output logits is gone, which is not there"):
        verify(replace(graph, outputs={"logits": "gone"}))


def test_the_place_of_a_node_is_no_part_of_its_identity(graph):
    node = graph.nodes[0]
    assert Node(node.name, node.op, node.inputs, node.shape, node.row, span=None) == node
