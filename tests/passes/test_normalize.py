import numpy as np
import pytest
from archspec.backends.reference import emit
from archspec.errors import SpecError
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import Activation, Convolution
from archspec.passes.normalize import normalize
from archspec.spec import Normalization
from tests.parity import arrays, chain

IMAGENET = Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
CAFFE = Normalization(mean=(103.939, 116.779, 123.68), scale=1.0, order="bgr")


@pytest.mark.parametrize("how", [Normalization(), Normalization((0.5,), (0.5,)), IMAGENET, CAFFE])
def test_pixels_give_what_normalized_images_gave(how):
    graph = chain((5, 4, 3), Convolution((3, 3), channels=4), Activation("relu"))
    weights = arrays(graph, dtype="float64")
    pixels = np.random.default_rng(0).integers(0, 256, (2, *graph.input)).astype(np.float64)
    ordered = pixels[..., ::-1] if how.order == "bgr" else pixels
    normal = (ordered / how.scale - np.array(how.mean)) / np.array(how.std)
    expected = emit(graph, weights, "float64")(normal)["output"]
    actual = emit(*normalize(graph, weights, how), "float64")(pixels)["output"]
    assert np.abs(actual - expected).max() <= 1e-12 * expected.std()


def test_the_input_has_one_reader_then():
    build = GraphBuilder("net", (4, 4, 3))
    build.add("a", Activation("relu"), [INPUT])
    graph = build.build({"a": "a", "image": INPUT})
    after, _ = normalize(graph, {}, IMAGENET)
    assert [(node.name, node.inputs) for node in after.nodes] == [
        ("normalization", (INPUT,)),
        ("a", ("normalization",)),
    ]
    assert after.outputs == {"a": "a", "image": "normalization"}


@pytest.mark.parametrize(
    ("image", "ops", "how", "message"),
    [
        ((4, 4, 1), [Activation("relu")], IMAGENET, "RGB, chain takes 1 channels"),
        ((4, 4, 4), [Convolution((1, 1))], CAFFE, "RGB, chain takes 4 channels"),
        (
            (4, 4, 3),
            [Activation("relu")],
            CAFFE,
            "BGR, but the image is read by 'n0', which is no plain convolution",
        ),
        (
            (4, 4, 3),
            [Convolution((3, 3), channels=3, groups=3)],
            CAFFE,
            "BGR, but the image is read by 'n0', which is no plain convolution",
        ),
    ],
)
def test_a_normalization_that_does_not_fit_is_refused(image, ops, how, message):
    graph = chain(image, *ops)
    with pytest.raises(SpecError) as caught:
        normalize(graph, arrays(graph), how)
    assert str(caught.value) == f"E418 the normalization is of {message}"


def test_one_number_goes_for_any_count_of_channels():
    graph = chain((4, 4, 1), Activation("relu"))
    after, _ = normalize(graph, {}, Normalization((0.5,), (0.5,)))
    assert after.nodes[0].op.scale == (1 / 127.5,)
