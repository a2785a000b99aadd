import pytest
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import Activation, Convolution
from archspec.weights.foreign import families, renamed


def graph_of(*names: str) -> Graph:
    build = GraphBuilder("net", (8, 8, 4))
    for name in names:
        build.add(name, Convolution((1, 1), channels=4), [INPUT])
    return build.build({"output": names[-1]})


def test_every_family_names_functions_of_its_own():
    functions = [
        function
        for family in dict.fromkeys(map(id, families().values()))
        for function, other in families().items()
        if id(other) == family
    ]
    assert sorted(functions) == sorted(families())
    assert {f"EfficientNetB{number}" for number in range(8)} <= set(functions)


@pytest.mark.parametrize(
    ("function", "layers"),
    [
        (
            "MobileNet",
            {
                "conv1": "stem.conv.conv",
                "conv_dw_1": "s1.1.depthwise.conv",
                "conv_dw_3": "s2.1.depthwise.conv",
            },
        ),
        (
            "MobileNetV2",
            {
                "Conv1": "stem.conv.conv",
                "expanded_conv_depthwise": "s1.1.depthwise.conv",
                "block_1_depthwise": "s1.2.depthwise.conv",
                "block_2_depthwise": "s2.1.depthwise.conv",
            },
        ),
        (
            "MobileNetV3Small",
            {
                "conv": "stem.conv.conv",
                "expanded_conv_depthwise": "s1.1.depthwise.conv",
                "expanded_conv_2_depthwise": "s2.1.depthwise.conv",
                "expanded_conv_2_squeeze_excite_conv_1": "s2.1.se.expand.conv",
            },
        ),
        (
            "EfficientNetB0",
            {
                "stem_conv": "stem.conv.conv",
                "normalization": "stem.standardize",
                "normalization_12": "stem.standardize",
                "block1a_dwconv": "s1.1.depthwise.conv",
                "block1b_dwconv": "s1.2.depthwise.conv",
                "block2a_se_expand": "s2.1.se.expand.conv",
            },
        ),
    ],
)
def test_layers_are_found_by_their_place(function, layers):
    graph = graph_of(
        "stem.standardize",
        "stem.conv.conv",
        "s1.1.depthwise.conv",
        "s1.2.depthwise.conv",
        "s2.1.depthwise.conv",
        "s2.1.se.expand.conv",
    )
    for layer, node in layers.items():
        assert renamed({f"{layer}/kernel": layer}, graph, function) == {f"{node}/kernel": layer}


def test_rows_are_counted_whatever_their_names():
    graph = graph_of("first.1.project.conv", "second.1.project.conv", "second.2.project.conv")
    arrays = {"block_2_project/kernel": 1}
    assert renamed(arrays, graph, "MobileNetV2") == {"second.2.project.conv/kernel": 1}


def test_what_no_rule_knows_keeps_its_name():
    graph = graph_of("stem.conv.conv")
    arrays = {"Conv1/kernel": 1, "mystery/kernel": 2, "block_9_expand/kernel": 3}
    assert renamed(arrays, graph, "MobileNetV2") == {
        "stem.conv.conv/kernel": 1,
        "mystery/kernel": 2,
        "block_9_expand/kernel": 3,
    }


def test_nodes_without_arrays_may_have_any_name():
    build = GraphBuilder("net", (4, 4, 4))
    build.add("s1.1.something.else", Activation("relu"), [INPUT])
    graph = build.build({"output": "s1.1.something.else"})
    assert renamed({}, graph, "MobileNetV2") == {}
