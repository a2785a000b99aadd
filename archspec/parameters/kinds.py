"""Kinds of plain values: what is let through, the words for a message, the way to read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

MAX_CHANNELS = 1 << 17
MAX_REPEATS = 1024
MAX_CLASSES = 1 << 20
MAX_SIZE = 1 << 14

Window: TypeAlias = tuple[int, int]
Kernel: TypeAlias = tuple[Window, ...]
"""One window (h, w), or several that share the channels out among them."""

OFF = "none"


def _as_it_is(value: Any) -> Any:  # noqa: ANN401  of any kind
    return value


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401
    return cast("list[Any]", value) if isinstance(value, list) else [value]


@dataclass(frozen=True, eq=False)
class Kind:
    """What a value may be.

    Args:
        wanted: what a message says is wanted.
        schema: JSON Schema of it, draft-07 vocabulary.
        read: a value that the schema let through → as the parameter class holds it.
        bounds: of a number; what a ramp computes must lie between them.
        whole: whether a ramp must compute whole numbers.
    """

    wanted: str
    schema: dict[str, Any]
    read: Callable[[Any], Any] = _as_it_is
    bounds: tuple[float, float] | None = None
    whole: bool = False


def integer(low: int, high: int) -> Kind:
    """A whole number."""
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Kind(f"a whole number from {low} to {high}", schema, int, (low, high), whole=True)


def number(low: float, high: float) -> Kind:
    """A number."""
    schema = {"type": "number", "minimum": low, "maximum": high}
    return Kind(f"a number from {low:g} to {high:g}", schema, float, (low, high))


def integers(low: int, high: int, most: int) -> Kind:
    """A list of whole numbers, `most` at most, or none of them."""
    items = {"type": "integer", "minimum": low, "maximum": high}
    schema = {"type": "array", "items": items, "maxItems": most}
    return Kind(f"a list of whole numbers from {low} to {high}", schema, tuple)


_FRACTION = {
    "type": "string",
    "pattern": r"^[0-9]{1,6}(\.[0-9]{1,6})?/[1-9][0-9]{0,5}(\.[0-9]{1,6})?$",
}


def _read_ratio(value: float | str) -> float:
    if isinstance(value, str):
        top, bottom = value.split("/")
        return float(top) / float(bottom)
    return float(value)


def ratio(high: float) -> Kind:
    """A number over 0, or a fraction such as `1/12`; a float, as the authors' code has it."""
    schema = {"type": "number", "exclusiveMinimum": 0, "maximum": high}
    wanted = f"a number over 0 up to {high:g}, or a fraction such as 1/12"
    return Kind(wanted, {"anyOf": [schema, _FRACTION]}, _read_ratio, (0, high))


def word(*choices: str) -> Kind:
    """One of a few words."""
    wanted = ", ".join(choices)
    wanted = f"one of {wanted}" if len(choices) > 1 else wanted
    return Kind(wanted, {"enum": list(choices)})


FLAG = Kind("true or false", {"type": "boolean"})


def either(first: Kind, second: Kind) -> Kind:
    """A value of one of two kinds, read as it is."""
    return Kind(f"{first.wanted}, or {second.wanted}", {"anyOf": [first.schema, second.schema]})


_MAX_KERNEL = 255
_WINDOW: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": _MAX_KERNEL},
        {"type": "string", "pattern": r"^[1-9][0-9]?x[1-9][0-9]?$"},
    ]
}


def _read_window(value: float | str) -> Window:
    if isinstance(value, str):
        height, width = value.split("x")
        return int(height), int(width)
    return int(value), int(value)


def _read_kernel(value: Any) -> Kernel:  # noqa: ANN401
    return tuple(map(_read_window, _as_list(value)))


KERNEL = Kind("a kernel: 3, or a rectangle 1x7", _WINDOW, _read_kernel)
_WINDOWS: dict[str, Any] = {
    "anyOf": [
        *_WINDOW["anyOf"],
        {"type": "array", "items": _WINDOW, "minItems": 2, "maxItems": 16},
    ]
}
MIXED_KERNEL = Kind("a kernel: 3, a rectangle 1x7, or a mix [3, 5, 7]", _WINDOWS, _read_kernel)
"""The windows of a mix share the channels out among them."""
KERNELS = Kind("kernels: 3, a rectangle 1x7, or several [3, 5, 7]", _WINDOWS, _read_kernel)
"""Each window sees all channels."""

