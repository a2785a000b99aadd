"""Rows to a graph: taps, outputs, dilation for stride (rule 13), and the size of the whole."""

import archspec
import pytest
from archspec import api
from archspec.lower import lower
from archspec.ops import Convolution

STAGES = """
    stem: [{block: conv, channels: 8, kernel: 3, stride: 2}]
    stages:
      block: inverted_residual
      expansion: 2
      norm: batch
      columns: [channels, repeats, stride, kernel]
      rows:
        - [8,  2, 1, 3]
        - [16, 2, 2, 3]
        - [24, 2, 2, 5]
    head:
      - {block: conv, name: last, channels: 32, kernel: 1}
"""


def inputs(graph, name: str) -> tuple[str, ...]:
    return next(node.inputs for node in graph.nodes if node.name == name)


def graph_of(load, text: str = "", stages: str = STAGES):
    return archspec.to_graph(load(stages + text))


def test_a_row_reads_the_row_before_it_and_the_last_one_is_the_output(load):
    graph = graph_of(load)
    assert inputs(graph, "s1.1.expand.conv") == ("stem.conv.conv",)
    assert inputs(graph, "s2.1.expand.conv") == ("s1.2.add",)
    assert inputs(graph, "head.last.conv") == ("s3.2.add",)
    assert graph.outputs == {"output": "head.last.conv"}


@pytest.mark.parametrize(
    ("tap", "node"),
    [
        ("s1", "s1.2.add"),
        ("stages.s1", "s1.2.add"),
        ("s2.1", "s2.1.project.norm"),
        ("s2.1.expand", "s2.1.expand.norm"),
        ("s2.1.expand.conv", "s2.1.expand.conv"),
        ("s2.1.depthwise", "s2.1.depthwise.norm"),
        ("stem.conv", "stem.conv.conv"),
        ("last", "head.last.conv"),
        ("head.last", "head.last.conv"),
    ],
)
def test_a_tap_is_a_row_a_block_of_one_a_part_or_a_node(tap, node, load):
    assert graph_of(load, f"    outputs: {{x: {tap}}}").outputs == {"x": node}


def test_a_row_may_read_an_earlier_tap(load):
    more = "      - {block: conv, name: side, channels: 4, kernel: 1, inputs: s3.1.expand}\n"
    graph = graph_of(load, more)
    assert inputs(graph, "head.side.conv") == ("s3.1.expand.norm",)
    one = graph_of(load, more.replace("s3.1.expand", "[last]"))
    assert inputs(one, "head.side.conv") == ("head.last.conv",)


def test_a_part_that_is_not_there_is_no_tap(refusal):
    # Where the hidden width is that of the input, nothing expands.
    text = STAGES.replace("expansion: 2", "expansion: 1") + "    outputs: {x: s1.2.expand}"
    assert refusal(text) == "E303 there is no 's1.2.expand'"


def test_outputs_keep_their_order_and_may_share_a_node(load):
    graph = graph_of(load, "    outputs: {c4: s3, c2: s1, again: s3.2}")
    assert list(graph.outputs.items()) == [
        ("c4", "s3.2.add"),
        ("c2", "s1.2.add"),
        ("again", "s3.2.add"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("outputs: {a: s9, b: s1, c: lst}", "E303 there is no 's9'\nE303 there is no 'lst'"),
        ("outputs: {a: s1.3}", "E303 there is no 's1.3'"),
        ("outputs: {a: input}", "E303 there is no 'input'"),
        ("outputs: {input: s1}", "E303 an output cannot be called 'input': the input is"),
        ("change: {stages.s1.inputs: s2}", "E303 there is no 's2' to read before this row"),
        ("change: {stages.s3.inputs: [s1, s2]}", "E303 block 'inverted_residual' reads one input, not 2"),
    ],
)  # fmt: skip
def test_a_tap_that_is_not_there_is_an_error(text, problem, refusal):
    assert refusal(f"{STAGES}    {text}") == problem


@pytest.mark.parametrize(
    ("tap", "node"),
    [
        ("stride1", None),
        ("stride2", "s1.2.add"),  # of the stem and of s1, the last
        ("stride2.1", "stem.conv.conv"),
        ("stride2.2", "s1.1.add"),
        ("stride4.1", "s2.1.project.norm"),
        ("stride8", "head.last.conv"),
        ("stride8.2", "s3.2.add"),
        ("stride8.4", None),
        ("stride2.expand", "s2.1.expand.norm"),  # before the window that strides
        ("stride4.expand", "s3.1.expand.norm"),
        ("stride8.expand", "s3.2.expand.norm"),
        ("stride4.depthwise", "s2.2.depthwise.norm"),
        ("stride2.2.depthwise", "s1.1.depthwise.norm"),
        ("stride4.1.expand", "s2.1.expand.norm"),  # of that block, whatever its own stride
        ("stride4.middle", "s2.2.add"),  # no block here has that part
        ("stride4.1.middle", None),
        ("stride4.expnad", None),
        ("stride4.depthwise.conv", "s2.2.depthwise.conv"),
        ("stride04", None),
        ("stride4.0", None),
        ("stride", None),
    ],
)
def test_a_tap_may_be_a_stride(tap, node, load, refusal):
    text = f"    outputs: {{x: {tap}}}"
    if node:
        assert graph_of(load, text).outputs == {"x": node}
    else:
        kind = "there is no" if tap in {"stride", "stride04"} else "no block gives"
        assert refusal(STAGES + text) == f"E303 {kind} '{tap}'"


