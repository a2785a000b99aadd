"""Models in LiteRT, and what it computes with them."""

import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.deploy.deviation import repeat
from archspec.errors import SpecError, error
from archspec.graph import INPUT

Array: TypeAlias = NDArray[Any]


class LiteRT:
    """A model in LiteRT, on the CPU, as a function of images.

    Args:
        data: the file. TensorFlow Lite runs it where LiteRT is not installed.

    Raises:
        SpecError: E464, LiteRT refuses it.
    """

    def __init__(self, data: bytes) -> None:
        try:
            with quiet():
                self._interpreter = _interpreter(data)
                self._run = self._interpreter.get_signature_runner()
        except (RuntimeError, ValueError) as reason:
            raise _refused(reason) from reason

    def __call__(self, images: Array, batch: int) -> dict[str, Array]:
        """The outputs by name for images (n, h, w, c), so many at a time as `batch`.

        Raises:
            SpecError: E464, LiteRT fails.
        """
        try:
            with quiet():
                parts = [self._run(**some) for some in batches(images, batch)]
        except (RuntimeError, ValueError) as reason:
            raise _refused(reason) from reason
        return {
            name: np.concatenate([part[name] for part in parts])[: len(images)] for name in parts[0]
        }


def _interpreter(data: bytes) -> Any:  # noqa: ANN401  a class of either package
    """LiteRT's, or the older one that TensorFlow brings."""
    try:
        return import_module("ai_edge_litert.interpreter").Interpreter(model_content=data)
    except ModuleNotFoundError:
        import tensorflow as tf  # noqa: PLC0415

        flow: Any = tf
        return flow.lite.Interpreter(model_content=data)


def _refused(reason: Exception) -> SpecError:
    return error("E464", f"LiteRT refuses the model: {first_line(reason)}")


def first_line(reason: Exception) -> str:
    """What an error says, in a line."""
    return (str(reason).strip() or type(reason).__name__).split("\n", 1)[0]


def batches(images: Array, size: int) -> Iterator[dict[str, Array]]:
    """All images in batches of `size`, the last one filled up."""
    for first in range(0, len(images), size):
        yield {INPUT: repeat(images, len(images) + size)[first : first + size]}


@contextmanager
def quiet() -> Generator[None]:
    """Keep from the terminal what TensorFlow and LiteRT tell of their progress and their plans."""
    from archspec.backends.keras import silence  # noqa: PLC0415

    with silence(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
