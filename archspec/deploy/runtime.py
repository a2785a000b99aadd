"""ONNX models: whether they are valid, and what ONNX Runtime computes with them."""

from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import checker, shape_inference

from archspec.errors import SpecError, error
from archspec.graph import INPUT

Array: TypeAlias = NDArray[Any]


def validate(model: onnx.ModelProto) -> None:
    """Check a model by the rules of ONNX, the shapes of all values included.

    Raises:
        SpecError: E420, it breaks one.
    """
    try:
        checker.check_model(model)  # pyright: ignore[reportUnknownMemberType]
        shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (checker.ValidationError, shape_inference.InferenceError) as reason:
        raise error("E420", f"the model is not valid ONNX: {_first_line(reason)}") from reason


class Runtime:
    """A model in ONNX Runtime, on the CPU, as a function of images.

    Args:
        model: with one input, (batch, c, h, w).

    Attributes:
        batch: number of images that it takes, 0 for any.

    Raises:
        SpecError: E421, ONNX Runtime refuses it.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        import onnxruntime  # noqa: PLC0415

        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        self.batch = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
        self._outputs = [output.name for output in model.graph.output]
        # Exceptions of ONNX Runtime have no base class of their own.
        try:
            self._session = runtime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as reason:
            raise _refused(reason) from reason

    def __call__(self, images: Array) -> dict[str, Array]:
        """The outputs by name; images and outputs have their channels last.

        Raises:
            SpecError: E421, ONNX Runtime fails.
        """
        feed = {INPUT: np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)}
        try:
            arrays = self._session.run(self._outputs, feed)
        except Exception as reason:
            raise _refused(reason) from reason
        return dict(zip(self._outputs, map(_channels_last, arrays), strict=True))


def _channels_last(array: Array) -> Array:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array  # noqa: PLR2004  n, c, h, w


def _refused(reason: Exception) -> SpecError:
    return error("E421", f"ONNX Runtime refuses the model: {_first_line(reason)}")


def _first_line(reason: Exception) -> str:
    return str(reason).strip().split("\n", 1)[0]