def test_a_row_called_like_a_stride_is_that_row(load):
    text = STAGES.replace("name: last", "name: stride4")
    assert graph_of(load, "    outputs: {x: stride4}", text).outputs == {"x": "head.stride4.conv"}


def test_a_stride_counts_what_is_resized_and_what_is_dilated(load):
    text = """      - {block: resize, name: up, inputs: [s3, s2]}
    output_stride: {at: 4}
    outputs: {x: stride4.1, y: stride4}"""
    graph = graph_of(load, text)
    assert graph.outputs == {"x": "s2.1.project.norm", "y": "head.up"}
    text = text.replace("output_stride: {at: 4}", "output_stride: none")
    assert graph_of(load, text).outputs["y"] == "head.up"


def test_a_part_that_is_only_added_is_not_read_at_a_stride(load):
    """It is half of what the block says; the sum is the feature map."""
    text = """
    stem: [{block: conv, channels: 16, kernel: 1}]
    stages:
      - {block: bottleneck, channels: 16, expansion: 1/4, repeats: 2, stride: 2, activation: relu}
      - {block: bottleneck, channels: 16, expansion: 1/4, repeats: 2, stride: 2, activation: relu}
    outputs: {x: stride2.expand, y: s1.2.expand, z: stride2.reduce}
    """
    assert archspec.to_graph(load(text)).outputs == {
        "x": "s1.2.activation",
        "y": "s1.2.expand.conv",
        "z": "s2.1.reduce.activation",
    }


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{block: conv, channels: 8, kernel: 1}", "E303 head.conv: the row before gives several values"),
        ("{block: concat}", "E303 head.concat: the row before gives several values"),
    ],
)  # fmt: skip
def test_a_row_behind_several_values_says_which_it_reads(row, problem, refusal, load):
    text = f"{STAGES}      - {{block: ssd, inputs: [s2, s3]}}\n      - {row}\n"
    assert refusal(text) == problem
    said = row.replace("}", ", inputs: s3}")
    assert archspec.to_graph(load(text.replace(row, said))).outputs


def test_a_row_of_several_values_is_called_like_the_first(load):
    text = """      - {block: ssd, inputs: [s2, s3], anchors: {ratios: [1]}}
    outputs: {x: ssd, y: head.ssd, boxes: ssd.boxes, scores: ssd.scores, logits: ssd.class_logits}"""
    graph = graph_of(load, text)
    assert list(graph.outputs.values()) == [
        *("head.ssd.box_deltas", "head.ssd.box_deltas", "head.ssd.boxes", "head.ssd.scores"),
        "head.ssd.class_logits",
    ]


def test_a_name_of_two_rows_must_say_its_section(load, refusal):
    text = STAGES.replace("name: last, ", "")
    assert (
        refusal(text + "    outputs: {x: conv}")
        == "E303 'conv' is head.conv and stem.conv; say which"
    )
    graph = graph_of(load, "    outputs: {x: stem.conv}", text)
    assert graph.outputs == {"x": "stem.conv.conv"}


def windows(graph) -> dict[str, tuple[int, int]]:
    """Stride and dilation of the depthwise convolutions."""
    return {
        node.name.removesuffix(".depthwise.conv"): (node.op.stride, node.op.dilation)
        for node in graph.nodes
        if isinstance(node.op, Convolution) and "depthwise" in node.name
    }


def test_strides_stay_up_to_the_output_stride(load):
    graph = graph_of(load, "    output_stride: {at: 8}")
    assert str(graph) == str(graph_of(load))


def test_a_stride_beyond_becomes_dilation_at_once(load):
    graph = graph_of(load, "    output_stride: {at: 4}")
    assert windows(graph) == {
        "s1.1": (1, 1),
        "s1.2": (1, 1),
        "s2.1": (2, 1),
        "s2.2": (1, 1),
        "s3.1": (1, 2),
        "s3.2": (1, 2),
    }
    assert graph.shapes["head.last.conv"] == (8, 8, 32)


