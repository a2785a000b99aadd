"""Every net of the zoo means the same in Keras, in ONNX and in ONNX by way of tf2onnx as in the reference."""

import archspec
import numpy as np
import pytest
from archspec import api, artifacts, zoo
from archspec.backends.reference import Reference
from archspec.deploy.check import check
from archspec.deploy.deviation import bound, difference
from archspec.deploy.export import direct
from archspec.deploy.runtime import Runtime
from archspec.errors import SpecError
from archspec.graph import INPUT
from archspec.ops import Rescale, Rows
from tests import choices, test_vectors

# Small nets, or what of a large one has its blocks.
SETTINGS = {
    "mobilenet_v1:0.25:128": {},
    "mobilenet_v2_notebook": {"input": 96},
    "mobilenet_v3:small:0.5": {},
    "efficientnet:b0": {"input": [64, 96, 3]},
    "vgg:11": {"input": 64, "scaling.width": 0.0625},
    "ssdlite_mobilenet_v3_small:voc20": {"input": [64, 96, 3]},
    "lraspp_mobilenet_v3_small": {"input": [64, 96, 3]},
    "deeplabv3plus_mobilenet_v2": {"input": [65, 97, 3], "scaling.width": 0.35},
}
# Nets for large images, of which a few pixels are enough.
LARGE = {
    "deeplabv3_mobilenet_v2": {"input": 97},
    "deeplabv3_mobilenet_v3_large": {"input": 97},
    "deeplabv3_resnet101": {"input": 97},
    "deeplabv3_resnet50": {"input": 97},
    "fcn_resnet101": {"input": 97},
    "fcn_resnet50": {"input": 97},
    "lraspp_mobilenet_v3_large": {"input": 97},
}
ZOO = dict.fromkeys([*SETTINGS, *(choices.of(name)[0] for name in zoo.names())])
# Random weights let the rounding of these grow until nothing can be said of LiteRT.
BEYOND_LITERT = {"ghostnet_v2", "starnet"}
TOLERANCE = 1e-5
ROUNDS_MORE = 1e-4
"""A norm over a whole image, which ONNX Runtime sums without care where it is written in parts."""


def net(reference):
    graph = api.to_graph(archspec.load(reference, set={**SETTINGS, **LARGE}.get(reference)))
    return graph, artifacts.arrays(artifacts.UNTRAINED, graph)


@pytest.mark.parametrize("reference", choices.all_but(SETTINGS, ZOO))
def test_direct_onnx_agrees_with_the_reference(reference):
    graph, weights = net(reference)
    agreement = check(direct(graph, weights), graph, weights)
    assert agreement.difference <= agreement.bound


@pytest.mark.parametrize("reference", SETTINGS)
def test_an_onnx_file_has_no_transpose_but_for_predictions_of_as_many_channels(reference):
    graph, weights = net(reference)
    model = direct(graph, weights)
    predicted = [
        {graph.shapes[name][-1] for name in node.inputs}
        for node in graph.nodes
        if isinstance(node.op, Rows)
    ]
    transposed = [node for node in model.graph.node if node.op_type == "Transpose"]
    assert len(transposed) == sum(map(len, predicted))


@pytest.mark.keras
@pytest.mark.parametrize("reference", choices.all_but(SETTINGS, ZOO))
def test_keras_agrees_with_the_reference(reference):
    from archspec.backends.keras import emit

    graph, weights = net(reference)
    images, wanted = known(graph, weights)
    found = emit(graph, weights)(images, training=False)
    for name, (expected, allowed) in wanted.items():
        values = found[name] if isinstance(found, dict) else found
        assert difference(np.array(values), expected) <= allowed


@pytest.mark.keras
@pytest.mark.parametrize("reference", choices.all_but({"mobilenet_v3:small:0.5"}, ZOO))
def test_onnx_by_way_of_tf2onnx_agrees_with_keras_and_the_reference(reference):
    from archspec.deploy.tf2onnx import convert

    graph, weights = net(reference)
    images, wanted = known(graph, weights)
    model, keras = convert(graph, weights)
    found = Runtime(model)(images)
    for name, (expected, allowed) in wanted.items():
        assert difference(found[name], expected) <= max(allowed, ROUNDS_MORE)
    agreement = keras.agree(model)
    assert agreement.difference <= agreement.bound <= 3e-4


@pytest.mark.keras
@pytest.mark.parametrize("reference", choices.all_but({"mobilenet_v3:small:0.5"}, ZOO))
def test_litert_agrees_with_the_reference(reference, tmp_path):
    from archspec.deploy.tflite import export_tflite

    path = tmp_path / "net.tflite"
    if reference in BEYOND_LITERT:
        with pytest.raises(SpecError, match="E468"):
            export_tflite(*net(reference), path)
    else:
        agreement = export_tflite(*net(reference), path).agreement
        assert agreement.difference <= agreement.bound <= 0.1


def known(graph, weights) -> tuple:
    """Two images, and for each output what the reference gives and how far another may be from it."""
    generator, size = np.random.default_rng(1), (2, *graph.input)
    # Pixels as they are stored where the net rescales them, else as they are after that.
    pixels = any(isinstance(node.op, Rescale) for node in graph.readers[INPUT])
    images = generator.uniform(0, 255, size) if pixels else generator.standard_normal(size)
    images = images.astype("float32")
    near = Reference(graph, weights)(images)
    exact = Reference(graph, weights, "float64")(images)
    return images, {name: (near[name], bound(near[name], exact[name], TOLERANCE)) for name in near}


def test_every_block_stands_in_a_net_that_keras_is_compared_with_by_default():
    named = choices.named()
    specs = [archspec.load(named[other]) for other in test_vectors.KERAS]
    specs += [archspec.load(name, set=said) for name, said in SETTINGS.items()]
    assert {row.block for spec in specs for row in spec} == set(archspec.BLOCKS)
