"""Images to calibrate with: a folder of pictures, or a .npy array; read a few at a time."""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np

from archspec.deploy.quantize.session import Array, Shape
from archspec.errors import SpecError, cause, error
from archspec.spec import Normalization

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
"""What names of picture files end with, in letters of either case."""

HELD_BACK = 5
"""Every fifth image is held back to compare with; of fewer than five, the last."""

CROP = 0.875
"""Share of the shorter side that is kept, as ImageNet's nets are evaluated: 224 of 256."""

_MODES = {1: "L", 3: "RGB"}
"""Channels → Pillow's name for such pictures."""


@dataclass(frozen=True)
class Calibration:
    """Images as a net reads them, each loaded when it is needed.

    Args:
        names: what each is called, in a fixed order.
        shape: of each one, (h, w, c).
        digest: SHA-256 of the files that they are in, hexadecimal.
        load: place in `names` → the image, float32; None where the file is no picture.
        floats: whether they are floats already, and not pixels.
    """

    names: Sequence[str]
    shape: Shape
    digest: str
    load: Callable[[int], Array | None]
    floats: bool = False

    @property
    def held_back(self) -> Sequence[int]:
        """The places of the images that are compared with, not calibrated with."""
        count = len(self.names)
        return range(HELD_BACK - 1, count, HELD_BACK) if count >= HELD_BACK else [count - 1]

    @property
    def calibrating(self) -> Sequence[int]:
        """The places of all others."""
        held_back = set(self.held_back)
        return [place for place in range(len(self.names)) if place not in held_back]

    def images(self) -> Iterator[Array]:
        """All of them that can be read, one after the other."""
        loaded = map(self.load, range(len(self.names)))
        return (image for image in loaded if image is not None)

    def batches(
        self, places: Sequence[int], size: int, unreadable: list[str]
    ) -> Iterator[tuple[int, Array]]:
        """How many places are done, and the images of the last of them: (n, h, w, c), n ≤ `size`.

        Args:
            places: in `names`.
            size: images in a batch.
            unreadable: takes the names of the files that are no pictures.

        Raises:
            SpecError: E455, an image is not finite.
        """
        for begin in range(0, len(places), size):
            some = places[begin : begin + size]
            loaded = {place: self.load(place) for place in some}
            unreadable += [self.names[place] for place, image in loaded.items() if image is None]
            images = [image for image in loaded.values() if image is not None]
            if images:
                yield begin + len(some), np.stack(images)


def read_images(
    path: str | os.PathLike[str],
    shape: Shape,
    normalization: Normalization | None = None,
    *,
    pixels: bool = False,
) -> Calibration:
    """Images to calibrate a net with that reads (h, w, c) = `shape`.

    A folder is searched with all folders in it for .jpg, .jpeg, .png and .webp, sorted by path.
    Pictures are turned as EXIF says, made RGB (grey where the net reads one channel), scaled
    with bicubic interpolation until the net's input is 7/8 of what is covered, and cropped to its
    middle. A .npy file holds (n, h, w, c), either uint8 pixels or floats; floats are what the net
    reads, nothing is done to them.

    Args:
        path: the folder, or a file whose name ends with .npy.
        shape: height, width, channels.
        normalization: of pixels; None: the net takes them as they are, RGB from 0 to 255.
        pixels: whether it reads uint8, which floats are not.

    Raises:
        SpecError: E450, the path cannot be read; E451, no pictures in it; E452, fewer than two
            images; E453, not a .npy file; E454, the array is of another shape or type; E456,
            pictures do not have so many channels, or the normalization is of others.
    """
    normal = partial(_normal, _AS_THEY_ARE if normalization is None else normalization)
    _need_channels(shape[2], normalization)
    where = Path(path)
    try:
        where.stat()
        if where.suffix == ".npy":
            found = _from_array(where, shape, normal, pixels=pixels)
        else:
            found = _from_folder(where, shape, normal)
    except (OSError, ValueError) as reason:
        raise error("E450", f"cannot read {os.fspath(path)!r}: {cause(reason)}") from reason
    if len(found.names) < 2:  # noqa: PLR2004  one to calibrate with, one to compare with
        raise too_few(len(found.names))
    return found


