"""Keras layers in small models: what is lifted computes the same, in numpy and in ONNX Runtime."""
# ruff: noqa: PLW0108  a layer is made when Keras is set to float64, not before

import numpy as np
import pytest
from archspec.backends.onnx import Form
from archspec.deploy.check import check
from archspec.deploy.export import direct
from archspec.ops import Resize
from tests import choices
from tests.lift.models import check_onnx, gap, in_float64, lifted, randomise

keras = pytest.importorskip("keras", exc_type=ImportError)
pytestmark = pytest.mark.keras
layers, do = keras.layers, keras.ops
IMAGE = (9, 8, 4)


def squeeze_excite(x, *, early):
    y = layers.GlobalAveragePooling2D()(x)
    if early:
        y = layers.Reshape((1, 1, 4))(y)
    y = layers.Dense(2, activation="relu")(y)
    y = layers.BatchNormalization()(y)
    y = layers.Dense(4, activation="sigmoid")(y)
    if not early:
        y = layers.Reshape((1, 1, 4))(y)
    return layers.Multiply()([y, x])


def hard_gate(x):
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(4, 1)(y)
    y = layers.ReLU(6.0)(y + 3.0) * (1.0 / 6.0)
    return layers.Multiply()([x, y])


def inner(x):
    model = keras.Sequential(
        [layers.Conv2D(4, 3, padding="same", name="conv"), layers.ReLU(name="relu")], name="inner"
    )
    return layers.Add()([model(x), model(model(x))])


def by_name(x):
    image = keras.Input(IMAGE)
    return keras.Model(image, layers.Conv2D(4, 1)(image))(inputs=x)


def several(x):
    given = keras.Input(IMAGE)
    model = keras.Model(
        given, {"q": layers.Conv2D(3, 1)(given), "b": layers.ReLU()(given)}, name="several"
    )
    first = model(x)
    second = model(first["b"])
    return [second["q"], first["q"], second["b"]]


def shared(x):
    layer = layers.Conv2D(4, 3, padding="same", name="twice")
    return layer(layer(x))


def classifier(x):
    x = layers.GlobalMaxPooling2D()(x)
    x = layers.Dropout(0.5)(layers.Dense(6, activation="gelu")(x))
    return layers.Dense(3, activation="softmax")(x)


def pixel(x):
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dense(4)(x)
    return layers.Concatenate()([x, layers.Reshape((1, 1, 4))(x)])


def vectors(x):
    x = layers.Flatten()(x)
    x = layers.LayerNormalization(center=False)(x)
    y = layers.Dense(5, use_bias=False)(x)
    z = layers.Dense(5)(x)
    return layers.Concatenate()([y, layers.Multiply()([y, z]), layers.Average()([y, z])])


def normalization(x):
    layer = layers.Normalization(axis=-1)
    layer.adapt(np.random.default_rng(0).normal(2, 3, (4, *IMAGE)))
    return layer(x)


def both(kind):
    return lambda x: kind()([layers.Conv2D(4, 1)(x), layers.DepthwiseConv2D(1)(x)])


