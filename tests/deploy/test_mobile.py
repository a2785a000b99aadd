"""The form for phones: what ONNX Runtime's own checker says of it, and that it means the same."""

from dataclasses import replace

import archspec
import onnx
import pytest
from archspec import api, artifacts
from archspec.backends.onnx import OPSETS, Form, emit
from archspec.deploy.check import check
from archspec.deploy.export import direct
from archspec.errors import SpecError
from archspec.graph import Graph
from archspec.ops import Activation, Add, BatchNorm, GroupNorm, LayerNorm, Pool
from onnxruntime.tools.mobile_helpers import usability_checker
from onnxruntime.tools.onnx_model_utils import ModelProtoWithShapeInfo, optimize_model
from tests.deploy.nets import shapes
from tests.parity import GRAPHS, arrays, chain

NETS = ("mobilenet_v2", "mobilenet_v3:small", "mobilenet_v3:large")
FORMATS = ("nnapi", "coreml_supported_neuralnetwork_ops.md", "coreml_supported_mlprogram_ops.md")

OTHERS = (
    "lcnet",  # gates of hard sigmoids
    "starnet",  # batch norm that cannot be folded
    "hgnet_v2",  # a max pool that counts zeros
    "regnet_y_sgn",  # group norm
)
OWN = (Activation, Add, BatchNorm, GroupNorm, LayerNorm, Pool)
"""Ops that have a form for phones."""


MOBILE = Form(target="mobile", batch=1)


def mobile(reference: str, form: Form = MOBILE):
    graph = api.to_graph(reference)
    return direct(graph, artifacts.arrays(artifacts.UNTRAINED, graph), form)


def partitions(model, folder) -> dict[str, tuple[int, set[str], int]]:
    """As `python -m onnxruntime.tools.check_onnx_model_mobile_usability`: partitions, operators
    that are not supported, and nodes that are not."""
    given, optimized = folder / "given.onnx", folder / "optimized.onnx"
    given.write_bytes(model.SerializeToString())
    optimize_model(given, optimized, use_external_initializers=True)
    shaped = ModelProtoWithShapeInfo(optimized).model_with_shape_info
    nnapi, *coreml = FORMATS
    found = {
        nnapi: usability_checker.check_nnapi_partitions(shaped, require_fixed_input_sizes=True)
    }
    for name in coreml:
        found[name] = usability_checker.check_coreml_partitions(
            shaped, require_fixed_input_sizes=True, config_filename=name
        )
    return {
        name: (info.num_partitions, info.unsupported_ops, info.num_nodes - info.num_supported_nodes)
        for name, info in found.items()
    }


@pytest.mark.parametrize("reference", [*NETS, *OTHERS])
def test_a_phone_runs_a_net_in_one_partition(reference, tmp_path):
    assert partitions(mobile(reference), tmp_path) == dict.fromkeys(FORMATS, (1, set(), 0))


@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_the_opset_may_be_any(opset, tmp_path):
    model = mobile("mobilenet_v3:small", replace(MOBILE, opset=opset))
    assert partitions(model, tmp_path) == dict.fromkeys(FORMATS, (1, set(), 0))


def test_the_form_for_any_runtime_is_cut_in_many(tmp_path):
    model = mobile("mobilenet_v3:small", Form(batch=1))
    assert partitions(model, tmp_path)["nnapi"][1] == {"ai.onnx:HardSigmoid"}


@pytest.mark.parametrize("reference", NETS)
def test_a_net_means_the_same(reference):
    graph = api.to_graph(archspec.load(reference, input=96))
    weights = artifacts.arrays(artifacts.UNTRAINED, graph)
    agreement = check(direct(graph, weights, MOBILE), graph, weights, MOBILE)
    assert agreement.batches == (1,)
    assert agreement.difference <= agreement.bound == 1e-5


def own(graph: Graph) -> bool:
    return any(isinstance(node.op, OWN) for node in graph.nodes)


@pytest.mark.parametrize("opset", [13, 17, OPSETS[-1]])
def test_every_form_of_an_op_means_the_same(opset):
    for name, graph in GRAPHS.items():
        if own(graph):
            weights = arrays(graph)
            model = emit(graph, weights, replace(MOBILE, opset=opset))
            agreement = check(model, graph, weights)
            assert agreement.difference <= agreement.bound <= 1e-4, name


def test_the_batch_is_one_unless_it_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    graph = "mobilenet_v2:0.35:96"
    for said, found in (({}, 1), ({"batch": 2}, 2)):
        archspec.export(graph, "net.onnx", target="mobile", check=False, **said)
        assert shapes(onnx.load("net.onnx").graph.input) == {"input": [found, 3, 96, 96]}


def test_hard_swish_is_four_nodes_that_share_their_constants():
    graph = chain((4, 5, 3), Activation("hard_swish"), Activation("hard_sigmoid"))
    model = emit(graph, {}, MOBILE)
    assert [node.op_type for node in model.graph.node] == [
        "Add", "Clip", "Mul", "Mul", "Add", "Clip", "Mul",
    ]  # fmt: skip
    assert len(model.graph.initializer) == 4


def test_a_target_that_is_not_there_is_refused():
    with pytest.raises(SpecError) as caught:
        Form(target="mobil", batch=1)
    assert str(caught.value) == "E414 there is no target 'mobil'\n   did you mean 'mobile'?"


@pytest.mark.parametrize("said", [{}, {"batch": 1, "any_size": True}])
def test_nothing_is_dynamic_on_a_phone(said):
    with pytest.raises(SpecError) as caught:
        Form(target="mobile", **said)
    assert str(caught.value) == (
        "E424 the target 'mobile' has one batch and one size\n   leave out what is dynamic"
    )
