"""Layers that pad, crop, resize, flatten and reshape."""

from collections.abc import Sequence
from typing import Literal

from archspec.errors import quoted
from archspec.lift.said import RefusedError, count, is_list
from archspec.lift.site import Site
from archspec.ops import (
    Crop,
    Flatten,
    Pad,
    Resize,
    Rows,
    Shape,
)


def pad(site: Site) -> None:
    """ZeroPadding2D."""
    site.image()
    site.finish(site.add(Pad(*site.said.sides("padding")), site.value()))


def crop(site: Site) -> None:
    """Cropping2D."""
    site.image()
    site.finish(site.add(Crop(*site.said.sides("cropping")), site.value()))


def upsample(site: Site) -> None:
    """UpSampling2D."""
    site.image()
    factor = site.said.pair("size", (2, 2))
    site.finish(site.add(Resize(_mode(site), factor=factor), site.value()))


def resizing(site: Site) -> None:
    """Resizing, without smoothing and without cropping."""
    said = site.said
    for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        said.need(name, wanted=False, default=False)
    for name in ("fill_mode", "fill_value"):
        said.take(name)
    size = said.integer("height"), said.integer("width")
    height, width, _ = site.image()
    mode = _mode(site)
    if mode == "nearest" and (size[0] % height or size[1] % width):
        # TensorFlow takes the pixel at the center, which is another one.
        raise RefusedError(f"the nearest pixels of {height}x{width} for {size[0]}x{size[1]}")
    site.finish(site.add(Resize(mode, size), site.value()))


def _mode(site: Site) -> Literal["nearest", "bilinear"]:
    word = site.said.one_of("interpolation", ("nearest", "bilinear"), "nearest")
    return "nearest" if word == "nearest" else "bilinear"


def flatten(site: Site) -> None:
    """Flatten; nothing where a vector comes that stays an image."""
    value = site.value()
    if site.kept and site.draft.build.shapes[value][:-1] == (1, 1):
        site.finish(value, flat=True)
    else:
        site.finish(site.add(Flatten(), value))


def reshape(site: Site) -> None:
    """Reshape: of what keeps its shape, images to vectors or rows, vectors that were one pixel."""
    wanted = site.said.take("target_shape")
    reshape_to(site, wanted if is_list(wanted) else [wanted])


def reshape_to(site: Site, wanted: Sequence[object]) -> None:
    """The same for a shape in which one number may be -1."""
    tensor = site.tensors[0]
    shape = _known(wanted, tensor.shape)
    if shape == tensor.shape:
        site.finish(tensor.value, flat=len(shape) == 1)
    elif shape == site.draft.build.shapes[tensor.value]:
        site.finish(tensor.value)
    elif len(shape) == 1:
        site.finish(site.add(Flatten(), tensor.value))
    elif len(shape) == 2 and len(tensor.shape) == 3:  # noqa: PLR2004  rows of an image
        site.finish(site.add(Rows(shape[1]), tensor.value))
    else:
        raise RefusedError(f"{list(tensor.shape)} becomes {list(shape)}")


def _known(wanted: Sequence[object], shape: Shape) -> Shape:
    """The shape with a number for its -1, with all of those of `shape`."""
    total, free = 1, 0
    for size in shape:
        total *= size
    known = 1
    for size in wanted:
        if size == -1:
            free += 1
        else:
            known *= count(size, "target_shape")
    if free > 1 or total % known:
        raise RefusedError(f"target_shape is {quoted(wanted)}")
    return tuple(total // known if size == -1 else count(size, "target_shape") for size in wanted)


def permute(site: Site) -> None:
    """Permute, where it leaves the order, or turns axes of one pixel."""
    dims = site.said.take("dims")
    if dims != [*range(1, len(site.shape) + 1)]:
        raise RefusedError(f"dims is {quoted(dims)}")
    site.finish(site.value())
