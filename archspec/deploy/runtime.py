"""ONNX models: whether they are valid, and what ONNX Runtime computes with them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import checker, helper, shape_inference

from archspec.backends.onnx import Form
from archspec.errors import SpecError, error
from archspec.graph import INPUT

Array: TypeAlias = NDArray[Any]


def validate(model: onnx.ModelProto, folder: Path | None = None) -> None:
    """Check a model by the rules of ONNX, the shapes of all values included.

    Args:
        model: in memory.
        folder: where the file with its weights is, if they are not in the model.

    Raises:
        SpecError: E420, it breaks one.
    """
    try:
        checker.check_model(  # pyright: ignore[reportUnknownMemberType]
            model if folder is None else str(_saved(model, folder)), full_check=True
        )
        shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (checker.ValidationError, shape_inference.InferenceError) as reason:
        raise error("E420", f"the model is not valid ONNX: {_first_line(reason)}") from reason


class Session:
    """A model in ONNX Runtime, on the CPU.

    Args:
        model: what is in the file, or its path.
        threads: that one run takes; 0 for one each core.

    Raises:
        SpecError: E421, ONNX Runtime refuses it.
    """

    def __init__(self, model: bytes | str, threads: int = 0) -> None:
        import onnxruntime  # noqa: PLC0415

        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        # Exceptions of ONNX Runtime have no base class of their own.
        try:
            self._session = runtime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as reason:
            raise _refused(reason) from reason

    @property
    def shape(self) -> tuple[int | str | None, ...]:
        """Of the first input, with the batch; a number where a side has one size."""
        return tuple(self._session.get_inputs()[0].shape)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in order."""
        return tuple(output.name for output in self._session.get_outputs())

    def run(self, given: Mapping[str, Array]) -> list[Array]:
        """All outputs in order.

        Raises:
            SpecError: E421, ONNX Runtime fails.
        """
        try:
            return self._session.run(None, given)
        except Exception as reason:
            raise _refused(reason) from reason


class Runtime:
    """A model in ONNX Runtime, on the CPU, as a function of images.

    Args:
        model: with one input of images.
        form: that it has; only the layout matters.
        folder: where the file with its weights is, if they are not in the model.

    Attributes:
        batch: number of images that it takes, 0 for any.

    Raises:
        SpecError: E421, ONNX Runtime refuses it.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        form: Form = Form(),
        folder: Path | None = None,
    ) -> None:
        kind = model.graph.input[0].type.tensor_type
        self.batch = kind.shape.dim[0].dim_value
        self._type = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        self._last = form.layout == "nhwc"
        self._outputs = [output.name for output in model.graph.output]
        self._session = Session(
            model.SerializeToString() if folder is None else str(_saved(model, folder))
        )

    def __call__(self, images: Array) -> dict[str, Array]:
        """The outputs by name; images and outputs have their channels last.

        Raises:
            SpecError: E421, ONNX Runtime fails.
        """
        arrays = self.run(images)
        return arrays if self._last else {name: last(value) for name, value in arrays.items()}

    def run(self, images: Array) -> dict[str, Array]:
        """The outputs as they are in the model, for images with their channels last."""
        turned = images if self._last else images.transpose(0, 3, 1, 2)
        arrays = self._session.run({INPUT: np.ascontiguousarray(turned, self._type)})
        return dict(zip(self._outputs, arrays, strict=True))


def last(array: Array) -> Array:
    """(n, c, h, w) → (n, h, w, c); vectors stay."""
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array  # noqa: PLR2004


def _saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def _refused(reason: Exception) -> SpecError:
    return error("E421", f"ONNX Runtime refuses the model: {_first_line(reason)}")


def _first_line(reason: Exception) -> str:
    return str(reason).strip().split("\n", 1)[0]
