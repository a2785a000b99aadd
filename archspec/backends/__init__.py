"""The back ends: each reads a graph and gives back one kind of artifact."""

from collections.abc import Generator
from contextlib import contextmanager

from archspec.errors import error


@contextmanager
def framework(what: str) -> Generator[None]:
    """Say what needs TensorFlow, where it is not installed.

    Raises:
        SpecError: E404, Keras, TensorFlow or tf2onnx cannot be imported.
    """
    try:
        yield
    except ModuleNotFoundError as reason:
        missing = (reason.name or "").partition(".")[0]
        if missing not in {"keras", "tensorflow", "tf2onnx"}:
            raise
        message = f"{what} needs {missing}, which is not installed"
        raise error("E404", message, hint=f"pip install {missing}") from reason