WAYS = {
    "convolution": lambda x: layers.Conv2D(6, (3, 2), 2, "same", activation="swish")(x),
    "convolution, dilated": lambda x: layers.Conv2D(6, 3, dilation_rate=2, use_bias=False)(x),
    "depthwise": lambda x: layers.DepthwiseConv2D(3, 2, depth_multiplier=3, activation="relu6")(x),
    "separable": lambda x: layers.SeparableConv2D(5, 3, depth_multiplier=2, activation="tanh")(x),
    "separable, same": lambda x: layers.SeparableConv2D(5, 3, 2, "same", use_bias=False)(x),
    "dense of an image": lambda x: layers.Dense(7, activation="gelu")(x),
    "classifier": classifier,
    "vectors": vectors,
    "squeeze, excite": lambda x: squeeze_excite(x, early=True),
    "squeeze, excite, reshape": lambda x: squeeze_excite(x, early=False),
    "hard gate": hard_gate,
    "one pixel": pixel,
    "gate of places": lambda x: x * layers.Conv2D(1, 1, activation="sigmoid")(x),
    "reshape to a vector": lambda x: layers.Reshape((4,))(layers.GlobalAveragePooling2D(keepdims=True)(x)),
    "reshape, flatten": lambda x: layers.Reshape((-1,))(x),
    "permute": lambda x: layers.Permute((1, 2, 3))(x),
    "max pool": lambda x: layers.MaxPooling2D(3, 2, "same")(x),
    "average pool": lambda x: layers.AveragePooling2D((3, 2), 2, "same")(x),
    "average pool, valid": lambda x: layers.AveragePooling2D(2)(x),
    "padded convolution": lambda x: layers.Conv2D(3, 3, 2)(layers.ZeroPadding2D(((0, 1), (2, 1)))(x)),
    "padded twice": lambda x: layers.Conv2D(3, 3, 2, "same")(layers.ZeroPadding2D(3)(x)),
    "padded mean": lambda x: layers.AveragePooling2D(3, 2)(layers.ZeroPadding2D(1)(x)),
    "padded max": lambda x: layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x)),
    "padded max, positive": lambda x: layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.ReLU()(x))),
    "cropped": lambda x: layers.Cropping2D(((1, 0), (2, 1)))(x),
    "upsampled": lambda x: layers.UpSampling2D((3, 2))(x),
    "upsampled, bilinear": lambda x: layers.UpSampling2D(2, interpolation="bilinear")(x),
    "resized": lambda x: layers.Resizing(5, 11)(x),
    "resized, nearest": lambda x: layers.Resizing(18, 24, "nearest")(x),
    "batch norm": lambda x: layers.BatchNormalization(scale=False)(layers.BatchNormalization(center=False)(x)),
    "batch norm, bare": lambda x: layers.BatchNormalization(scale=False, center=False, axis=3)(x),
    "layer norm": lambda x: layers.LayerNormalization(epsilon=1e-6, scale=False)(x),
    "group norm": lambda x: layers.GroupNormalization(2, center=False)(x),
    "instance norm": lambda x: layers.GroupNormalization(-1)(x),
    "rescaling": lambda x: layers.Rescaling([1.0, 2.0, 3.0, 0.5], 0.25)(x),
    "rescaling by arrays": lambda x: layers.Rescaling(np.arange(1.0, 5.0), np.ones((1, 1, 4)))(x),
    "normalization": normalization,
    "normalization, given": lambda x: layers.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 3, 4])(x),
    "add": both(layers.Add),
    "subtract": both(layers.Subtract),
    "multiply": both(layers.Multiply),
    "average": both(layers.Average),
    "maximum": both(layers.Maximum),
    "minimum": both(layers.Minimum),
    "concatenate": both(layers.Concatenate),
    "multiply three": lambda x: layers.Multiply()([x, layers.ReLU()(x), layers.Conv2D(4, 1)(x)]),
    "only training": lambda x: layers.GaussianNoise(1.0)(layers.SpatialDropout2D(0.5)(layers.Identity()(x))),
    "random flip": lambda x: layers.RandomFlip()(x),
    "drop path": lambda x: layers.Dropout(0.5, noise_shape=(None, 1, 1, 1))(x),
    "relu, capped": lambda x: layers.ReLU(0.5)(x),
    "relu, leaking": lambda x: layers.ReLU(negative_slope=0.25)(x),
    "leaky relu": lambda x: layers.LeakyReLU()(x),
    "prelu": lambda x: layers.PReLU(shared_axes=[1, 2])(x),
    "elu": lambda x: layers.ELU()(x),
    "softmax": lambda x: layers.Softmax()(x),
    "activation of a layer": lambda x: layers.Conv2D(3, 1, activation=layers.LeakyReLU(0.1))(x),
    "operators": lambda x: (2.0 - x) / 3.0 + x * np.array([1.0, 2, 3, 4]) - layers.ReLU()(x) - 1.0,
    "channels": lambda x: layers.Concatenate()([x[..., 2:], x[:, :, :, :-1]]),
    "operations": lambda x: do.concatenate([do.relu6(x), do.silu(x), do.gelu(x), do.leaky_relu(x)], axis=-1),
    "means": lambda x: x * do.mean(x, axis=(1, 2), keepdims=True),
    "mean, max": lambda x: do.concatenate([do.mean(x, axis=[1, 2]), do.max(x, axis=[-3, -2])], axis=-1),
    "padded by an operation": lambda x: do.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), constant_values=2.0),
    "resized by an operation": lambda x: do.image.resize(x, (5, 11)),
    "model in a model": inner,
    "model in a model, by name": by_name,
    "outputs of models": several,
    "shared layer": shared,
}  # fmt: skip
# Keras rounds the constants of these to float32.
ROUNDED = {
    "activation of a layer", "classifier", "dense of an image", "leaky relu", "operations",
    "relu, leaking",
}  # fmt: skip
# TensorFlow interpolates in float32, whatever it is given.
INTERPOLATED = {"resized", "resized by an operation", "upsampled, bilinear"}


