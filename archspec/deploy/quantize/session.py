"""A model in ONNX Runtime, given images as they are read: (n, h, w, c)."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, shape_inference

from archspec.deploy.deviation import repeat
from archspec.deploy.runtime import Session

Array: TypeAlias = NDArray[Any]

Shape: TypeAlias = tuple[int, int, int]
"""Of an image: height, width, channels."""

_PIXELS = 2**19
"""In a batch: ten images of 224 by 224, so that memory stays small whatever their number."""


def batch_size(model: onnx.ModelProto, shape: Shape) -> int:
    """How many images (h, w, c) = `shape` are run at once: the model's number if that is fixed."""
    height, width, _ = shape
    return _sides(model)[0] or max(1, _PIXELS // (height * width))


def feed(model: onnx.ModelProto, images: Array) -> dict[str, Array]:
    """Images (n, h, w, c) as the model reads them, in layout and type; a fixed batch is filled."""
    first, *sides = _sides(model)
    if first:
        images = repeat(images, first)
    channels = images.shape[3]
    if not (sides[2] == channels and sides[0] != channels):
        images = images.transpose(0, 3, 1, 2)
    model_input = model.graph.input[0]
    dtype = helper.tensor_dtype_to_np_dtype(model_input.type.tensor_type.elem_type)
    return {model_input.name: np.ascontiguousarray(images, dtype)}


def sized(model: onnx.ModelProto, shape: Shape) -> onnx.ModelProto:
    """A copy that reads images (h, w, c) = `shape` alone, with the shape of every value."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.ClearField("value_info")
    (array,) = feed(model, np.zeros((1, *shape))).values()
    sides = copy.graph.input[0].type.tensor_type.shape.dim
    for side, length in zip(sides, array.shape, strict=True):
        side.dim_value = length
    for output in copy.graph.output:
        output.type.tensor_type.ClearField("shape")
    return shape_inference.infer_shapes(copy, data_prop=True)


class Images:
    """A model in ONNX Runtime as a function of images.

    Args:
        model: with one input.
        threads: that one run takes; 0 for one each core.

    Raises:
        SpecError: E421, ONNX Runtime refuses it.
    """

    def __init__(self, model: onnx.ModelProto, threads: int = 0) -> None:
        self._model = model
        self._outputs = [output.name for output in model.graph.output]
        self._session = Session(model.SerializeToString(), threads)

    def __call__(self, images: Array) -> dict[str, Array]:
        """The outputs of images (n, h, w, c) by name, as the model lays them out.

        Raises:
            SpecError: E421, ONNX Runtime fails.
        """
        count = len(images)
        return {name: array[:count] for name, array in self.run(feed(self._model, images)).items()}

    def run(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of what `feed` gave.

        Raises:
            SpecError: E421, ONNX Runtime fails.
        """
        return dict(zip(self._outputs, self._session.run(given), strict=True))


def _sides(model: onnx.ModelProto) -> list[int]:
    """The shape of the input, 0 where any goes."""
    return [side.dim_value for side in model.graph.input[0].type.tensor_type.shape.dim]
