"""What a file may look like: each form is valid, and computes the same."""

from dataclasses import replace
from itertools import product

import numpy as np
import onnx
import pytest
from archspec.backends.onnx import OPSETS, Form, emit
from archspec.deploy.check import check, random_images
from archspec.deploy.deviation import deviations
from archspec.deploy.export import direct
from archspec.deploy.runtime import Runtime
from archspec.errors import SpecError
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import (
    Activation,
    Attention,
    ChannelConvolution,
    Concat,
    Convolution,
    Dense,
    Flatten,
    FourierPositions,
    GlobalPool,
    LayerNorm,
    LinearAttention,
    Pool,
    Resize,
    Shuffle,
    UnitNorm,
)
from tests.deploy.nets import net, shapes
from tests.parity import GRAPHS, arrays, chain

FIXED = (
    Attention,  # in patches
    ChannelConvolution,  # of what is no image
    FourierPositions,
    Flatten,
    Convolution,  # with padding `ceil`
    Pool,
)
"""Ops of which some ways depend on the size of the image."""


def kinds(model) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("opset", [13, 17, OPSETS[-1]])
def test_every_op_goes_with_images_of_any_size_or_says_that_it_does_not(name, opset):
    graph, form = GRAPHS[name], Form(opset=opset, any_size=True)
    weights = arrays(graph)
    try:
        model = emit(graph, weights, form)
    except SpecError as reason:
        (problem,) = reason.diagnostics
        assert problem.code == "E416"
        assert any(isinstance(node.op, FIXED) for node in graph.nodes), problem.message
        return
    agreement = check(model, graph, weights, form)
    assert agreement.difference <= agreement.bound
    assert agreement.sizes[0] == graph.input[:2]


def test_images_of_any_size_are_tried_at_odd_and_oblong_ones():
    graph = chain((12, 12, 3), Convolution((3, 3), 2, channels=4), Pool((3, 3), 2))
    form = Form(any_size=True)
    model = emit(graph, arrays(graph), form)
    assert shapes(model.graph.input) == {"input": ["batch", 3, "height", "width"]}
    assert shapes(model.graph.output) == {"output": ["batch", 4, "output_height", "output_width"]}
    assert check(model, graph, arrays(graph), form).sizes == ((12, 12), (13, 13), (45, 14))


def test_what_is_one_pixel_whatever_the_image_may_be_flattened():
    build = GraphBuilder("net", (8, 8, 3))
    value = build.add("conv", Convolution((8, 8), 8, channels=4), [INPUT])  # one pixel of 8 by 8
    value = build.add("pool", GlobalPool(), [value])
    value = build.add("flat", Flatten(), [value])
    graph = build.build({"output": build.add("dense", Dense(3), [value])})
    form = Form(any_size=True)
    assert check(emit(graph, arrays(graph), form), graph, arrays(graph), form).outputs == 1


@pytest.mark.parametrize(
    ("image", "ops", "what"),
    [
        ((4, 4, 3), [Flatten()], "n0: flatten makes a vector of an image"),
        ((1, 1, 3), [Flatten()], "n0: flatten makes a vector of an image"),
        (
            (9, 9, 3),
            [Convolution((3, 3), 2, "ceil")],
            "n0: convolution pads by the size of the image",
        ),
        (
            (9, 9, 3),
            [Pool((3, 3), 2, "same", count_padding=True)],
            "n0: pool pads by the size of the image",
        ),
        ((9, 9, 3), [Convolution((3, 3), 4)], "n0: convolution pads by the size of the image"),
        (
            (9, 9, 3),
            [Convolution((3, 3), 2, "same", 2)],
            "n0: convolution pads by the size of the image",
        ),
        (
            (1, 1, 4),
            [ChannelConvolution(3)],
            "chain takes no images of another size: a channel convolution needs (1, 1, c), not"
            " [2, 2, 4]",
        ),
        ((4, 4, 8), [FourierPositions(2)], "n0: fourier_positions has constants for each pixel"),
    ],
)
def test_what_depends_on_the_size_is_refused_where_it_may_be_any(image, ops, what):
    graph = chain(image, *ops)
    with pytest.raises(SpecError) as caught:
        emit(graph, arrays(graph), Form(any_size=True))
    assert str(caught.value) == f"E416 {what}\n   leave out '--size dynamic'"


def test_a_shuffle_and_a_resize_follow_the_image():
    build = GraphBuilder("net", (8, 8, 4))
    small = build.add("small", Pool((2, 2), 2, "ceil"), [INPUT])
    small = build.add("shuffle", Shuffle(2), [small])
    graph = build.build({"output": build.add("large", Resize("bilinear"), [small, INPUT])})
    form = Form(any_size=True)
    model = emit(graph, {}, form)
    assert kinds(model) == [
        "MaxPool", "Gather", "Shape", "Slice", "Shape", "Slice", "Concat", "Resize",
    ]  # fmt: skip
    assert check(model, graph, {}, form).sizes == ((8, 8), (9, 9), (41, 10))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_an_image_may_become_so_many_times_as_large(mode):
    graph = chain((8, 6, 3), Pool((2, 2), 2), Resize(mode, factor=(2, 3)))
    form = Form(any_size=True)
    model = emit(graph, {}, form)
    assert kinds(model) == ["MaxPool", "Resize"]
    assert shapes(model.graph.output) == {"output": ["batch", 3, "output_height", "output_width"]}
    assert check(model, graph, {}, form).sizes == ((8, 6), (9, 7), (41, 8))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_one_pixel_gets_as_large_as_the_image_is(mode):
    build = GraphBuilder("net", (8, 6, 3))
    pixel = build.add("pixel", GlobalPool(), [INPUT])
    large = build.add("large", Resize(mode), [pixel, INPUT])
    graph = build.build({"output": build.add("both", Concat(), [INPUT, large])})
    form = Form(any_size=True)
    assert check(emit(graph, {}, form), graph, {}, form).sizes == ((8, 6), (9, 7), (41, 8))


