from dataclasses import replace
from math import erf, exp, log1p, pi, sqrt, tanh

import numpy as np
import pytest
from archspec.backends.reference import RULES, emit
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import (
    FUNCTIONS,
    Activation,
    Add,
    BatchNorm,
    Blur,
    ChannelConvolution,
    Convolution,
    Dense,
    Flatten,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    PixelNorm,
    Pool,
    Rescale,
    Resize,
    ResponseNorm,
    Scale,
    ShapeError,
    Shuffle,
    Standardize,
    Window,
)
from hypothesis import given
from hypothesis import strategies as st
from tests.parity import PADDINGS, arrays, chain, images


def convolution_by_hand(op, image, kernel, bias):
    """One output value after the other, from the definition; (h, w, c) in and out."""
    height, width, channels = image.shape
    (top, _), (left, _) = op.pads(image.shape)
    out = np.zeros((*op.slide(image.shape), op.channels))
    depth, many = channels // op.groups, op.channels // op.groups
    for y, x, o in np.ndindex(out.shape):
        for i, j, k in np.ndindex(*op.kernel, depth):
            row = y * op.stride + i * op.dilation - top
            column = x * op.stride + j * op.dilation - left
            if 0 <= row < height and 0 <= column < width:
                channel = o // many * depth + k
                depthwise = op.depthwise(image.shape)
                factor = kernel[i, j, channel, o % many] if depthwise else kernel[i, j, k, o]
                out[y, x, o] += image[row, column, channel] * factor
        out[y, x, o] += bias[o]
    return out


def pool_by_hand(op, image):
    height, width, _ = image.shape
    (top, _), (left, _) = op.pads(image.shape)
    out = np.zeros((*op.slide(image.shape), image.shape[2]))
    for y, x, c in np.ndindex(out.shape):
        rows = range(max(0, y * op.stride - top), min(height, y * op.stride - top + op.kernel[0]))
        columns = range(
            max(0, x * op.stride - left), min(width, x * op.stride - left + op.kernel[1])
        )
        seen = [image[row, column, c] for row in rows for column in columns]
        out[y, x, c] = max(seen) if op.type == "max" else sum(seen) / len(seen)
    return out


@st.composite
def windows(draw, kind, **attributes):
    """An op of class `kind` and the shape of an image that it fits."""
    image = draw(st.tuples(*[st.integers(1, 9)] * 2)), draw(st.sampled_from((1, 2, 4, 6)))
    image = (*image[0], image[1])
    op = kind(
        kernel=draw(st.tuples(*[st.integers(1, 5)] * 2)),
        stride=draw(st.integers(1, 3)),
        padding=draw(st.sampled_from(PADDINGS)),
        **{name: draw(strategy(image)) for name, strategy in attributes.items()},
    )
    return op, image


def fits(op: Window, image) -> bool:
    try:
        op.infer(image)
    except ShapeError:
        return False
    return True


@given(
    windows(
        Convolution,
        dilation=lambda _: st.integers(1, 2),
        groups=lambda image: st.sampled_from([n for n in (1, 2, image[2]) if not image[2] % n]),
        channels=lambda _: st.sampled_from((6, 12)),
        bias=lambda _: st.booleans(),
    ).filter(lambda case: fits(*case))
)
def test_a_convolution_is_what_its_definition_says(case):
    op, image = case
    graph = chain(image, op)
    weights = arrays(graph, dtype="float64")
    (pixels,) = images(graph, 1)
    bias = weights.get("n0/bias", np.zeros(op.channels))
    expected = convolution_by_hand(op, pixels, weights["n0/kernel"], bias)
    actual = emit(graph, weights, "float64")(pixels[np.newaxis])["output"][0]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


@given(
    windows(Pool, type=lambda _: st.sampled_from(("max", "average"))).filter(
        lambda case: fits(*case)
    )
)
def test_a_pool_is_what_its_definition_says(case):
    op, image = case
    graph = chain(image, op)
    (pixels,) = images(graph, 1)
    actual = emit(graph, {}, "float64")(pixels[np.newaxis])["output"][0]
    np.testing.assert_allclose(actual, pool_by_hand(op, pixels), rtol=0, atol=1e-12)


def sigmoid(x):
    return 1 / (1 + exp(-x))


