"""Pictures as arrays; each file of a data set is decoded once before it is relied on."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.errors import error
from archspec.training.data.records import Masked, Picture

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
LARGEST = 1 << 27
"""Pixels of a picture."""
_WORDS = {"I", "I;16", "I;16B", "I;16L"}
"""What Pillow calls pictures with 16 bits for a pixel."""


class PictureError(ValueError):
    """A file is no picture that can be decoded; the text says why."""


def is_picture(file: Path) -> bool:
    """Whether the name of a file says so."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def files_in(folder: Path) -> Iterator[Path]:
    """The pictures right in a folder, by name."""
    yield from sorted(file for file in folder.iterdir() if is_picture(file) and file.is_file())


def look(
    files: Iterable[Path], progress: Callable[[int, int], None] | None = None
) -> Mapping[Path, Picture | str]:
    """Each file as a picture, or why it is none.

    Args:
        files: absolute.
        progress: told how many are done, and how many there are.
    """
    wanted = list(dict.fromkeys(files))
    found: dict[Path, Picture | str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, picture in zip(wanted, pool.map(_looked, wanted), strict=True):
            found[file] = picture
            if progress:
                progress(len(found), len(wanted))
    return found


def _looked(file: Path) -> Picture | str:
    try:
        height, width, _ = _colors(file).shape
    except PictureError as reason:
        return str(reason)
    return Picture(file, height, width)


def load_image(picture: Picture) -> NDArray[np.uint8]:
    """A picture that was looked at, (h, w, 3), RGB.

    Turned as its EXIF data say; of several frames the first; what is transparent is as it is
    stored.

    Raises:
        SpecError: E706, the file is not what it was.
    """
    try:
        pixels = _colors(picture.file)
    except PictureError as reason:
        raise _changed(picture.file, str(reason)) from reason
    if pixels.shape[:2] != (picture.height, picture.width):
        raise _changed(picture.file, "it has another size")
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
        raise _changed(sample.mask, "it has another size")
    return mask


def mask_of(file: Path) -> NDArray[np.int32]:
    """A picture whose pixels are numbers: grey, or places in a palette.

    Raises:
        PictureError: it is none.
    """
    with _opened(file) as image:
        if image.mode not in {"1", "L", "P", *_WORDS}:
            raise PictureError("is no mask: it has colors, and no numbers of classes")
        return np.asarray(image).astype(np.int32)


def _colors(file: Path) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps  # noqa: PLC0415  for pictures only

    with _opened(file) as image:
        if image.mode in _WORDS:  # which Pillow would cut off at 255
            grey = np.clip(np.asarray(image).astype(np.int64), 0, 65535) >> 8
            image = Image.fromarray(grey.astype(np.uint8))
        turned = ImageOps.exif_transpose(image)
        return np.asarray(turned.convert("RGB"))


class _opened:  # noqa: N801  it is used as a function
    """A picture, decoded as a whole."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Any:  # noqa: ANN401  Pillow's
        from PIL import Image  # noqa: PLC0415

        try:
            # Damaged files warn of what is odd in them, whatever becomes of it.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._image = Image.open(self._file)
                if self._image.width * self._image.height > LARGEST:
                    raise PictureError(f"has more than {LARGEST} pixels")
                self._image.load()
        except PictureError:
            raise
        except FileNotFoundError as reason:
            raise PictureError("is not there") from reason
        except Exception as reason:  # Pillow's decoders raise whatever a damaged file leads to
            raise PictureError("does not decode") from reason
        return self._image

    def __exit__(self, *_: object) -> None:
        self._image.close()


def _changed(file: Path, why: str) -> Exception:
    hint = "pictures must stay as they are while a net is trained"
    return error("E706", f"'{file}' is not what it was at the start: {why}", hint=hint)
