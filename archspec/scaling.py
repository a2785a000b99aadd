"""The arithmetic of widths and depths: numbers in, numbers out."""

from dataclasses import dataclass
from math import ceil, floor, isclose
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["half_up", "half_even", "down", "up"]
Whole: TypeAlias = Literal["none", "down", "half_even"]
Repeats: TypeAlias = Literal["ceil", "half_even"]


class NotWholeError(ValueError):
    """A computed count has a fraction and no rule says what to do with it."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a computed count of channels becomes a multiple of `divisor`.

    With the defaults, divisor 8 and keep 0.9 this is `_make_divisible` of TF-slim, Keras, timm and
    torchvision; mode `down` alone is `int(v)`.

    Args:
        mode: to which neighbor: "half_up" is `int(v + d/2) // d * d`, "half_even" is Python's
            `round`.
        divisor: the result is a multiple of it.
        keep: a result below keep · v goes up by one divisor; 0 never.
        floor: the least result; 0 stands for the divisor.
        integer: what is done to the product before: Keras MobileNetV2 has `int(c · a)`, ReXNet
            `round`.
    """

    mode: Mode = "half_up"
    divisor: int = 1
    keep: float = 0.0
    floor: int = 0
    integer: Whole = "none"

    def __str__(self) -> str:
        said = [f"integer {self.integer}"] if self.integer != "none" else []
        said.append(self.mode.replace("_", " "))
        said += [f"divisor {self.divisor}"] if self.divisor != 1 else []
        said += [f"keep {self.keep:g}"] if self.keep else []
        said += [f"floor {self.floor}"] if self.floor else []
        return ", ".join(said)


def round_count(value: float, rule: Rounding | None) -> int:
    """A computed count of channels, whole by the rule; without one it must be whole already.

    >>> rule = Rounding(divisor=8, keep=0.9)
    >>> round_count(41.6, rule), round_count(11.0, rule)
    (40, 16)
    >>> round_count(4.8, Rounding(mode="down")), round_count(144.0, None)
    (4, 144)

    Raises:
        NotWholeError: no rule, and a fraction.
    """
    if rule is None:
        nearest = round(value)
        # 44 · (120/44) misses 120 by a bit; no real ratio comes this near by chance.
        if not isclose(value, nearest, rel_tol=1e-9):
            raise NotWholeError(f"{value:.10g} is not whole")
        return nearest
    if rule.integer != "none":
        value = floor(value) if rule.integer == "down" else round(value)
    result = max(rule.floor or rule.divisor, _to_multiple(value, rule))
    return result + rule.divisor if result < rule.keep * value else result


def _to_multiple(value: float, rule: Rounding) -> int:
    divisor = rule.divisor
    if rule.mode == "half_even":
        return round(value / divisor) * divisor
    if rule.mode == "half_up":
        return int(value + divisor / 2) // divisor * divisor
    return (floor if rule.mode == "down" else ceil)(value / divisor) * divisor


def scale_repeats(repeats: int, depth: float, mode: Repeats) -> int:
    """Repeats of a row at a depth, at least one; kept at depth 1.

    >>> scale_repeats(4, 1.1, "ceil"), scale_repeats(1, 0.5, "half_even")
    (5, 1)
    """
    if depth == 1.0:
        return repeats
    scaled = repeats * depth
    return max(1, ceil(scaled) if mode == "ceil" else round(scaled))