BY_HAND = {
    "relu": lambda x: max(x, 0),
    "relu6": lambda x: min(max(x, 0), 6),
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "elu": lambda x: x if x > 0 else exp(x) - 1,
    "hard_sigmoid": lambda x: min(max(x / 6 + 0.5, 0), 1),
    "hard_swish": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "sigmoid": sigmoid,
    "swish": lambda x: x * sigmoid(x),
    "tanh": tanh,
    "gelu": lambda x: x * (1 + erf(x / 2**0.5)) / 2,
    "gelu_tanh": lambda x: x / 2 * (1 + tanh((2 / pi) ** 0.5 * (x + 0.044715 * x**3))),
    "mish": lambda x: x * tanh(log1p(exp(x))),
    "softplus": lambda x: log1p(exp(x)),
}


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "softmax"])
def test_an_activation_is_what_its_formula_says(function):
    points = np.array([-30.0, -6, -3, -2.5, -1, -1e-9, 0, 1e-9, 0.3, 1, 2.9, 3, 6, 7, 30])
    graph = chain((1, 1, points.size), Activation(function))
    actual = emit(graph, {}, "float64")(points.reshape(1, 1, 1, -1))["output"].ravel()
    expected = [BY_HAND[function](x) for x in points]
    np.testing.assert_allclose(actual, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_activation_overflows(function):
    points = np.array([-1e4, -1e2, 0, 1e2, 1e4])
    graph = chain((1, 1, points.size), Activation(function))
    values = emit(graph, {})(points.reshape(1, 1, 1, -1))["output"]
    assert values.dtype == np.float32
    assert np.isfinite(values).all()


def test_softmax_is_over_channels():
    graph = chain((1, 2, 2), Activation("softmax"))
    values = emit(graph, {}, "float64")(np.log([[[[1.0, 3.0], [2.0, 2.0]]]]))["output"]
    np.testing.assert_allclose(values, [[[[0.25, 0.75], [0.5, 0.5]]]], rtol=1e-15)


def test_norms_are_what_their_formulas_say():
    image = np.array([1.0, 2.0, 4.0, 9.0]).reshape(1, 1, 1, 4)
    weights = {
        "n0/gamma": np.array([1.0, 2.0, 1.0, 1.0]),
        "n0/beta": np.array([0.0, 0.0, 0.5, 0.0]),
        "n0/moving_mean": np.array([1.0, 1.0, 2.0, 4.0]),
        "n0/moving_variance": np.array([3.0, 0.0, 8.0, 24.0]),
        "n0/mean": np.array([1.0, 1.0, 2.0, 4.0]),
        "n0/variance": np.array([4.0, 0.25, 0.0, 1.0]),
        "n0/count": np.array(0.0),
    }

    def run(op):
        return emit(chain((1, 1, 4), op), weights, "float64")(image)["output"].ravel()

    np.testing.assert_allclose(run(BatchNorm(epsilon=1.0)), [0, 2, 2 / 3 + 0.5, 1], rtol=1e-15)
    np.testing.assert_allclose(run(Standardize()), [0, 2, 2e7, 5], rtol=1e-15)
    scale = sqrt(9.5 + 1)  # the four have mean 4 and variance 38 / 4
    expected = [-3 / scale, -4 / scale, 0.5, 5 / scale]
    np.testing.assert_allclose(run(LayerNorm(epsilon=1.0)), expected, rtol=1e-15)
    near, far = sqrt(0.25 + 1), sqrt(6.25 + 1)
    expected = [-0.5 / near, 1 / near, -2.5 / far + 0.5, 2.5 / far]
    np.testing.assert_allclose(run(GroupNorm(groups=2, epsilon=1.0)), expected, rtol=1e-15)


def test_group_norm_is_over_all_pixels_of_a_group():
    graph = chain((3, 4, 6), GroupNorm(groups=3, epsilon=0.0))
    weights = {"n0/gamma": np.ones(6), "n0/beta": np.zeros(6)}
    values = emit(graph, weights, "float64")(images(graph))["output"]
    for group in range(3):
        part = values[..., 2 * group : 2 * group + 2]
        np.testing.assert_allclose(part.mean((1, 2, 3)), 0, atol=1e-14)
        np.testing.assert_allclose(part.var((1, 2, 3)), 1, rtol=1e-14)


def test_a_flattened_image_has_its_channels_together():
    graph = chain((2, 1, 3), Flatten())
    values = emit(graph, {})(np.arange(6).reshape(1, 2, 1, 3))["output"]
    assert values.tolist() == [[0, 1, 2, 3, 4, 5]]


def test_rescaling_is_per_channel_or_for_all():
    graph = chain((1, 1, 2), Rescale((2.0, 3.0), (1.0,)))
    assert emit(graph, {})(np.ones((1, 1, 1, 2)))["output"].ravel().tolist() == [3, 4]


def diamond():
    build = GraphBuilder("diamond", (4, 4, 2))
    left = build.add("left", Convolution((3, 3), channels=2), [INPUT])
    right = build.add("right", Activation("relu"), [left])
    both = build.add("both", Add(), [left, right])
    pooled = build.add("pooled", GlobalPool(), [both])
    flat = build.add("flat", Flatten(), [pooled])
    build.add("scores", Dense(3), [flat])
    return build.build({"features": "both", "scores": "scores", "again": "scores"})


def test_values_gives_every_value_and_the_call_gives_the_outputs_of_the_same_run():
    graph = diamond()
    run = emit(graph, arrays(graph), "float64")
    image = images(graph)
    values, outputs = run.values(image), run(image)
    assert list(values) == ["input", "left", "right", "both", "pooled", "flat", "scores"]
    assert list(outputs) == ["features", "scores", "again"]
    for name, node in graph.outputs.items():
        np.testing.assert_array_equal(outputs[name], values[node])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_is_computed_in_one_type(dtype):
    graph = diamond()
    values = emit(graph, arrays(graph, dtype="float64"), dtype).values(images(graph))
    assert {name: str(array.dtype) for name, array in values.items()} == dict.fromkeys(
        values, dtype
    )


def test_an_output_may_be_the_input():
    build = GraphBuilder("nothing", (1, 1, 2))
    image = np.ones((1, 1, 1, 2))
    assert emit(build.build({"output": INPUT}), {})(image)["output"].tolist() == image.tolist()


def test_a_value_that_nobody_reads_breaks_nothing():
    build = GraphBuilder("loose", (1, 1, 2))
    build.add("loose", Activation("relu"), [INPUT])
    used = build.add("used", Activation("tanh"), [INPUT])
    graph = build.build({"output": used})
    assert list(emit(graph, {})(np.zeros((1, 1, 1, 2)))) == ["output"]


def test_infinite_weights_give_values_and_no_warning():
    graph = chain((1, 1, 2), BatchNorm())
    weights = arrays(graph)
    weights["n0/moving_variance"] = np.array([-1.0, 1.0])
    values = emit(graph, weights)(np.ones((1, 1, 1, 2)))["output"].ravel()
    assert np.isnan(values).tolist() == [True, False]


def rule(op, *inputs):
    """What the rule of an op without arrays makes of images, as lists without the batch."""
    values = [np.asarray(image, float)[np.newaxis, ..., np.newaxis] for image in inputs]
    return RULES[type(op)](op, values, {})[0, ..., 0].tolist()


def test_a_shuffle_takes_turns_between_the_groups():
    graph = chain((1, 1, 6), Shuffle(2))
    image = np.arange(6.0).reshape(1, 1, 1, 6)
    assert emit(graph, {})(image)["output"].ravel().tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize(
    ("mode", "wide", "row"),
    [
        ("nearest", 4, [0, 0, 4, 4]),
        ("nearest", 3, [0, 0, 4]),
        ("nearest", 1, [0]),
        ("bilinear", 4, [0, 1, 3, 4]),
        ("bilinear", 1, [2]),
        ("bilinear", 2, [0, 4]),
        ("align_corners", 5, [0, 1, 2, 3, 4]),
        ("align_corners", 2, [0, 4]),
        ("align_corners", 1, [0]),
    ],
)
def test_a_resize_takes_pixels_or_mixes_them(mode, wide, row):
    assert rule(Resize(mode), [[0, 4]], np.zeros((1, wide))) == [row]
    column = rule(Resize(mode), [[0], [4]], np.zeros((wide, 1)))
    assert column == [[value] for value in row]


@pytest.mark.parametrize("size", [(9, 13), (3, 4), (5, 7), (1, 2), (17, 1)])
def test_a_resize_of_aligned_corners_is_linear_between_the_outermost_pixels(size):
    image = np.random.default_rng(0).normal(size=(5, 7))
    found = np.array(rule(Resize("align_corners"), image, np.zeros(size)))
    rows, columns = (
        np.linspace(0, old - 1, new) if new > 1 else np.zeros(1)
        for old, new in zip(image.shape, size, strict=True)
    )
    wide = np.stack([np.interp(columns, np.arange(7), row) for row in image])
    expected = np.stack([np.interp(rows, np.arange(5), column) for column in wide.T], axis=1)
    assert np.abs(found - expected).max() <= 1e-12


def test_a_blur_mirrors_the_image_at_its_border():
    image = np.outer([1, 0, 0], [1, 1, 1]) * 16
    assert rule(Blur(3, 1), image) == np.outer([8, 4, 0], [1, 1, 1]).tolist()
    assert rule(Blur(3, 2), image) == [[8, 8], [0, 0]]


def test_a_mean_counts_the_padding_where_it_is_told_to():
    image = np.ones((2, 2))
    pool = Pool((3, 3), 1, "symmetric", type="average")
    assert rule(pool, image) == [[1, 1], [1, 1]]
    counted = replace(pool, count_padding=True)
    assert rule(counted, image) == pytest.approx(np.full((2, 2), 4 / 9))


def test_every_pixel_is_in_a_window_with_padding_ceil():
    assert rule(Pool((2, 2), 2, "ceil"), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]) == [[5, 6], [8, 9]]
    assert rule(Pool((3, 3), 2, "ceil"), [[1, 2], [3, 4]]) == [[4]]
    # A window that would begin beyond the image is none.
    assert rule(Pool((1, 1), 3, "ceil"), [[1, 2, 3, 4, 5]]) == [[1, 4]]


