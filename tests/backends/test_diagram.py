"""Diagrams read back: what they show is the graph, and nothing lies on anything else."""

import re
from functools import cache
from pathlib import Path
from textwrap import dedent

import archspec
import pytest
from archspec import ops, views, zoo
from archspec.backends import diagram
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.lift import lift
from hypothesis import given
from hypothesis import strategies as st
from tests.detectors import detector, suppressed
from tests.svg import Picture, faults

DATA = Path(__file__).parents[1] / "data"


@cache
def smallest(name: str) -> Graph:
    """The graph of the variant with the fewest nodes."""
    graphs = [archspec.to_graph(spec) for _reference, spec in views._variants(name)]  # noqa: SLF001
    return min(graphs, key=lambda graph: len(graph.nodes))


@pytest.fixture
def drawn(load):
    """What the diagram of a spec shows."""

    def drawn(text: str, **settings) -> Picture:
        svg = diagram.emit(archspec.to_graph(load(dedent(text), **settings)))
        assert faults(svg) == []
        return Picture(svg)

    return drawn


def words(picture: Picture) -> list[str]:
    """The texts that are not in boxes: names of rows and blocks, shapes, the input, the outputs."""
    inside = {
        id(text) for box in picture.boxes for text in picture.texts if text.words in box.texts
    }
    return [text.words for text in picture.texts if id(text) not in inside]


# Every net


@pytest.mark.parametrize("name", zoo.names())
def test_nothing_lies_on_anything_else_in_the_diagram_of(name):
    graph = smallest(name)
    svg = diagram.emit(graph)
    assert faults(svg) == []
    assert svg == diagram.emit(graph)


@pytest.mark.parametrize("name", zoo.names())
def test_every_node_is_in_one_box_or_in_a_block_that_is_drawn_like_its_own(name):
    graph = smallest(name)
    hints = [
        line.partition(":")[0]
        for box in Picture(diagram.emit(graph)).boxes
        if "tap" not in box.classes  # which is drawn where it is read, and once more where it is
        for line in box.hint.splitlines()
    ]
    assert len(hints) == len(set(hints))
    shown = {re.sub(r"^(\w+)\.\d+", r"\1", hint): hint for hint in hints}
    for node in graph.nodes:
        if node.name not in hints:
            alike = graph.named[shown[re.sub(r"^(\w+)\.\d+", r"\1", node.name)]]
            assert type(alike.op) is type(node.op)


def test_the_wire_from_the_block_before_comes_in_where_it_is_read():
    """Of the six feature maps of a detector, the last."""
    picture = Picture(diagram.emit(smallest("ssdlite_mobilenet_v2")))
    levels = {box.texts[0]: box.area for box in picture.boxes if box.texts[0].startswith("level")}
    assert min(levels, key=lambda name: levels[name][1]) == "level6"
    _x, y, _width, height = levels["level6"]
    into = [wire for wire in picture.wires if wire[-1][1] == y + height / 2 and len(wire) > 3]
    assert any(begin[1] < y for begin, *_ in into)


def test_mobilenet_v2_shows_its_stages_blocks_shapes_and_skips():
    picture = Picture(diagram.emit(archspec.to_graph("mobilenet_v2")))
    rows = [text.words for text in picture.texts if "row" in text.classes]
    assert rows == [
        "stem.conv", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "head.conv", "head.global_pool",
        "head.classifier",
    ]  # fmt: skip
    soft = [text.words for text in picture.texts if "soft" in text.classes]
    assert {"224×224×3", "112×112×32", "7×7×1280", "1000", "blocks 2 to 4  × 3"} <= {*soft}
    assert picture.said[:3] == [
        "conv | 3×3 /2, 32 | relu6", "depthwise | dw 3×3, 32 | relu6", "project | 1×1, 16",
    ]  # fmt: skip
    assert picture.said.count("+") == 5