@pytest.mark.parametrize(
    ("layout", "precision", "pixels", "batch"),
    list(product(("nchw", "nhwc"), ("fp32", "fp16"), (False, True), (None, 2))),
)
def test_layout_precision_and_type_of_the_input(layout, precision, pixels, batch):
    graph, form = net(), Form(layout=layout, precision=precision, pixels=pixels, batch=batch)
    weights = arrays(graph)
    model = direct(graph, weights, form)
    first = batch or "batch"
    image, features = ([3, 8, 9], [4, 4, 5]) if layout == "nchw" else ([8, 9, 3], [4, 5, 4])
    assert shapes(model.graph.input) == {"input": [first, *image]}
    assert shapes(model.graph.output) == {"logits": [first, 5], "features": [first, *features]}
    types = {info.type.tensor_type.elem_type for info in model.graph.output}
    assert types == {onnx.TensorProto.FLOAT}
    (kind,) = (info.type.tensor_type.elem_type for info in model.graph.input)
    assert kind == (onnx.TensorProto.UINT8 if pixels else onnx.TensorProto.FLOAT)
    stored = {
        tensor.data_type for tensor in model.graph.initializer if "constant" not in tensor.name
    }
    assert stored == {onnx.TensorProto.FLOAT16 if precision == "fp16" else onnx.TensorProto.FLOAT}
    agreement = check(model, graph, weights, form)
    assert agreement.batches == ((2,) if batch else (1, 3))
    assert agreement.difference <= agreement.bound <= {"fp32": 1e-5, "fp16": 5e-2}[precision]


@pytest.mark.parametrize("form", [Form(layout="nhwc"), Form(layout="nhwc", precision="fp16")])
def test_the_channels_are_moved_once_at_the_input_and_once_at_each_output_that_is_an_image(form):
    graph = net()
    model = direct(graph, arrays(graph), form)
    turned = [node.name for node in model.graph.node if node.op_type == "Transpose"]
    assert turned == ["input/Transpose", "features/Transpose"]


@pytest.mark.parametrize("name", [name for name in GRAPHS if name != "nothing"][::9])
def test_every_value_of_another_form_has_the_shape_and_type_that_onnx_infers(name):
    graph = GRAPHS[name]
    form = Form(layout="nhwc", precision="fp16", pixels=True, batch=2)
    model = emit(graph, arrays(graph), form)
    said = {info.name: info for info in [*model.graph.value_info, *model.graph.output]}
    del model.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    found = {info.name: info for info in [*inferred.graph.value_info, *inferred.graph.output]}
    assert found == said


def test_the_node_that_diverges_is_found_in_every_form():
    graph = net()
    for form in (Form(layout="nhwc"), Form(precision="fp16"), Form(any_size=True)):
        model = direct(graph, arrays(graph), form)
        for tensor in model.graph.initializer:
            if tensor.name == "s1.conv/kernel":
                array = -onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        with pytest.raises(SpecError, match=r"the first node that diverges is 's1\.conv'"):
            check(model, graph, arrays(graph), form)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_an_output_may_be_turned_whose_own_node_turns_as_well(precision):
    graph = replace(
        chain((4, 6, 3), LayerNorm(), Pool((2, 2), 2)), outputs={"n0": "n0", "n1": "n1"}
    )
    form = Form(layout="nhwc", precision=precision)
    model = emit(graph, arrays(graph), form)
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    assert check(model, graph, arrays(graph), form).outputs == 2


@pytest.mark.parametrize("op", [UnitNorm(), LinearAttention(1, 1e-15)])
@pytest.mark.parametrize("any_size", [False, True])
def test_nothing_is_divided_by_zero_in_fp16(op, any_size):
    graph = chain((4, 4, 6), op)
    form = Form(precision="fp16", any_size=any_size)
    runtime = Runtime(emit(graph, {}, form), form)
    assert not runtime(np.zeros((1, 4, 4, 6)))["output"].any()


def test_values_too_large_for_fp16_are_said_to_be():
    graph = chain((2, 2, 3), Activation("relu"), Convolution((1, 1), channels=3))
    weights = {"n1/kernel": np.full((1, 1, 3, 3), 60000, np.float32)}
    form = Form(precision="fp16")
    with pytest.raises(SpecError) as caught:
        check(emit(graph, weights, form), graph, weights, form)
    assert str(caught.value) == (
        "E422 output 'output' is not finite for a random image in fp16; the first value that is not"
        " is of 'n1'\n   values over 65504 are too large for it; leave out '--precision fp16'"
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_onnx_runtime_does_not_round_inside_is_not_blamed(seed):
    graph = chain((1, 1, 16), Flatten(), Dense(channels=1000), Activation("softmax"))
    weights = arrays(graph, seed=seed)
    weights["n1/kernel"] *= 5  # logits up to 16: rounded, they move what comes of them by 0.4 %
    form = Form(precision="fp16")
    images = random_images(graph, weights, form)
    found = deviations(direct(graph, weights, form), graph, weights, images, form)
    assert [one.node.name for one in found][-1] == "n2"
    assert not any(one.is_over for one in found)
