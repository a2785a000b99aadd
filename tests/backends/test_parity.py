import pytest
from archspec import ops
from archspec.backends import onnx, reference
from archspec.deploy.check import check
from tests.parity import GRAPHS, arrays

USED = {type(node.op) for graph in GRAPHS.values() for node in graph.nodes}


@pytest.mark.parametrize(
    "rules", [onnx.RULES, reference.RULES, USED], ids=["onnx", "reference", "parity"]
)
def test_every_op_has_a_rule_and_a_row(rules):
    wanted = ops.ALL if rules is USED else (*ops.ALL, *ops.SUPPRESSING)
    assert {op.__name__ for op in wanted if op not in rules} == set()
    assert len(rules) == len(wanted)


@pytest.mark.parametrize("opset", [13, 17, onnx.OPSETS[-1]])
@pytest.mark.parametrize("name", GRAPHS)
def test_onnx_runtime_computes_what_the_reference_does(name, opset):
    graph = GRAPHS[name]
    weights = arrays(graph)
    agreement = check(onnx.emit(graph, weights, onnx.Form(opset=opset)), graph, weights)
    assert agreement.difference <= 1e-5