def test_a_picture_that_is_wrong_is_noticed():
    svg = diagram.emit(archspec.to_graph("squeezenet:1.1"))
    box = re.search(r'<rect class="box[^>]* x="([\d.]+)"', svg)
    assert box
    moved = svg.replace(f'x="{box[1]}"', f'x="{float(box[1]) + 60}"', 1)
    assert any("stands out of its box" in fault for fault in faults(moved))
    wide = svg.replace(">squeeze<", ">squeeze and excite<", 1)
    assert "stands out of its box: squeeze and excite" in faults(wide)
    wire = svg.replace('<path class="wire" d="', '<path class="wire" d="M0 0L900 900', 1)
    assert any("runs through" in fault for fault in faults(wire))


# What a picture says


def test_a_residual_block_is_drawn_with_its_skip(drawn):
    picture = drawn("""\
        stages:
          block: inverted_residual
          columns: [expansion, channels, repeats, stride]
          rows:
            - [6, 24, 3, 2]
        """)
    assert picture.said == [
        "expand | 1×1, 18", "depthwise | dw 3×3 /2, 18", "project | 1×1, 24",
        "expand | 1×1, 144", "depthwise | dw 3×3, 144", "project | 1×1, 24", "+",
    ]  # fmt: skip
    assert "blocks 2 to 3  × 2" in words(picture)
    (plus,) = (box for box in picture.boxes if box.texts == ["+"])
    (skip,) = (wire for wire in picture.wires if wire[-2][0] == wire[-1][0])  # ends downwards
    assert skip[-1][0] == pytest.approx(plus.area[0] + plus.area[2] / 2, abs=0.1)
    left = min(box.area[0] for box in picture.boxes if box.texts[:2] == ["expand", "1×1, 144"])
    assert skip[0][0] < left


def test_branches_lie_side_by_side(drawn):
    picture = drawn("stages: {rows: [{block: fire, channels: 16, hidden: 4}]}")
    small, large = (box.area for box in picture.boxes if box.texts[0].startswith("expand"))
    assert small[0] + small[2] / 2 == pytest.approx(large[0] + large[2] / 2, abs=0.1)
    assert abs(small[1] - large[1]) >= small[3]
    assert picture.said[-1].startswith("expand3x3")


def test_what_is_no_neighbor_is_named_where_it_is_read(drawn):
    picture = drawn("""\
        stem: [{block: conv, channels: 8, kernel: 3}]
        stages:
          block: conv
          rows:
            - {channels: 8, kernel: 3, stride: 2}
            - {channels: 8, kernel: 1, inputs: conv}
        outputs: {half: s1, whole: s2}
        """)
    assert "from | stem.conv.conv" in picture.said
    assert [text for text in words(picture) if "=" in text] == ["16×16×8 = s1.1.conv"]
    assert {"half", "whole"} <= {*words(picture)}


def test_layers_that_only_grow_are_drawn_once():
    picture = Picture(diagram.emit(archspec.to_graph("densenet:121")))
    assert "concat | 96 to 256" in picture.said
    assert "blocks 1 to 24  × 24" in words(picture)


def test_parts_of_a_common_name_become_one_where_they_are_many_and_lie_together():
    def boxes(pattern: str) -> list[str]:
        build, value = GraphBuilder("net", (8, 8, 4)), INPUT
        for number, letter in enumerate(pattern):
            name = f"s1.1.{letter}.p{number}.conv"
            value = build.add(name, ops.Convolution((3, 3), channels=4), [value], "stages.s1")
        svg = diagram.emit(build.build({"output": value}))
        assert faults(svg) == []
        return [box.texts[0] for box in Picture(svg).boxes]

    assert boxes("a" * 6 + "b" * 6) == [f"{'ab'[n > 5]} p{n}" for n in range(12)]
    assert boxes("a" * 6 + "b" * 7) == ["a", *(f"b p{n}" for n in range(6, 13))]
    assert boxes("ab" * 7) == [f"{'ab'[n % 2]} p{n}" for n in range(14)]


