"""Pictures of any format as arrays, and at another size."""

import os
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What is decoded, whatever a file's name says; Pillow starts programs for some others."""
LARGEST = 1 << 26
"""Pixels of a picture."""
WORDS = {"I", "I;16", "I;16B", "I;16L"}
"""What Pillow calls pictures with 16 bits for a pixel."""


class PictureError(ValueError):
    """A file is no picture that can be decoded; the text says why."""


def decoded(file: Path) -> NDArray[np.uint8]:
    """A picture, (h, w, 3), RGB.

    Turned as its EXIF data say; of several frames the first; what is transparent is as it is
    stored; of 16 bits the upper 8.

    Raises:
        PictureError: it does not decode.
    """
    return opened(file, _colors)


def _colors(image: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    from PIL import Image, ImageOps  # noqa: PLC0415  for pictures only

    if image.mode == "F":  # whether 1 or 255 is white, nothing says
        raise PictureError("has pixels of floating point")
    # What is made of pixels has no EXIF data any more.
    turned = ImageOps.exif_transpose(image)
    if turned.mode in WORDS:  # which Pillow would cut off at 255
        grey = np.clip(np.asarray(turned).astype(np.int64), 0, 65535) >> 8
        turned = Image.fromarray(grey.astype(np.uint8))
    return np.asarray(turned.convert("RGB"))


def opened(file: Path, make: Callable[[Any], NDArray[Any]]) -> NDArray[Any]:
    """What `make` makes of a picture of Pillow's, of which nothing is left to decode.

    Raises:
        PictureError: there is none.
    """
    from PIL import Image  # noqa: PLC0415  for pictures only

    if not os.path.isfile(file):  # noqa: PTH113  Path.is_file raises where a name is too long
        raise PictureError("is a folder" if os.path.isdir(file) else "is not there")  # noqa: PTH112  likewise
    try:
        with _quiet(), Image.open(file, formats=FORMATS) as image:
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


@contextmanager
def _quiet() -> Generator[None]:
    """Without Pillow's warnings of what is odd in damaged files, whatever becomes of them.

    Filters are of all threads, so that other threads must not change them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def scaled(image: NDArray[Any], size: Sequence[int], channels: int = 3) -> NDArray[Any]:
    """A picture (h, w, 3) of another size, whatever its proportions; bilinear, grey if wanted."""
    from PIL import Image  # noqa: PLC0415

    picture = Image.fromarray(image)
    if channels == 1:
        picture = picture.convert("L")
    height, width = size
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(height, width, channels)


def nearest(mask: NDArray[Any], size: Sequence[int]) -> NDArray[Any]:
    """A mask (h, w) of another size: of each pixel, the one that its middle lies in."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for old, new in zip(mask.shape, size, strict=True)
    )
    return mask[rows[:, np.newaxis], columns]