def test_or_from_the_next_block_on(load):
    assert windows(graph_of(load, "    output_stride: {at: 4, dilate: after}")) == {
        "s1.1": (1, 1),
        "s1.2": (1, 1),
        "s2.1": (2, 1),
        "s2.2": (1, 1),
        "s3.1": (1, 1),
        "s3.2": (1, 2),
    }


def test_dilation_grows_with_each_stride_that_is_given_up(load):
    assert windows(graph_of(load, "    output_stride: {at: 2}")) == {
        "s1.1": (1, 1),
        "s1.2": (1, 1),
        "s2.1": (1, 2),
        "s2.2": (1, 2),
        "s3.1": (1, 4),
        "s3.2": (1, 4),
    }
    assert windows(graph_of(load, "    output_stride: {at: 2, dilate: after}")) == {
        "s1.1": (1, 1),
        "s1.2": (1, 1),
        "s2.1": (1, 1),
        "s2.2": (1, 2),
        "s3.1": (1, 2),
        "s3.2": (1, 4),
    }


def test_a_window_of_one_pixel_has_no_dilation_and_a_written_one_is_multiplied(load):
    graph = archspec.to_graph(
        load(
            """
            stages:
              - {block: conv, channels: 4, kernel: 3, stride: 2}
              - {block: conv, channels: 4, kernel: 3, stride: 2}
              - {block: conv, channels: 4, kernel: 3, dilation: 3}
              - {block: conv, channels: 4, kernel: 1}
            output_stride: {at: 2}
            """
        )
    )
    dilations = [graph.named[f"s{number}.1.conv"].op.dilation for number in (1, 2, 3, 4)]
    assert dilations == [1, 2, 6, 1]


def test_a_row_of_the_head_is_as_it_is_written(load):
    """It reads what the backbone gives, at that size."""
    head = """
      - {block: conv, channels: 4, kernel: 3, dilation: 3}
      - {block: pool, type: max, kernel: 3, stride: 2}
    output_stride: {at: 4}"""
    graph = graph_of(load, head)
    assert graph.named["s3.2.depthwise.conv"].op.dilation == 2
    assert graph.named["head.conv.conv"].op.dilation == 3
    assert (graph.named["head.pool"].op.stride, graph.outputs["output"]) == (2, "head.pool")


def test_what_has_no_dilation_cannot_give_its_stride_for_it(refusal):
    text = """
    stages:
      - {block: conv, channels: 4, kernel: 3, stride: 4}
      - {block: pool, type: max, kernel: 3, stride: 2}
    output_stride: {at: 4}
    """
    assert refusal(text).startswith("E304 stages.s2: block 'pool' cannot give its stride")


def test_nodes_know_their_row_and_the_place_of_it(load):
    graph = graph_of(load)
    node = next(node for node in graph.nodes if node.name == "s2.1.depthwise.conv")
    assert node.row == "stages.s2"
    assert node.span is not None
    assert node.span.text == "[16, 2, 2, 3]"


def test_a_shape_that_does_not_fit_is_shown_at_the_cell_that_says_it(load):
    text = STAGES.replace("repeats, stride", "repeats, project.groups").replace(
        "[16, 2, 2, 3]", "[16, 2, 5, 3]"
    )
    with pytest.raises(archspec.SpecError) as caught:
        graph_of(load, "", text.replace("2, 5]", "1, 5]"))
    (problem,) = caught.value.diagnostics
    assert problem.message == "s2.1.project.conv: 5 groups do not divide the 16 input channels"
    assert problem.span is not None
    assert (problem.span.line, problem.span.text) == (13, "5")


def test_widths_that_depend_on_others_say_how_they_were_computed(load):
    spec = load(
        """
        stem: [{block: conv, channels: 12, kernel: 1}]
        stages:
          - {block: inverted_residual, channels: 12, expansion: 1.3, expand: {rounding: up}, se: {ratio: 0.25, rounding: {divisor: 8}}}
        """
    )
    lowered = lower(spec, api.BLOCKS)
    assert [(item.path, item.value, item.text) for item in lowered.derivations] == [
        ("stages.s1.1.expansion", 16, "12 x 1.3 = 15.6 → 16 (up)"),
        ("stages.s1.1.se.ratio", 8, "16 x 0.25 = 4 → 8 (half up, divisor 8)"),
    ]


def test_a_net_of_absurd_size_is_refused_before_it_is_built(refusal):
    text = "stem: [{block: conv, channels: 100000, kernel: 255}, {block: conv, channels: 100000, kernel: 255}]"
    assert refusal(text).startswith("E211 650")


def test_an_image_that_gets_too_small_is_an_error(refusal):
    text = "stages: [{block: conv, channels: 8, kernel: 5, stride: 4, padding: valid, repeats: 1}, {block: conv, channels: 8, kernel: 9, padding: valid}]"
    assert refusal(text) == (
        "E301 s2.1.conv: a window of 9 pixels (dilation 1) does not fit 7 pixels with padding 0 and 0"
    )
