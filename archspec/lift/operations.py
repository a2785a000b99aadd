"""What operations of `keras.ops` are in our ops, where they stand alone."""

from collections.abc import Sequence

from archspec.errors import quoted
from archspec.lift.said import RefusedError, Value, is_list, number
from archspec.lift.shapes import reshape_to
from archspec.lift.site import Site
from archspec.lift.structure import ELLIPSIS
from archspec.ops import GlobalPool, Pad, Resize, Slice, nearest


def argument(site: Site, place: int, name: str, default: Value = None) -> Value:
    """What an operation is told, in its config or in its call."""
    for value in (site.said.take(name), site.call.named.get(name)):
        if value is not None:
            return value
    return site.call.args[place] if len(site.call.args) > place else default


def get_item(site: Site) -> None:
    """`value[..., start:stop]`: some channels."""
    key, rank = argument(site, 1, "key"), len(site.shape) + 1
    *axes, last = key if is_list(key) and key else [None]
    whole = [None, None, None]
    full = axes == [ELLIPSIS] or axes == [whole] * (rank - 1)
    if not full or not is_list(last, 3) or last[2] not in (None, 1):
        raise RefusedError(f"it takes {quoted(key)}, not channels in a row")
    start, stop, _ = slice(*map(_end, last)).indices(site.channels)
    if start >= stop:
        raise RefusedError(f"it takes no channel of {site.channels}")
    site.finish(site.add(Slice(start, stop), site.value()))


def _end(value: Value) -> int | None:
    if value is not None and type(value) is not int:
        raise RefusedError(f"it takes channels from or to {quoted(value)}")
    return value


def mean(site: Site) -> None:
    """The mean over height and width."""
    _reduce(site, GlobalPool())


def largest(site: Site) -> None:
    """The largest value over height and width."""
    _reduce(site, GlobalPool("max"))


def _reduce(site: Site, op: GlobalPool) -> None:
    site.image()
    axis = argument(site, 1, "axis")
    flat = not argument(site, 2, "keepdims", default=False)
    if not is_list(axis, 2) or sorted(place % 4 if type(place) is int else 0 for place in axis) != [
        1,
        2,
    ]:
        raise RefusedError(f"axis is {quoted(axis)}, not height and width")
    site.finish(site.add(op, site.value()), flat=flat)


def pad(site: Site) -> None:
    """Pixels of one value around an image."""
    site.image()
    width, mode = argument(site, 1, "pad_width"), argument(site, 2, "mode", "constant")
    value = argument(site, 3, "constant_values", 0.0)
    if mode != "constant":
        raise RefusedError(f"mode is {quoted(mode)}")
    value = value if value == float("-inf") else number(value, "constant_values")
    batch, rows, columns, channels = map(_sides, _axes(width, 4))
    if any(batch) or any(channels):
        raise RefusedError("it pads more than height and width")
    site.finish(site.add(Pad(rows, columns, float(value)), site.value()))


def _axes(value: Value, length: int) -> Sequence[Value]:
    if not is_list(value, length):
        raise RefusedError(f"pad_width is {quoted(value)}")
    return value


def _sides(value: Value) -> tuple[int, int]:
    before, after = _axes(value, 2)
    if type(before) is not int or type(after) is not int or min(before, after) < 0:
        raise RefusedError(f"pad_width is {quoted(value)}")
    return before, after


def take(site: Site) -> None:
    """The nearest pixels along height or width."""
    height, width, _ = site.image()
    places, axis = argument(site, 1, "indices"), argument(site, 2, "axis")
    if axis not in (1, 2) or not is_list(places) or not places:
        raise RefusedError(f"axis is {quoted(axis)}, not that of height or width")
    size = (height, width)[axis - 1]
    if len(places) > 1 << 16 or tuple(places) != nearest(size, len(places)):
        raise RefusedError(f"it takes {quoted(places)}, not the nearest pixels")
    wanted = (len(places), width) if axis == 1 else (height, len(places))
    site.finish(site.add(Resize("nearest", wanted), site.value()))


def resize(site: Site) -> None:
    """`keras.ops.image.resize`, between pixels."""
    site.image()
    for name in ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio"):
        site.said.need(name, wanted=False, default=False)
    for name in ("fill_mode", "fill_value"):
        site.said.take(name)
    size = argument(site, 1, "size")
    if argument(site, 2, "interpolation", "bilinear") != "bilinear" or not is_list(size, 2):
        raise RefusedError("it takes nearest pixels, or more than two")
    site.said.take("size")
    height, width = (int(number(side, "size")) for side in size)
    if min(height, width) < 1 or max(height, width) > 1 << 24:
        raise RefusedError(f"size is {quoted(size)}")
    site.finish(site.add(Resize("bilinear", (height, width)), site.value()))


def reshape(site: Site) -> None:
    """To another shape, with the batch before it."""
    wanted = argument(site, 1, "newshape")
    if not is_list(wanted) or (wanted[:1] != [-1] and wanted[:1] != [None]):
        raise RefusedError(f"newshape is {quoted(wanted)}")
    reshape_to(site, wanted[1:])
