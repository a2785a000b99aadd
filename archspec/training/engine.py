"""Keras and TensorFlow, which have no types of their own."""

from typing import Any

from archspec.backends import keras as backend  # first: it keeps TensorFlow quiet

import tensorflow as tensorflow_  # isort: skip  # noqa: ICN001  tf is it without its types

keras: Any = backend.keras
tf: Any = tensorflow_
