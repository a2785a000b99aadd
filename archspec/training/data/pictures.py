"""Pictures as arrays; each file of a data set is decoded once before it is relied on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.errors import error
from archspec.training.data.records import Masked, Picture
from archspec.training.data.texts import is_there

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What is decoded, whatever a file's name says; others would start programs."""
LARGEST = 1 << 26
"""Pixels of a picture; less than what Pillow warns of."""
_WORDS = {"I", "I;16", "I;16B", "I;16L"}
"""What Pillow calls pictures with 16 bits for a pixel."""


class PictureError(ValueError):
    """A file is no picture that can be decoded; the text says why."""


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
    height, width, _ = _decoded(file, _colors).shape
    return Picture(file, height, width)


def load_image(picture: Picture) -> NDArray[np.uint8]:
    """A picture that was looked at, (h, w, 3), RGB.

    Turned as its EXIF data say; of several frames the first; what is transparent is as it is
    stored; of 16 bits the upper 8.

    Raises:
        SpecError: E706, the file is not what it was.
    """
    try:
        pixels = _decoded(picture.file, _colors)
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
    return _decoded(file, _numbers)


def _decoded(file: Path, make: Callable[[Any], NDArray[Any]]) -> NDArray[Any]:
    """What `make` makes of Pillow's image, of which nothing is left to decode.

    Raises:
        PictureError: there is none.
    """
    from PIL import Image  # noqa: PLC0415  for pictures only

    if not is_there(file):
        raise PictureError("is not there")
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height <= LARGEST:
                image.load()
                return make(image)
    except PictureError:
        raise
    except Image.DecompressionBombError:
        pass
    except Exception as reason:  # Pillow's decoders raise whatever a damaged file leads to
        raise PictureError("does not decode") from reason
    raise PictureError(f"has more than {LARGEST} pixels")


def _colors(image: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    from PIL import Image, ImageOps  # noqa: PLC0415  for pictures only

    # Its copies have no EXIF data any more.
    turned = ImageOps.exif_transpose(image)
    if turned.mode in _WORDS:  # which Pillow would cut off at 255
        grey = np.clip(np.asarray(turned).astype(np.int64), 0, 65535) >> 8
        turned = Image.fromarray(grey.astype(np.uint8))
    return np.asarray(turned.convert("RGB"))


def _numbers(image: Any) -> NDArray[np.int32]:  # noqa: ANN401
    if image.mode not in {"1", "L", "P", *_WORDS}:
        raise PictureError("is no mask: it has colors, and no numbers of classes")
    return np.asarray(image).astype(np.int32)


def _changed(file: Path, why: str) -> Exception:
    hint = "pictures must stay as they are while a net is trained"
    return error("E706", f"'{file}' is not what it was at the start: it {why}", hint=hint)