@pytest.mark.parametrize("policy", ["mixed_float16", "float16", "bfloat16", "mixed_bfloat16"])
def test_what_computes_less_exactly_is_lifted_as_float32(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        image = keras.Input(IMAGE)
        model = randomise(keras.Model(image, layers.Dense(3)(layers.Conv2D(4, 3)(image))))
        found = lifted(model, tmp_path)
    finally:
        keras.config.set_dtype_policy("float32")
    kept = {key: np.array(do.cast(array, "float32")) for key, array in variables(model)}
    assert found.weights.keys() == kept.keys()
    for key, array in kept.items():
        assert found.weights[key].dtype == np.float32
        assert np.array_equal(found.weights[key].ravel(), array.ravel())


def variables(model):
    for layer in model.layers:
        for variable in layer.weights:
            yield f"{layer.name}/{variable.name}", variable


def test_a_sequential_model_needs_no_input_layer(tmp_path):
    model = keras.Sequential([layers.Conv2D(3, 3, name="a"), layers.ReLU(name="b")], name="row")
    model.build((None, 8, 8, 3))
    assert str(lifted(model, tmp_path).graph) == (
        "graph row\n"
        "  input: 8x8x3\n"
        "  a = convolution kernel=[3, 3] padding=valid channels=3 bias=true (input) : 6x6x3\n"
        "  b = activation function=relu (a) : 6x6x3\n"
        "  output output = b"
    )


def test_names_are_those_of_the_layers(tmp_path):
    image = keras.Input(IMAGE, name="image")
    inner = keras.Sequential([layers.Conv2D(4, 1, activation="relu", name="conv")], name="inner")
    x = layers.Conv2D(4, 1, name="input")(inner(inner(image)))
    model = keras.Model(image, [x, layers.ReLU(name="last")(x)], name="net")
    assert str(lifted(model, tmp_path).graph) == (
        "graph net\n"
        "  input: 9x8x4\n"
        "  inner.conv = convolution kernel=[1, 1] padding=valid channels=4 bias=true (input) : 9x8x4\n"
        "  inner.conv.activation = activation function=relu (inner.conv) : 9x8x4\n"
        "  inner.conv_2 = convolution kernel=[1, 1] padding=valid channels=4 bias=true"
        " (inner.conv.activation) : 9x8x4\n"
        "  inner.conv_2.activation = activation function=relu (inner.conv_2) : 9x8x4\n"
        "  input_2 = convolution kernel=[1, 1] padding=valid channels=4 bias=true"
        " (inner.conv_2.activation) : 9x8x4\n"
        "  last = activation function=relu (input_2) : 9x8x4\n"
        "  output input_2 = input_2\n"
        "  output last = last"
    )


def test_a_name_that_we_would_give_is_free_for_layers(tmp_path):
    image = keras.Input(IMAGE)
    x = layers.GlobalAveragePooling2D(name="mean")(image)
    x = layers.ReLU(name="mean.flatten")(layers.GlobalMaxPooling2D(name="max")(image)) + x
    found = lifted(keras.Model(image, layers.Dense(3, name="dense")(x)), tmp_path)
    inputs = {node.name: node.inputs for node in found.graph.nodes}
    assert inputs["mean.flatten"] == ("max.flatten",)
    assert inputs["mean.flatten_2"] == ("mean",)


def test_an_open_size_is_what_is_given(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), layers.MaxPooling2D(2)])
    assert lifted(model, tmp_path, (8, 11)).graph.nodes[0].shape == (4, 5, 3)


# Of each file of rules what is most of it.
FAST = {
    "batch norm", "channels", "hard gate", "model in a model", "operators", "outputs of models",
    "padded max", "prelu", "relu, capped", "rescaling by arrays", "separable", "shared layer",
    "squeeze, excite, reshape", "upsampled", "vectors",
}  # fmt: skip


def test_an_upsampled_image_is_as_large_as_the_image_says(tmp_path):
    image = keras.Input((None, None, 3))
    layer = layers.UpSampling2D((2, 3), interpolation="bilinear")
    model = keras.Model(image, layer(layers.MaxPooling2D(2)(image)))
    found = lifted(model, tmp_path, (8, 6))
    assert found.graph.nodes[-1].op == Resize("bilinear", factor=(2, 3))
    form = Form(any_size=True)
    model = direct(found.graph, found.weights, form)
    assert check(model, found.graph, found.weights, form).sizes == ((8, 6), (9, 7), (41, 8))


@pytest.mark.parametrize("way", choices.all_but(FAST, WAYS))
def test_a_lifted_layer_computes_the_same(way, tmp_path):
    with in_float64():
        image = keras.Input(IMAGE, name="image")
        model = randomise(keras.Model(image, WAYS[way](image)))
        found = lifted(model, tmp_path)
        assert gap(model, found) <= (
            1e-5 if way in INTERPOLATED else 1e-7 if way in ROUNDED else 1e-9
        )
    check_onnx(found)
