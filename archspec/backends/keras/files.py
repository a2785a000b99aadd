"""Model files: `.keras`, weights alone, SavedModel folders; each appears whole or not at all."""

import json
import os
import re
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import ZipFile, ZipInfo

import keras

from archspec.backends.keras.model import read_weights
from archspec.errors import error
from archspec.files import folder_beside, write_whole
from archspec.weights import store

Model: TypeAlias = Any
"""A `keras.Model`; Keras has no types of its own."""


def save(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Write a model to `path`, whole or not at all.

    `.keras` is the model with its weights, `.safetensors` the weights alone, and a name without a
    suffix becomes a SavedModel folder. An older file or SavedModel of that name is replaced. The
    bytes of the two files depend on nothing but the model.

    Raises:
        SpecError: E403, the name ends otherwise; E110, the system refuses.
    """
    target = Path(path)
    if target.suffix not in FORMATS:
        raise error(
            "E403",
            f"cannot save a model as {str(target)!r}",
            hint="a name ends in .keras or .safetensors, or has no suffix for a SavedModel folder",
        )
    FORMATS[target.suffix](model, target)


def _save_archive(model: Model, target: Path) -> None:
    with folder_beside(target) as folder:
        model.save(folder / "model.keras")
        with ZipFile(folder / "model.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = _renumbered(members["config.json"].decode()).encode()
    members["metadata.json"] = json.dumps({"keras_version": keras.__version__}).encode()
    whole = BytesIO()
    with ZipFile(whole, "w") as archive:
        for name, data in members.items():
            archive.writestr(ZipInfo(name), data)  # of 1980, whenever it was written
    write_whole(target, whole.getvalue())


def _renumbered(config: str) -> str:
    """A config in which what layers share is called by its number, not by its place in memory."""
    numbers: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        return found[1] + str(numbers.setdefault(found[2], len(numbers) + 1))

    return re.sub(r'("shared_object_id": )(\d+)', numbered, config)


def _save_folder(model: Model, target: Path) -> None:
    with folder_beside(target) as folder:
        model.export(folder / "new", verbose=False)
        if (target / "saved_model.pb").exists():
            target.rename(folder / "old")
        (folder / "new").rename(target)


FORMATS: Mapping[str, Callable[[Model, Path], None]] = {
    "": _save_folder,
    ".keras": _save_archive,
    ".safetensors": lambda model, target: store.write(target, read_weights(model)),
}
"""Suffix → how a model is written."""
