"""What `archspec export` is compared with: Keras's MobileNetV2, converted by tf2onnx."""  # noqa: INP001

import sys

import keras
import tensorflow as tf
from tf2onnx.convert import from_keras

model = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
signature = [tf.TensorSpec((None, 224, 224, 3), tf.float32, name="input")]
from_keras(model, signature, opset=17, output_path=sys.argv[1])
