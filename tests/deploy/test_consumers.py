"""Other runtimes than ours load what is exported, and compute what the reference does."""

from functools import partial
from io import BytesIO

import archspec
import numpy as np
import pytest
from archspec import api, artifacts
from archspec.backends.onnx import Form, emit
from archspec.backends.reference import Reference
from archspec.deploy.check import random_images
from archspec.deploy.deviation import bound, difference
from archspec.deploy.tflite import export_tflite
from archspec.ops import Suppression
from archspec.passes.pipeline import deployed
from tests.detectors import as_image, draw, given, listed, slowly, suppressed
from tests.parity import GRAPHS, arrays

# Small images; together they have every block and every kind of op that the zoo has.
NETS = {
    "mobilenet_v2:0.35:96": {},
    "mobilenet_v3:small:0.5": {"input": 64},
    "mobilenet_v4:conv_small": {"input": 64},
    "efficientnet:b0": {"input": [64, 96, 3]},
    "edgenext": {"input": 64},  # layer norm, channel attention, gelu, Fourier positions
    "efficientvit": {"input": 64},  # linear attention
    "mobilevit": {"input": 64},
    "mobilenet_v4:hybrid_medium": {"input": 64},
    "ghostnet_v2": {"input": 64},
    "hgnet_v2": {"input": 64},
    "densenet": {},
    "regnet_y_sgn": {"input": 64},  # group norm, grouped convolutions
    "shufflenet_v2:0.5": {"input": 64},
    "vgg:11": {"input": 64, "scaling.width": 0.0625},
}
FORMS = {
    "opset 13": partial(emit, form=Form(opset=13)),
    "opset 17": partial(emit, form=Form(opset=17)),
    "opset 21": partial(emit, form=Form(opset=21)),
    "mobile": partial(emit, form=Form(target="mobile", batch=1)),
}
"""Name → graph after the passes and its weights → ONNX model."""

TOLERANCE = 1e-5


def net(reference):
    graph = api.to_graph(archspec.load(reference, set=NETS[reference]))
    return graph, artifacts.arrays(artifacts.UNTRAINED, graph)


def openvino(model, images) -> dict[str, np.ndarray]:
    """What OpenVINO computes of (batch, h, w, c), channels last."""
    reason = "OpenVINO is not installed"
    core = pytest.importorskip("openvino", reason=reason).Core()
    read = core.read_model(BytesIO(model.SerializeToString()))
    # Its own choice is bfloat16 where the processor has it.
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    # In their order: an output that is the input bears both names.
    found = {
        info.name: results[output]
        for info, output in zip(model.graph.output, compiled.outputs, strict=True)
    }
    return {
        name: array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
        for name, array in found.items()
    }


def far(found, graph, weights, images) -> dict[str, float]:
    """The outputs that are further from the reference than they may be, and by how much."""
    near = Reference(graph, weights)(images)
    exact = Reference(graph, weights, "float64")(images)
    gaps = {name: difference(found[name], near[name]) for name in near}
    return {
        name: gap for name, gap in gaps.items() if gap > bound(near[name], exact[name], TOLERANCE)
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reference", NETS)
def test_openvino_agrees_with_the_reference(reference, form):
    graph, weights = net(reference)
    images = random_images(graph, weights)[: 1 if form == "mobile" else 2]
    found = openvino(FORMS[form](*deployed(graph, weights)), images)
    assert far(found, graph, weights, images) == {}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_openvino_knows_every_op(form):
    for name, graph in GRAPHS.items():
        weights = arrays(graph)
        images = random_images(graph, weights)[: 1 if form == "mobile" else 2]
        found = openvino(FORMS[form](graph, weights), images)
        assert far(found, graph, weights, images) == {}, name


@pytest.mark.parametrize(
    "limits", [Suppression(0.2, 0.4), Suppression(0.1, 0.3, 4, 20, 6), Suppression(1.0)]
)
def test_openvino_suppresses_the_same_boxes(limits):
    boxes, scores = draw(3, 2, 30, 4)
    model = emit(suppressed(given(30, 4), limits), {})
    assert listed(openvino(model, as_image(boxes, scores))) == slowly(boxes, scores, limits)


@pytest.mark.keras
@pytest.mark.parametrize("reference", ["mobilenet_v2:0.35:96", "mobilenet_v3:small:0.5"])
def test_litert_agrees_with_the_reference(reference, tmp_path):
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="LiteRT is not installed")
    graph, weights = net(reference)
    path = tmp_path / "net.tflite"
    export_tflite(graph, weights, path, check=False)
    images = random_images(graph, weights)[:1]
    run = litert.Interpreter(str(path)).get_signature_runner("serving_default")
    assert far(run(input=images), graph, weights, images) == {}
