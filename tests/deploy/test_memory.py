"""The peak of activations that `archspec.cost` says, against what is alive in the ONNX file.

The liveness here knows ONNX and nothing of archspec's graph, but for one thing: what one node became
is named NAME, and NAME/… before it, and counts as one step, whose own values are gone after it.

A step is done in place, as the rule of the peak has it for activations, norms and reshapes, where its
ONNX operators are those of one (`IN_PLACE`), or multiply by constants and add them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import prod

import archspec
import onnx
import pytest
from archspec.backends.onnx import Form
from archspec.deploy.export import direct
from archspec.passes import liveness
from archspec.passes.structure import deployed
from archspec.weights.random import draw
from onnx import shape_inference
from tests import choices

OPSET = 20
"""Since which Gelu is an operator, as HardSwish is since 14 and LayerNormalization since 17."""

IN_PLACE = {
    ("Relu",),
    ("Clip",),
    ("LeakyRelu",),
    ("Sigmoid",),
    ("HardSigmoid",),
    ("HardSwish",),
    ("Gelu",),
    ("Tanh",),
    ("Mish",),
    ("Softmax",),
    ("Sigmoid", "Mul"),  # swish
    ("BatchNormalization",),
    ("Transpose", "LayerNormalization", "Transpose"),
    ("Reshape", "InstanceNormalization", "Reshape", "Mul", "Add"),  # in groups
    ("ReduceMean", "Sub", "Mul", "ReduceMean", "Mul", "Add", "Sqrt", "Div"),  # of each pixel
    ("Mul", "GlobalAveragePool", "Mul", "Sqrt", "Max", "Div"),  # of each channel
    ("ReduceL2", "ReduceMean", "Add", "Div", "Mul"),  # of the response of each channel
    ("Reshape",),
    ("Flatten",),
    ("Squeeze",),
}
AFFINE = {("Mul",), ("Add",), ("Mul", "Add")}
"""In place where they have one input that is not constant."""


@dataclass
class Step:
    """What one node of the net became: its name, its operators, what it reads, what it gives."""

    name: str
    operators: tuple[str, ...]
    reads: set[str]
    gives: str

    @property
    def in_place(self) -> bool:
        affine = self.operators in AFFINE and len(self.reads) == 1
        return self.operators in IN_PLACE or affine


def steps(graph: onnx.GraphProto) -> Iterator[Step]:
    constant = {array.name for array in graph.initializer}
    for _, group in groupby(graph.node, lambda node: node.name.partition("/")[0]):
        nodes = list(group)
        own = {value for node in nodes for value in node.output}
        read = {value for node in nodes for value in node.input if value}
        (given,) = nodes[-1].output
        yield Step(
            nodes[-1].name, tuple(node.op_type for node in nodes), read - own - constant, given
        )


def alive(model: onnx.ModelProto) -> dict[str, int]:
    """Step → bytes of float32 values that are alive at it."""
    del model.graph.value_info[:]
    graph = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    sizes = {
        value.name: 4 * prod(side.dim_value for side in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    todo = list(steps(graph))
    living = {value.name for value in graph.input}
    outputs = {value.name for value in graph.output}
    found = {}
    while todo:
        step = todo.pop(0)
        later = outputs.union(*(other.reads for other in todo))
        dead = living & step.reads - later
        there = living - dead if step.in_place else living
        found[step.name] = sum(sizes[value] for value in there | {step.gives})
        living = (living - dead) | ({step.gives} & later)
    return found


OTHERS = (
    "convnext:atto:v2",
    "efficientnet",
    "efficientnet:b0:blur:pytorch",
    "resnet:26:t:32x4d:eca",
)
"""With ops that the smallest variants do not have."""


@pytest.mark.parametrize("reference", [*choices.SMALLEST, *OTHERS])
def test_what_is_alive_at_each_node_is_what_is_alive_in_the_exported_file(reference):
    graph = archspec.to_graph(reference)
    model = direct(graph, draw(graph, 0), Form(opset=OPSET, batch=1))
    cost, expected, net = archspec.cost(reference), alive(model), deployed(graph)
    assert {name: 4 * numbers for name, numbers in liveness.alive(net).items()} == expected
    assert cost.peak_memory == max(expected.values()) == expected[cost.peak_node]
    for row in cost:
        own = [expected[node.name] for node in net.nodes if node.row == row.row]
        assert row.peak_memory == max(own, default=0)


@pytest.mark.parametrize(
    ("reference", "settings"),
    [
        ("mobilenet_v3:small:0.35", {}),
        ("ghostnet:0.5", {}),
        (
            "mobilenet_v2:0.35",
            {"outputs": {"c3": "s3.3.expand", "c4": "s5", "scores": "classifier"}},
        ),
    ],
)
def test_the_peak_of_several_images_is_that_of_the_exported_file(reference, settings):
    spec = archspec.load(reference, input=[96, 64, 3], **settings)
    graph = archspec.to_graph(spec)
    model = direct(graph, draw(graph, 0), Form(opset=OPSET, batch=3))
    assert archspec.cost(spec, batch=3).peak_memory == max(alive(model).values())
