"""Keras model files, opened by Keras itself: what cannot be read without it."""

import os
import re
from pathlib import Path
from typing import Any

from archspec.errors import SpecError, cause, error

_SUFFIXES = (".keras", ".h5")
_UNKNOWN = re.compile(r"Could not locate (class|function) '([^']+)'|Unknown (layer|\w+): '([^']+)'")
_CURES = {
    "class": "only layers of Keras itself can be loaded from a file; give the model from Python",
    "lambda": "write it as a layer of Keras, or give the model from Python",
}


def load(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401  Keras has no types
    """The model in a .keras or .h5 file; code inside of it is never run.

    Raises:
        SpecError: E433, it cannot be loaded.
    """
    name = os.fspath(path)
    if not name.endswith(_SUFFIXES):
        raise error("E433", f"'{name}' is no Keras model file", hint="it ends with .keras or .h5")
    try:
        Path(name).open("rb").close()
    except (OSError, ValueError) as reason:
        raise error("E433", f"cannot load '{name}': {cause(reason)}") from reason
    from archspec.backends.keras import keras  # noqa: PLC0415  TensorFlow takes seconds

    loader: Any = keras.models
    try:
        return loader.load_model(name, compile=False, safe_mode=True)
    except Exception as reason:  # Keras raises whatever the file makes it stumble over
        raise _refused(name, str(reason)) from reason


def _refused(name: str, reason: str) -> SpecError:
    unknown = _UNKNOWN.search(reason)
    if unknown:
        kind, own = unknown[1] or unknown[3], unknown[2] or unknown[4]
        message = f"cannot load '{name}': it has a {kind} that Keras does not know, '{own}'"
        return error("E433", message, hint=_CURES["class"])
    if "safe_mode=False" in reason:
        message = f"cannot load '{name}': it has a Lambda layer, which is code of its author"
        return error("E433", message, hint=_CURES["lambda"])
    if "zip file" in reason or "file signature" in reason:
        return error("E433", f"cannot load '{name}': it is damaged, or no Keras model")
    first = reason.strip().partition("\n")[0]
    return error("E433", f"cannot load '{name}': {first}")