def too_few(count: int) -> SpecError:
    """The error of images of which none is left to calibrate, or to compare with."""
    images = "image" if count == 1 else "images"
    message = f"{count} {images} to calibrate with; wanted: 2 at least, of which one is held back"
    return error("E452", message, hint="a hundred or more make good ranges")


def _need_channels(channels: int, normalization: Normalization | None) -> None:
    rgb = normalization is not None and len(normalization.affine()[0]) > 1
    if rgb and channels != 3:  # noqa: PLR2004  RGB
        raise error("E456", f"the normalization is of RGB, the net reads {channels} channels")


_AS_THEY_ARE = Normalization(scale=1.0)


def _normal(normalization: Normalization, pixels: Array) -> Array:
    scale, offset = (np.array(values) for values in normalization.affine())
    ordered = pixels[..., ::-1] if normalization.order == "bgr" else pixels
    return (ordered * scale + offset).astype(np.float32)


def _from_folder(folder: Path, shape: Shape, normal: Callable[[Array], Array]) -> Calibration:
    if not folder.is_dir():
        reason = "it is neither a folder nor a .npy file"
        raise error("E450", f"cannot read {str(folder)!r}: {reason}")
    if shape[2] not in _MODES:
        hint = "give the images as a .npy file, (n, h, w, c)"
        message = f"pictures have 1 or 3 channels, the net reads {shape[2]}"
        raise error("E456", message, hint=hint)
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not files:
        message = f"there is no picture in '{folder}'"
        raise error("E451", message, hint=f"names of pictures end with {', '.join(PICTURES)}")
    digest = sha256()
    for file in files:
        with file.open("rb") as opened:
            digest.update(file_digest(opened, "sha256").digest())
    names = [file.relative_to(folder).as_posix() for file in files]
    return Calibration(names, shape, digest.hexdigest(), partial(_picture, files, shape, normal))


def _picture(
    files: Sequence[Path], shape: Shape, normal: Callable[[Array], Array], place: int
) -> Array | None:
    from PIL import Image, ImageOps  # noqa: PLC0415  for pictures only

    height, width, channels = shape
    # Decoders of damaged files raise all kinds of exceptions; a picture of absurd size warns.
    try:
        with warnings.catch_warnings(), Image.open(files[place]) as opened:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = ImageOps.exif_transpose(opened).convert(_MODES[channels])
    except Exception:  # noqa: BLE001
        return None
    share = min(picture.height / height, picture.width / width) * CROP
    high, wide = height * share, width * share
    top, left = (picture.height - high) / 2, (picture.width - wide) / 2
    middle = (left, top, left + wide, top + high)  # first: of a long one the rest is too large
    scaled = picture.resize((width, height), Image.Resampling.BICUBIC, middle)
    return normal(np.asarray(scaled, np.uint8).reshape(shape))


def _from_array(
    path: Path, shape: Shape, normal: Callable[[Array], Array], *, pixels: bool
) -> Calibration:
    with path.open("rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
    # What a damaged header raises depends on what stands in it; of arrays alone, no pickles.
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except OSError:
        raise
    except Exception as reason:
        raise error("E453", f"'{path}' is not a .npy file of numbers") from reason
    if array.ndim != 4 or array.shape[1:] != shape:  # noqa: PLR2004  n, h, w, c
        have, want = (", ".join(map(str, sizes)) for sizes in (array.shape, ("n", *shape)))
        raise error("E454", f"'{path}' holds an array ({have}); wanted: ({want})")
    if array.dtype != np.uint8 and (pixels or array.dtype.kind != "f"):
        others = "" if pixels else ", or floats that the net reads"
        raise error("E454", f"'{path}' holds {array.dtype}; wanted: uint8 pixels{others}")
    names = [f"image {place}" for place in range(len(array))]
    load = partial(_from_place, path, array, normal)
    return Calibration(names, shape, digest, load, floats=array.dtype.kind == "f")


def _from_place(path: Path, array: Array, normal: Callable[[Array], Array], place: int) -> Array:
    image = array[place]
    if image.dtype == np.uint8:
        return normal(image)
    with np.errstate(over="ignore"):
        image = np.asarray(image, np.float32)
    if not np.isfinite(image).all():
        raise error("E455", f"image {place} of '{path}' is not finite: it has NaN or infinity")
    return image