def test_a_block_with_an_output_of_its_own_is_not_drawn_with_others(drawn):
    text = """\
        stages:
          block: conv
          rows:
            - {channels: 3, kernel: 3, repeats: 3}
        """
    assert "blocks 1 to 3  × 3" in words(drawn(text))
    assert "blocks 1 to 3  × 3" not in words(drawn(f"{dedent(text)}outputs: {{x: s1.2, y: s1}}"))


# Graphs that no spec gave


def test_a_keras_model_is_drawn_by_the_sizes_of_its_images():
    svg = diagram.emit(lift(DATA / "tiny.keras").graph)
    assert faults(svg) == []
    picture = Picture(svg)
    assert [text.words for text in picture.texts if "row" in text.classes] == [
        "8×8", "4×4", "1×1", "vector",
    ]  # fmt: skip
    assert "convolution | dw 3×3, 4 | relu6" in picture.said


NAMES = [
    "a",
    "a.conv",
    "a.norm",
    "b.c.d",
    "b.c",
    "1",
    "s1.1.x",
    "<\"&'>",
    "]]>",
    "\x00\x1b",
    "é漢",
    "m" * 300,
]


@st.composite
def graphs(draw) -> Graph:
    """Any graph, of rows or not, with names that mean nothing."""
    build = GraphBuilder(draw(st.sampled_from(NAMES)), (8, 8, 4))
    rows = draw(st.sampled_from([("",), ("stages.s1", "stages.s2"), ("head.a", "stages.s1")]))
    values = [INPUT]
    for number in range(draw(st.integers(1, 24))):
        row = rows[min(number // 8, len(rows) - 1)]
        prefix = {
            "": "",
            "stages.s1": f"s1.{number // 4 + 1}.",
            "stages.s2": "s2.1.",
            "head.a": "head.a.",
        }[row]
        name = f"{prefix}{draw(st.sampled_from(NAMES))}{number}.{draw(st.sampled_from(['conv', 'norm', 'x']))}"
        op, count = draw(
            st.sampled_from([
                (ops.Convolution((3, 3), channels=4), 1), (ops.BatchNorm(), 1), (ops.Add(), 2),
                (ops.Activation("relu"), 1), (ops.Add(), 3), (ops.Multiply(), 2), (ops.Shuffle(2), 1),
            ])
        )  # fmt: skip
        recent = st.sampled_from(values[-5:])
        read = [draw(recent) for _ in range(count)]
        values.append(build.add(name, op, read, row))
    ends = draw(st.lists(st.sampled_from(values[1:]), max_size=3))
    return build.build({f"o{place}": end for place, end in enumerate([*ends, values[-1]])})


@given(graphs())
def test_no_graph_is_drawn_with_anything_on_anything_else(graph):
    assert faults(diagram.emit(graph)) == []


def test_a_graph_that_does_nothing_is_an_input_and_an_output():
    svg = diagram.emit(Graph("net", (8, 8, 3), (), {"output": INPUT}))
    assert faults(svg) == []
    picture = Picture(svg)
    assert words(picture) == ["net", "input", "8×8×3", "output", "8×8×3"]
    assert len(picture.wires) == 1


def test_names_are_escaped_and_shown_as_they_are():
    name = "</title><script>alert(1)</script>\"'&"
    build = GraphBuilder(name, (8, 8, 3))
    build.add(name, ops.Activation("relu"), [INPUT])
    svg = diagram.emit(build.build({name: name}))
    assert "<script" not in svg
    picture = Picture(svg)
    assert picture.root.findtext("{http://www.w3.org/2000/svg}title") == name
    assert name in [text.words for text in picture.texts]
    assert picture.boxes[0].hint.startswith(name)


def test_an_svg_needs_nothing_from_outside():
    svg = diagram.emit(archspec.to_graph("mobilenet_v2"))
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"url\(|@import|href|<script|<image|\son\w+=", svg)
    assert 'role="img"' in svg
    assert "prefers-color-scheme: dark" in svg


def test_a_graph_with_suppression_is_drawn_too():
    assert faults(diagram.emit(suppressed(detector(), ops.Suppression()))) == []
