"""ONNX files with their weights beside them: what is above the 2 GiB that one file can hold."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import onnx
from numpy.typing import NDArray

from archspec.files import folder_beside, followed, write_whole

Weights: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class External:
    """A model whose weights are in a file of their own.

    Args:
        model: says where in that file they are.
        folder: in which the file is until the model is there.
        data: the file, whose name is made of what is in it.
    """

    model: onnx.ModelProto
    folder: Path
    data: Path


def write(
    path: Path,
    emit: Callable[[BinaryIO], onnx.ModelProto],
    check: Callable[[External], None],
) -> External:
    """Write a model and its weights: first these, under a name made of them, then the model.

    The name is `STEM-DIGEST.data`, so that a model never finds the weights of another: whoever
    reads sees the old model with the old weights, or the new one with the new. Where the path is a
    symbolic link both files are where it leads; both have the permissions of a replaced model.

    Args:
        path: of the model.
        emit: writes the weights into a file and gives the model.
        check: raises `SpecError` where the model must not appear.

    Raises:
        SpecError: E110, the system refuses; what `emit` and `check` raise. Then there is no new
            file.
    """
    path = followed(path)
    with folder_beside(path) as folder:
        with (folder / "weights").open("w+b") as data:
            model = emit(data)
            data.flush()
            os.fsync(data.fileno())
            data.seek(0)
            digest = file_digest(data, "sha256").hexdigest()
        target = path.with_name(f"{_unicode(path.stem)}-{digest[:16]}.data")
        external = External(model, folder, target)
        _point(model, target.name)
        weights = (folder / "weights").rename(folder / target.name)
        check(external)
        with suppress(FileNotFoundError):
            weights.chmod(path.stat().st_mode & 0o777)
        is_new = not target.exists()
        weights.replace(target)
        try:
            write_whole(path, model.SerializeToString(deterministic=True))
        except BaseException:
            if is_new:
                with suppress(OSError):
                    target.unlink()
            raise
    return external


def _unicode(name: str) -> str:
    """The name with ? for bytes of it that are no UTF-8, which no model can hold."""
    return name.encode(errors="replace").decode()


def _point(model: onnx.ModelProto, name: str) -> None:
    """Say in each array that is not in the model which file it is in."""
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = name
