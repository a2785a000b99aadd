"""Every net of the zoo means the same in Keras, in ONNX and in ONNX by way of tf2onnx as in the reference."""

import numpy as np
import onnx
import pytest
from archspec import api, zoo
from archspec.backends.reference import Reference
from archspec.deploy.check import check
from archspec.deploy.deviation import bound, difference
from archspec.deploy.export import direct
from archspec.resolve import open_spec

SAMPLE = [
    "mobilenet_v1:0.25",
    "mobilenet_v2:0.35",
    "mobilenet_v2_notebook",
    "mobilenet_v3:small:0.5",
    "mobilenet_v3:large:minimalistic:0.75",
    "efficientnet:b0",
]
REST = [
    reference
    for name in zoo.names()
    for choice in open_spec(zoo.open_tree(name), zoo.open_tree).samples()
    if (reference := ":".join((name, *choice))) not in SAMPLE
]
ZOO = [*SAMPLE, *(pytest.param(reference, marks=pytest.mark.slow) for reference in REST)]
TOLERANCE = 1e-5


def net(reference):
    graph = api.to_graph(reference)
    return graph, api.arrays(api.UNTRAINED, graph)


@pytest.mark.parametrize("reference", ZOO)
def test_direct_onnx_agrees_with_the_reference(reference):
    graph, weights = net(reference)
    model = direct(graph, weights)
    agreement = check(model, graph, weights)
    assert agreement.difference <= agreement.bound
    assert not [node.op_type for node in model.graph.node if node.op_type == "Transpose"]


@pytest.mark.keras
@pytest.mark.parametrize("reference", ZOO)
def test_keras_and_tf2onnx_agree_with_the_reference(reference):
    from archspec.backends.keras import emit
    from archspec.deploy.tf2onnx import convert

    graph, weights = net(reference)
    images = np.random.default_rng(1).uniform(0, 255, (2, *graph.input)).astype("float32")
    near = Reference(graph, weights)(images)["output"]
    exact = Reference(graph, weights, "float64")(images)["output"]
    allowed = bound(near, exact, TOLERANCE)
    model = emit(graph, weights)
    assert difference(np.array(model(images, training=False)), near) <= allowed
    converted, _ = convert(graph, weights)
    session = _session(converted)
    (found,) = session.run(None, {"input": images.transpose(0, 3, 1, 2)})
    assert difference(found, near) <= allowed


def _session(model: onnx.ModelProto):
    import onnxruntime

    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
