"""Pictures of any format as arrays, and at another size."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
LARGEST = 1 << 27
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
    from PIL import Image, ImageOps  # noqa: PLC0415  for pictures only

    with Opened(file) as image:
        if image.mode in WORDS:  # which Pillow would cut off at 255
            grey = np.clip(np.asarray(image).astype(np.int64), 0, 65535) >> 8
            image = Image.fromarray(grey.astype(np.uint8))
        turned = ImageOps.exif_transpose(image)
        return np.asarray(turned.convert("RGB"))


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


class Opened:
    """A picture of Pillow's, decoded as a whole.

    Args:
        file: that holds it.
    """

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