_ANY_NUMBER: dict[str, Any] = {"anyOf": [{"type": "number"}, _FRACTION]}


def _read_numbers(value: Any) -> tuple[float, ...]:  # noqa: ANN401
    return tuple(map(_read_ratio, _as_list(value)))


NUMBERS = Kind(
    "a number, or a list with one for each channel",
    {
        "anyOf": [
            *_ANY_NUMBER["anyOf"],
            {"type": "array", "items": _ANY_NUMBER, "minItems": 1, "maxItems": 64},
        ]
    },
    _read_numbers,
)


def _rgb(number: dict[str, Any], wanted: str) -> Kind:
    """A number, or one for each of three channels."""
    several = {"type": "array", "items": number, "minItems": 3, "maxItems": 3}
    schema = {"anyOf": [*number["anyOf"], several]}
    return Kind(f"{wanted}, or a list of three", schema, _read_numbers)


RGB = _rgb(_ANY_NUMBER, "a number")
RGB_OVER_0 = _rgb(ratio(65535).schema, "a number over 0")

_SIZE: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": MAX_SIZE}


def _read_size(value: Any) -> tuple[int, ...]:  # noqa: ANN401
    values = _as_list(value)
    return tuple(map(int, values if len(values) > 1 else [*values, *values, 3]))


IMAGE_SIZE = Kind(
    f"a size from 1 to {MAX_SIZE}, or [height, width, channels]",
    {"anyOf": [_SIZE, {"type": "array", "items": _SIZE, "minItems": 3, "maxItems": 3}]},
    _read_size,
)
"""`224` is [224, 224, 3]."""

_MOST_COST = 1 << 62
_WHOLE_COST = {"type": "integer", "minimum": 1, "maximum": _MOST_COST}
_NOT_ZERO = r"^(?![0.]+[A-Za-z])"
_THOUSANDS = {"K": 1000, "M": 1000**2, "G": 1000**3}
_UNITS = {
    **_THOUSANDS,
    **{f"{key}B": value for key, value in (("k", 1000), ("M", 1000**2), ("G", 1000**3))},
    **{f"{key}iB": 1024**power for power, key in enumerate("KMG", 1)},
    "B": 1,
}
_EIGHTHS = "00?0?|125|250?|375|50?0?|625|750?|875"
"""Of up to three places behind the point, those that come out whole for a power of 1024."""


def _decimals(units: Mapping[str, int]) -> str:
    """Numbers that come out whole: three places behind the point for a thousand, six, nine."""
    return "|".join(
        rf"[0-9]{{1,9}}(\.[0-9]{{1,{3 * place}}})?{unit}" for place, unit in enumerate(units, 1)
    )


def _cost(wanted: str, pattern: str) -> Kind:
    forms = [_WHOLE_COST, {"type": "string", "pattern": rf"{_NOT_ZERO}({pattern})$(?!\n)"}]
    return Kind(wanted, {"anyOf": forms}, _read_cost)


def _read_cost(value: float | str) -> int:
    """A number with its unit, exactly.

    >>> _read_cost("3.4M"), _read_cost("1.5KiB"), _read_cost(5)
    (3400000, 1536, 5)
    """
    if not isinstance(value, str):
        return int(value)
    number = value.rstrip("kKMGiB")
    whole, _point, part = number.partition(".")
    return int(whole + part) * _UNITS[value[len(number) :]] // 10 ** len(part)


COUNT = _cost(
    "a whole number, or one with K, M or G that comes out whole, such as 3.4M",
    _decimals(_THOUSANDS),
)
BYTES = _cost(
    "a number of bytes, or one with B, kB, MB, GB, KiB, MiB or GiB that comes out whole, such as "
    "256KiB",
    rf"[0-9]{{1,18}}B|{_decimals(dict.fromkeys(('kB', 'MB', 'GB'), 0))}"
    rf"|[0-9]{{1,9}}(\.({_EIGHTHS}))?[KMG]iB",
)
