"""Pictures of data sets; each file is decoded once before it is relied on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.errors import error
from archspec.pictures import SUFFIXES, WORDS, PictureError, decoded, opened
from archspec.training.data.records import Masked, Picture
from archspec.training.data.texts import is_there


def is_picture(file: Path) -> bool:
    """Whether the name of a file says so."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def files_in(folder: Path) -> Iterator[Path]:
    """The pictures right in a folder, by name."""
    yield from sorted(file for file in folder.iterdir() if is_picture(file) and is_there(file))


def look(file: Path) -> Picture:
    """A file as a picture.

    Raises:
        PictureError: it is none.
    """
    height, width, _ = decoded(file).shape
    return Picture(file, height, width)


def load_image(picture: Picture) -> NDArray[np.uint8]:
    """A picture that was looked at, (h, w, 3), RGB, see `decoded`.

    Raises:
        SpecError: E706, the file is not what it was.
    """
    try:
        pixels = decoded(picture.file)
    except PictureError as reason:
        raise _changed(picture.file, str(reason)) from reason
    if pixels.shape[:2] != (picture.height, picture.width):
        raise _changed(picture.file, "has another size")
    return pixels


def load_mask(sample: Masked) -> NDArray[np.int32]:
    """The class of each pixel of a picture, (h, w).

    Raises:
        SpecError: E706, the file is not what it was.
    """
    try:
        mask = mask_of(sample.mask)
    except PictureError as reason:
        raise _changed(sample.mask, str(reason)) from reason
    if mask.shape != (sample.picture.height, sample.picture.width):
        raise _changed(sample.mask, "has another size")
    return mask


def mask_of(file: Path) -> NDArray[np.int32]:
    """A picture whose pixels are numbers: grey, or places in a palette.

    Raises:
        PictureError: it is none.
    """
    return opened(file, _numbers)


def _numbers(image: Any) -> NDArray[np.int32]:  # noqa: ANN401
    if image.mode not in {"1", "L", "P", *WORDS}:
        raise PictureError("is no mask: it has colors, and no numbers of classes")
    return np.asarray(image).astype(np.int32)


def _changed(file: Path, why: str) -> Exception:
    hint = "pictures must stay as they are while a net is trained"
    return error("E706", f"'{file}' is not what it was at the start: it {why}", hint=hint)
