"""What a layer's config says, read word by word; whatever is not read must not be there."""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any, Literal, TypeAlias, TypeGuard

from archspec.errors import quoted

Value: TypeAlias = Any
"""Anything that JSON can hold."""

LARGEST = 1 << 24
"""Of any whole number that a layer says: more than images, channels or groups are."""
FLOATS = {
    f"{mixed}{name}" for mixed in ("", "mixed_") for name in ("float64", "float32", "float16")
} | {"bfloat16", "mixed_bfloat16"}
"""Policies of what computes as float32 does, or less exactly."""
TRAINING = ("_initializer", "_regularizer", "_constraint")
"""Ends of settings that say how a layer is trained."""
IDLE = {
    "activity_regularizer", "autocast", "batch_input_shape", "momentum", "name", "renorm_momentum",
    "seed", "synchronized", "trainable",
}  # fmt: skip
"""Other settings that change nothing of what is computed when nothing is trained."""


class RefusedError(ValueError):
    """What a layer says cannot be said with our ops; the text says which."""


class Said:
    """The settings of one layer.

    Args:
        settings: by name, as the config has them.
    """

    def __init__(self, settings: Mapping[str, Value]) -> None:
        self._left = {
            name: value
            for name, value in settings.items()
            if name not in IDLE and not name.endswith(TRAINING) and value is not None
        }
        _need_floats(self._left.pop("dtype", "float32"))
        self.one_of("data_format", ("channels_last",), "channels_last")

    def take(self, name: str, default: Value = None) -> Value:
        """A setting as it is."""
        return self._left.pop(name, default)

    def one_of(self, name: str, words: Collection[str], default: str = "") -> str:
        """One of some words."""
        word = self.take(name, default)
        if not isinstance(word, str) or word not in words:
            raise RefusedError(f"{name} is {quoted(word)}")
        return word

    def flag(self, name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002  by its name
        """True or false."""
        value = self.take(name, default)
        if not isinstance(value, bool):
            raise RefusedError(f"{name} is {quoted(value)}, not true or false")
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """A count, one or more."""
        return count(self.take(name, default), name)

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number."""
        return number(self.take(name, default), name)

    def pair(self, name: str, default: tuple[int, int] | None = None) -> tuple[int, int]:
        """Two counts, of height and of width; one may stand for both."""
        value = self.take(name, list(default) if default else None)
        height, width = value if is_list(value, 2) else (value, value)
        return count(height, name), count(width, name)

    def equal(self, name: str, default: tuple[int, int] = (1, 1)) -> int:
        """One count for height and width."""
        height, width = self.pair(name, default)
        if height != width:
            raise RefusedError(f"{name} is {height} of height and {width} of width")
        return height

    def padding(self) -> Literal["same", "valid"]:
        """How a window is padded."""
        return "same" if self.one_of("padding", ("valid", "same"), "valid") == "same" else "valid"

    def sides(self, name: str) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels above and below, to the left and to the right."""
        value = self.take(name)
        rows, columns = value if is_list(value, 2) else (value, value)
        (top, bottom), (left, right) = (
            axis if is_list(axis, 2) else (axis, axis) for axis in (rows, columns)
        )
        return (
            (count(top, name, 0), count(bottom, name, 0)),
            (count(left, name, 0), count(right, name, 0)),
        )

    def need(self, name: str, wanted: Value, default: Value = None) -> None:
        """Refuse any other value."""
        value = self.take(name, default)
        if value != wanted:
            raise RefusedError(f"{name} is {quoted(value)}")

    def finish(self) -> None:
        """Refuse what nobody has read."""
        for name, value in self._left.items():
            raise RefusedError(f"{name} is {quoted(value)}")


def is_list(value: Value, length: int | None = None) -> TypeGuard[list[Value]]:
    """Whether a value is a list, of so many."""
    return isinstance(value, list) and length in {None, len(value)}  # pyright: ignore[reportUnknownArgumentType]


def is_object(value: Value) -> TypeGuard[dict[str, Value]]:
    """Whether a value is an object, whose names are always texts."""
    return isinstance(value, dict)


def count(value: Value, name: str, least: int = 1) -> int:
    """A whole number that a layer may say."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
        raise RefusedError(f"{name} is {quoted(value)}, not a number from {least} on")
    return value


def number(value: Value, name: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(f"{name} is {quoted(value)}, not a number")
    try:
        found = float(value)
    except OverflowError:
        found = float("inf")
    if not isfinite(found):
        raise RefusedError(f"{name} is not finite")
    return found


def numbers(value: Value, name: str) -> tuple[float, ...]:
    """One number, or one for each channel: all axes but the last of one element only."""
    while is_list(value, 1) and is_list(value[0]):
        value = value[0]
    if is_list(value):
        return tuple(number(item, name) for item in value)
    return (number(value, name),)


def _need_floats(dtype: Value) -> None:
    """Refuse layers that compute with whole numbers: arrays of theirs are quantized."""
    config: Value = dtype.get("config") if is_object(dtype) else None
    kind: Value = dtype.get("class_name") if is_object(dtype) else None
    name: Value = config.get("name", kind) if is_object(config) else dtype
    if not isinstance(name, str) or name not in FLOATS:
        raise RefusedError(f"it computes in {quoted(name)}")
