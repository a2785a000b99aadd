"""The first user's hand-written MobileNetV2, written again by hand, against its spec."""

import numpy as np
import pytest
from archspec import api
from archspec.backends.reference import Reference
from archspec.weights.random import draw

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.keras

PARAMETERS = [1024, 1040, 5784, 9768, 10960, 16096, 16096, 22400, 56768, 56768, 56768, 69216]
PARAMETERS += [122016, 122016, 159200, 326240, 326240, 480640, 416000, 1285000]
SHAPES = [(112, 112, 32), (112, 112, 16), *[(56, 56, 24)] * 2, *[(28, 28, 32)] * 3]
SHAPES += [*[(14, 14, 64)] * 4, *[(14, 14, 96)] * 3, *[(7, 7, 160)] * 3, (7, 7, 320), (7, 7, 1280)]


class ConvNorm(keras.layers.Layer):
    """A convolution with a bias, then batch norm."""

    def __init__(self, filters, kernel=1, stride=1):
        super().__init__()
        self.convolve = keras.layers.Conv2D(filters, kernel, stride, padding="same")
        self.norm = keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.999)

    def call(self, x):
        return self.norm(self.convolve(x))


class Bottleneck(keras.layers.Layer):
    """ReLU6 after the expansion only; the first bottleneck neither expands nor adds."""

    def __init__(self, width, expansion, filters, stride):
        super().__init__()
        self.expand = ConvNorm(width * expansion) if expansion > 1 else None
        self.depthwise = keras.layers.DepthwiseConv2D(3, stride, padding="same")
        self.norm = keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.999)
        self.project = ConvNorm(filters)
        self.adds = expansion > 1 and stride == 1 and width == filters

    def call(self, x):
        y = keras.ops.relu6(self.expand(x)) if self.expand else x
        y = self.project(self.norm(self.depthwise(y)))
        return x + y if self.adds else y


def notebook():
    """The layers in order, up to the last convolution and after it."""
    layers, width = [ConvNorm(32, 3, 2)], 32
    table = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1)]
    for expansion, filters, repeats, stride in [*table, (6, 160, 3, 2), (6, 320, 1, 1)]:
        for number in range(repeats):
            layers.append(Bottleneck(width, expansion, filters, 1 if number else stride))
            width = filters
    pool = keras.layers.AveragePooling2D(7, 7, padding="same")
    return [*layers, ConvNorm(1280)], [pool, ConvNorm(1000), keras.layers.Flatten()]


def ordered(layer):
    """The arrays of a layer in the order in which its parts are applied."""
    if isinstance(layer, ConvNorm):
        return [*layer.convolve.weights, *layer.norm.weights]
    if isinstance(layer, Bottleneck):
        first = ordered(layer.expand) if layer.expand else []
        middle = [*layer.depthwise.weights, *layer.norm.weights]
        return [*first, *middle, *ordered(layer.project)]
    return []


def test_the_spec_computes_what_the_hand_written_layers_do():
    graph = api.to_graph("mobilenet_v2_notebook")
    arrays = {key: array.astype("float64") for key, array in draw(graph, 3).items()}
    image = np.random.default_rng(5).standard_normal((2, 224, 224, 3))
    (expected,) = Reference(graph, arrays, "float64")(image).values()
    remaining = iter(arrays.values())
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        x, counts, shapes = keras.ops.convert_to_tensor(image), [], []
        before, after = notebook()
        for layer in [*before, *after]:
            layer(x)  # builds it
            for weight in ordered(layer):
                weight.assign(next(remaining))
            x = layer(x)
            counts.append(layer.count_params())
            shapes.append(tuple(x.shape[1:]))
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
    assert next(remaining, None) is None
    assert [count for count in counts if count] == PARAMETERS
    assert sum(PARAMETERS) == 3_560_040 == api.cost("mobilenet_v2_notebook").params
    assert shapes[: len(SHAPES)] == SHAPES
    assert shapes[len(SHAPES) :] == [(1, 1, 1280), (1, 1, 1000), (1000,)]
    assert np.abs(np.array(x) - expected).max() <= 1e-9 * expected.std()
