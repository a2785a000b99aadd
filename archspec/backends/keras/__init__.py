"""The Keras back end: a graph as a functional model of stock layers, and model files."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def silence() -> Generator[None]:
    """Keep from the terminal what TensorFlow's C++ prints while it loads.

    It writes to descriptor 2 before it looks at TF_CPP_MIN_LOG_LEVEL.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        kept = os.dup(2)
    except OSError:  # it is closed: nobody listens
        yield
        return
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


# Whatever of archspec uses Keras is loaded after this.
with silence():
    import keras

from archspec.backends.keras.files import save  # noqa: E402
from archspec.backends.keras.model import emit, read_weights, write_weights  # noqa: E402
from archspec.backends.keras.rules import RULES  # noqa: E402

__all__ = ["RULES", "emit", "keras", "read_weights", "save", "silence", "write_weights"]