def test_a_response_norm_multiplies_by_the_share_of_the_mean_response():
    image = np.array([[[[3.0, 0.0], [4.0, 0.0]]]])  # responses 5 and 0, mean 2.5
    found = emit(chain((1, 2, 2), ResponseNorm(2.5)), {})(image)["output"]
    assert found.tolist() == [[[[3, 0], [4, 0]]]]


@pytest.mark.parametrize(("about", "divisor"), [("zero", 5.0), ("mean", 2.0)])
def test_a_pixel_norm_divides_by_a_root_and_moves_nothing(about, divisor):
    image = np.array([[[[3.0, 5.0]]]])  # mean of the squares 17, variance 2
    graph = chain((1, 1, 2), PixelNorm(8.0 if about == "zero" else 2.0, about))
    found = emit(graph, {}, "float64")(image)
    np.testing.assert_allclose(found["output"], image / divisor, rtol=1e-15)


def test_a_channel_convolution_sees_zeros_beyond_the_channels():
    graph = chain((1, 1, 3), ChannelConvolution(3))
    kernel = {"n0/kernel": np.array([1.0, 10, 100]).reshape(3, 1, 1)}
    image = np.array([1.0, 2, 3]).reshape(1, 1, 1, 3)
    assert emit(graph, kernel)(image)["output"].ravel().tolist() == [210, 321, 32]


