"""A net as tf2onnx converts it, with drawn weights: `keras_export.py NET FILE`."""  # noqa: INP001

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tf2onnx.convert import from_keras

OPSET = 18
SIZE = (224, 224, 3)


def compiled(spec: str) -> keras.Model:
    """A net that keras.applications does not have, as archspec builds it."""
    import archspec  # noqa: PLC0415

    return archspec.compile(spec)


def application(name: str) -> keras.Model:
    """A net of keras.applications that gives logits."""
    return getattr(keras.applications, name)(
        weights=None, classifier_activation=None, input_shape=SIZE
    )


NETS: Mapping[str, Callable[[], keras.Model]] = {
    "MobileNetV2": partial(application, "MobileNetV2"),
    "MobileNetV3-Large": partial(application, "MobileNetV3Large"),
    "MobileNetV4-conv-small": partial(compiled, "mobilenet_v4:conv_small"),
    "EfficientNet-B0": partial(application, "EfficientNetB0"),
    "ResNet-50": partial(application, "ResNet50"),
}


def main() -> None:
    """Write the net that is named, in the layout of archspec: images have their channels first."""
    name, path = sys.argv[1:]
    model = NETS[name]()
    draw(model)
    signature = [tf.TensorSpec((None, *SIZE), tf.float32, name="input")]
    from_keras(model, signature, opset=OPSET, inputs_as_nchw=["input"], output_path=path)


def draw(model: keras.Model) -> None:
    """Draw biases and statistics, in whose stead a new net has zeros and ones that converters drop.

    Kernels are drawn already.
    """
    generator = np.random.default_rng(0)
    for layer in model.layers:
        arrays: list[Any] = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 1.5, array.shape) for array in arrays])
        elif isinstance(layer, keras.layers.Normalization):
            mean, variance, count = arrays
            layer.set_weights([mean + 0.5, variance / 2, count])
            layer.finalize_state()
        elif arrays and layer.use_bias:
            arrays[-1] = generator.standard_normal(arrays[-1].shape)
            layer.set_weights(arrays)


main()
