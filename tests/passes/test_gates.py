import numpy as np
import pytest
from archspec.backends.reference import emit
from archspec.deploy.check import check
from archspec.deploy.export import direct
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import Activation, Add, GlobalPool, Rescale
from archspec.passes.gates import gates
from tests.parity import chain, images

ROW = (Rescale((1.0,), (3.0,)), Activation("relu6"), Rescale((1 / 6,)))


def left(*ops) -> list[str]:
    return [str(node.op) for node in gates(chain((4, 3, 2), *ops), {})[0].nodes]


def test_a_hard_sigmoid_that_is_written_out_becomes_one():
    graph = chain((4, 3, 2), GlobalPool(), *ROW, Activation("tanh"))
    after, _ = gates(graph, {})
    assert [node.name for node in after.nodes] == ["n0", "n1", "n4"]
    assert after.nodes[1].op == Activation("hard_sigmoid")
    batch = 4 * images(graph)
    expected, actual = (emit(one, {}, "float64")(batch)["output"] for one in (graph, after))
    assert np.abs(actual - expected).max() < 1e-15
    assert left(ROW[0], ROW[1], Rescale((float(np.float32(1 / 6)),))) == [
        "activation function=hard_sigmoid"
    ]


@pytest.mark.parametrize(
    "row",
    [
        (Rescale((1.0,), (2.5,)), *ROW[1:]),
        (Rescale((2.0,), (3.0,)), *ROW[1:]),
        (ROW[0], Activation("relu"), ROW[2]),
        (*ROW[:2], Rescale((0.2,))),
        (*ROW[:2], Rescale((1 / 6,), (0.1,))),
        (*ROW[:2], Rescale((1 / 6, 0.1))),
        ROW[1:],
        ROW[2:],
    ],
)
def test_what_is_nearly_one_stays(row):
    assert left(*row) == [str(op) for op in row]


@pytest.mark.parametrize("place", [0, 1])
def test_a_row_whose_parts_are_needed_stays(place):
    build = GraphBuilder("needed", (4, 3, 2))
    values = [INPUT]
    for number, op in enumerate(ROW):
        values.append(build.add(f"n{number}", op, [values[-1]]))
    both = build.add("both", Add(), [values[-1], values[place + 1]])
    for outputs in ({"output": both}, {"output": values[-1], "also": values[place + 1]}):
        graph = build.build(outputs)
        assert gates(graph, {})[0] == graph


def test_the_exported_file_has_one_node_for_it():
    graph = chain((4, 3, 2), GlobalPool(), *ROW)
    model = direct(graph, {})
    assert [node.op_type for node in model.graph.node] == ["GlobalAveragePool", "HardSigmoid"]
    agreement = check(model, graph, {})
    assert agreement.difference <= agreement.bound