@pytest.mark.parametrize("groups", [None, 1])
def test_a_scale_has_a_number_for_each_channel_or_one_for_all(groups):
    graph = chain((1, 1, 2), Scale(bias=True, groups=groups))
    numbers = {"n0/gamma": np.array([2.0, 3]), "n0/beta": np.array([1.0, 1])}
    numbers = {key: array[: groups or 2] for key, array in numbers.items()}
    found = emit(graph, numbers)(np.ones((1, 1, 1, 2)))["output"].ravel().tolist()
    assert found == [3, 3 if groups else 4]


@pytest.mark.parametrize(
    ("op", "shape", "message"),
    [
        (Shuffle(4), (2, 2, 6), "4 groups do not divide the 6 channels"),
        (Shuffle(2), (6,), "a shuffle needs an image (h, w, c), not [6]"),
        (PixelNorm(about="mean"), (2, 2, 1), "one channel has no deviation"),
        (ResponseNorm(), (6,), "a response norm needs an image (h, w, c), not [6]"),
        (ChannelConvolution(3), (2, 1, 6), "a channel convolution needs (1, 1, c), not [2, 1, 6]"),
        (ChannelConvolution(4), (1, 1, 6), "a kernel of 4 channels has no middle"),
        (Blur(), (6,), "a blur needs an image (h, w, c), not [6]"),
        (Blur(1), (6, 6, 1), "a blur of 1 pixel"),
        (
            Blur(5, 1),
            (6, 2, 1),
            "a blur of 5 pixels needs a mirror of 2 pixels, more than 6x2 have",
        ),
    ],
)
def test_an_op_refuses_a_shape_that_it_cannot_take(op, shape, message):
    with pytest.raises(ShapeError) as caught:
        op.infer(shape)
    assert str(caught.value) == message


def test_a_resize_needs_two_images():
    with pytest.raises(ShapeError, match=r"^a resize needs images \(h, w, c\), not \[3\]$"):
        Resize().infer((2, 2, 3), (3,))
