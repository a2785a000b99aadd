"""Files with suppression: cut, checked part by part, put together again; int8; by way of tf2onnx."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from archspec.backends.onnx import OPSETS, Form, emit
from archspec.backends.reference import emit as mean
from archspec.deploy.check import check
from archspec.deploy.detections import join, split
from archspec.deploy.detections.check import meaning
from archspec.deploy.export import Quantization, direct, export
from archspec.deploy.quantize import read_images
from archspec.deploy.runtime import Runtime, Session
from archspec.errors import SpecError
from archspec.ops import Suppression
from onnx import numpy_helper
from tests.detectors import detector, listed, slowly, suppressed
from tests.parity import arrays, images

LIMITS = Suppression(0.3, 0.5, per_class=3, total=7)


def changed(model: onnx.ModelProto, name: str, value: float) -> onnx.ModelProto:
    """The model with another number for a constant."""
    held = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    array = np.full_like(numpy_helper.to_array(held), value)
    held.CopyFrom(numpy_helper.from_array(array, name))
    return model


def refusal(model: onnx.ModelProto, graph, weights) -> str:
    with pytest.raises(SpecError) as caught:
        check(model, graph, weights)
    return str(caught.value)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("batch", [None, 1, 4])
def test_boxes_and_scores_are_near_and_detections_of_drawn_ones_are_equal(precision, batch):
    form = Form(precision=precision, batch=batch)
    for limits in (LIMITS, Suppression(candidates=5), Suppression(0.99)):
        graph = suppressed(detector(), limits)
        weights = arrays(graph)
        agreement = check(direct(graph, weights, form), graph, weights, form)
        assert agreement.suppressed == 4
        assert agreement.outputs == 2
        assert agreement.difference <= agreement.bound


def test_a_file_gives_what_a_slow_suppression_leaves_of_its_own_boxes():
    net = detector()
    graph, weights = suppressed(net, LIMITS), arrays(net)
    given = images(net, 3).astype(np.float32)
    before = mean(net, weights)(given)
    found = Runtime(direct(graph, weights))(given)
    wanted = slowly(before["boxes"], before["scores"], LIMITS)
    assert [image["classes"] for image in listed(found)] == [image["classes"] for image in wanted]
    for name in ("boxes", "scores"):
        pairs = zip(listed(found), wanted, strict=True)
        assert all(np.allclose(own[name], other[name], atol=1e-6) for own, other in pairs)


@pytest.mark.parametrize(
    ("constant", "value"),
    [("constant/single[0.5]", 0.6), ("constant/single[0.3]", 0.35), ("constant/[3]", 2)],
)
def test_a_file_that_suppresses_otherwise_is_refused(constant, value):
    graph = suppressed(detector(), LIMITS)
    weights = arrays(graph)
    model = changed(direct(graph, weights), constant, value)
    assert refusal(model, graph, weights) == (
        "E423 output 'boxes' is not what suppression of boxes gives"
    )


def test_a_file_with_other_boxes_is_refused():
    graph = suppressed(detector(), LIMITS)
    weights = arrays(graph)
    model = changed(direct(graph, weights), "net.boxes/center", 0.4)
    assert refusal(model, graph, weights) == (
        "E423 ONNX Runtime is 1.5e+00 standard deviations of output 'net.boxes' away from the"
        " reference, more than 1.0e-05; the first node that diverges is 'net.boxes', by 1.5e+00"
    )


def test_a_model_is_cut_at_boxes_and_scores_and_joined_again():
    graph = suppressed(
        replace(detector(), outputs={**detector().outputs, "more": "net.conv"}), LIMITS
    )
    weights = arrays(graph)
    model = direct(graph, weights)
    parts = split(model, graph)
    assert [output.name for output in parts.front.graph.output] == [
        "net.boxes",
        "net.scores",
        "more",
    ]
    assert [value.name for value in parts.tail.graph.input] == ["net.boxes", "net.scores"]
    assert [output.name for output in parts.tail.graph.output] == [
        "boxes", "scores", "classes", "num_detections",
    ]  # fmt: skip
    assert len(parts.front.graph.node) + len(parts.tail.graph.node) == len(model.graph.node)
    again = join(parts.front, parts.tail, [output.name for output in model.graph.output])
    onnx.checker.check_model(again, full_check=True)
    assert [node.name for node in again.graph.node] == [node.name for node in model.graph.node]
    given = images(graph, 3).astype(np.float32)
    ours, theirs = Runtime(model)(given), Runtime(again)(given)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_every_value_says_its_type_and_its_shape_as_far_as_it_has_one():
    graph = suppressed(detector(), LIMITS)
    model = emit(graph, arrays(graph), Form(precision="fp16", batch=2))
    infos = [*model.graph.value_info, *model.graph.output]
    values = [value for node in model.graph.node for value in node.output]
    assert sorted(info.name for info in infos) == sorted(values)
    kinds = {info.name: info.type.tensor_type.elem_type for info in infos}
    sides = {
        info.name: [size.dim_value for size in info.type.tensor_type.shape.dim] for info in infos
    }
    assert kinds["net.boxes"] == kinds["net.scores"] == onnx.TensorProto.FLOAT16
    assert kinds["detections.picks"] == onnx.TensorProto.INT64
    assert kinds["boxes"] == kinds["detections.picks/GatherND"] == onnx.TensorProto.FLOAT
    assert sides["detections.picks"] == [2, 7, 2]
    assert sides["num_detections"] == [2]
    assert sides["detections.picks/NonMaxSuppression"] == [0, 3]  # as many as there are


@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_a_file_is_written_once_it_is_checked(opset, tmp_path):
    graph = suppressed(detector(), LIMITS)
    exported = export(graph, arrays(graph), tmp_path / "net.onnx", Form(opset=opset))
    assert exported.agreement is not None
    assert exported.agreement.suppressed == 4
    again = export(graph, arrays(graph), tmp_path / "again.onnx", Form(opset=opset))
    assert again.sha256 == exported.sha256


def test_weights_beside_a_file_do_not_matter_to_suppression(tmp_path):
    graph = suppressed(detector(), LIMITS)
    exported = export(graph, arrays(graph), tmp_path / "net.onnx", external_data=True)
    assert exported.agreement is not None
    assert exported.agreement.suppressed == 4


def test_int8_ends_where_predictions_become_rows(tmp_path):
    graph = suppressed(detector(), LIMITS)
    np.save(tmp_path / "images.npy", images(graph, 12).astype(np.float32))
    read = read_images(tmp_path / "images.npy", (6, 4, 3), None)
    exported = export(
        graph, arrays(graph), tmp_path / "net.onnx", quantization=Quantization(read, "input")
    )
    assert exported.figures is not None
    assert {one.output for one in exported.figures.differences} == {"net.boxes", "net.scores"}
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [output.name for output in model.graph.output] == [*graph.outputs]
    kinds = [node.op_type for node in model.graph.node]
    last = max(place for place, kind in enumerate(kinds) if kind == "DequantizeLinear")
    assert {"Conv"} == {kind for kind in kinds[:last] if kind in {"Conv", "Exp", "Sigmoid", "TopK"}}
    found = Session(model.SerializeToString()).run(
        {"input": images(graph, 2).astype(np.float32).transpose(0, 3, 1, 2)}
    )
    assert [array.shape for array in found] == [(2, 7, 4), (2, 7), (2, 7), (2,)]


@pytest.mark.keras
@pytest.mark.parametrize("convention", ["default", "tf_od"])
@pytest.mark.parametrize("limits", [LIMITS, Suppression(0.2, 0.4, total=200, candidates=5)])
def test_tf2onnx_gives_the_same_detections(convention, limits, tmp_path):
    pytest.importorskip("tf2onnx")
    graph = suppressed(detector(), limits, convention)
    weights = arrays(graph)
    theirs = export(graph, weights, tmp_path / "theirs.onnx", via="tf2onnx")
    ours = export(graph, weights, tmp_path / "ours.onnx")
    assert theirs.agreement is not None
    assert theirs.agreement.suppressed == 4
    given = images(graph, 4).astype(np.float32)
    models = [onnx.load(one.path) for one in (ours, theirs)]
    found = [Runtime(model)(given) for model in models]
    for name, wanted in found[0].items():
        assert found[1][name].dtype == wanted.dtype
        assert np.abs(found[1][name] - wanted).max() <= 1e-6, name
    assert [str(output.type) for output in models[0].graph.output] == [
        str(output.type) for output in models[1].graph.output
    ]


@pytest.mark.keras
def test_tf2onnx_gives_the_same_bytes_and_no_other_suppression_passes(tmp_path):
    pytest.importorskip("tf2onnx")
    graph = suppressed(detector(), LIMITS)
    first, second = (
        export(graph, arrays(graph), tmp_path / f"{name}.onnx", Form(batch=2), via="tf2onnx")
        for name in ("a", "b")
    )
    assert first.sha256 == second.sha256
    from archspec.deploy.tf2onnx import convert

    other = suppressed(detector(), replace(LIMITS, iou=0.9))
    model, truth = convert(other, arrays(graph))
    with pytest.raises(SpecError) as caught:
        replace(truth, parts=truth.parts._replace(whole=graph)).agree(model)
    assert str(caught.value) == "E423 output 'boxes' is not what suppression of boxes gives"


def test_what_the_reference_makes_of_boxes_is_what_it_makes_in_the_graph():
    net = detector()
    graph, weights = suppressed(net, LIMITS), arrays(net)
    given = images(net, 3).astype(np.float32)
    before = mean(net, weights)(given)
    whole, part = mean(graph, weights)(given), meaning(graph, before["boxes"], before["scores"])
    assert whole.keys() == part.keys()
    assert all(np.array_equal(whole[name], part[name]) for name in whole)
