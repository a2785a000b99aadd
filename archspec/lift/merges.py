"""Layers and operations of several values, and of a value and numbers."""

from collections.abc import Sequence

from archspec.errors import quoted
from archspec.lift.said import RefusedError, Value, is_list, numbers
from archspec.lift.site import Site
from archspec.lift.structure import Read
from archspec.ops import Activation, Add, Concat, Multiply, Rescale


def operands(site: Site) -> Sequence[Value]:
    """What a layer or an operation of two reads: tensors, numbers, lists of numbers."""
    args = [value for value in (*site.call.args, *site.call.named.values()) if value is not None]
    if len(args) == 1 and is_list(args[0]):
        return args[0]
    return args


def add(site: Site) -> None:
    """Add."""
    _only_tensors(site)
    site.finish(site.add(Add(), *site.values()))


def average(site: Site) -> None:
    """Average."""
    _only_tensors(site)
    total = site.add(Add(), *site.values(), part="sum")
    site.finish(site.add(Rescale((1 / len(site.tensors),)), total))


def subtract(site: Site) -> None:
    """Subtract: the sum with the negative."""
    _only_tensors(site)
    first, second = _pair(site)
    minus = site.add(Rescale((-1.0,)), second, part="minus")
    site.finish(site.add(Add(), first, minus))


def maximum(site: Site) -> None:
    """Maximum: what is more than the first one, and that."""
    _extreme(site, 1.0)


def minimum(site: Site) -> None:
    """Minimum: the first one, without what is less."""
    _extreme(site, -1.0)


def _extreme(site: Site, sign: float) -> None:
    """First + sign · relu(sign · (second - first))."""
    _only_tensors(site)
    first, second = _pair(site)
    minus = site.add(Rescale((-1.0,)), first, part="minus")
    more = site.add(Add(), second, minus, part="more")
    if sign < 0:
        more = site.add(Rescale((sign,)), more, part="less")
    more = site.add(Activation("relu"), more, part="above")
    if sign < 0:
        more = site.add(Rescale((sign,)), more, part="below")
    site.finish(site.add(Add(), first, more))


def multiply(site: Site) -> None:
    """Multiply, the larger one first."""
    _only_tensors(site)
    value, *others = site.values()
    for place, other in enumerate(others, start=2):
        part = "" if place > len(others) else f"of{place}"
        value = _product(site, value, other, part)
    site.finish(value)


def _product(site: Site, one: str, other: str, part: str = "") -> str:
    shapes = site.draft.build.shapes
    if shapes[one] != shapes[other] and all(
        here in {1, there} for here, there in zip(shapes[one], shapes[other], strict=False)
    ):
        one, other = other, one
    return site.add(Multiply(), one, other, part=part)


def concatenate(site: Site) -> None:
    """Concatenate along the channels."""
    axis = site.said.take("axis", -1)
    if axis not in (-1, len(site.shape)):
        raise RefusedError(f"axis is {quoted(axis)}, not that of the channels")
    _only_tensors(site)
    site.finish(site.add(Concat(), *site.values()))


def custom_scale(site: Site) -> None:
    """CustomScaleLayer of InceptionResNetV2: the first and so much of the second."""
    first, second = _pair(site)
    share = site.add(Rescale((site.said.number("scale"),)), second, part="share")
    site.finish(site.add(Add(), first, share))


def plus(site: Site) -> None:
    """`+` of two values, or of a value and numbers."""
    first, second = _two(site)
    if isinstance(first, Read) and isinstance(second, Read):
        add(site)
        return
    _rescale(site, (1.0,), numbers(second if isinstance(first, Read) else first, "a term"))


def minus(site: Site) -> None:
    """`-` of two values, or of a value and numbers."""
    first, second = _two(site)
    if isinstance(first, Read) and isinstance(second, Read):
        subtract(site)
    elif isinstance(first, Read):
        _rescale(site, (1.0,), tuple(-term for term in numbers(second, "a term")))
    else:
        _rescale(site, (-1.0,), numbers(first, "a term"))


def times(site: Site) -> None:
    """`*` of two values, or of a value and numbers."""
    first, second = _two(site)
    if isinstance(first, Read) and isinstance(second, Read):
        multiply(site)
        return
    _rescale(site, numbers(second if isinstance(first, Read) else first, "a factor"), (0.0,))


def over(site: Site) -> None:
    """`/` of a value by numbers."""
    first, second = _two(site)
    if not isinstance(first, Read) or isinstance(second, Read):
        raise RefusedError("it divides by a value")
    divisors = numbers(second, "a divisor")
    if 0 in divisors:
        raise RefusedError("it divides by zero")
    _rescale(site, tuple(1 / divisor for divisor in divisors), (0.0,))


def _rescale(site: Site, scale: tuple[float, ...], offset: tuple[float, ...]) -> None:
    site.finish(site.add(Rescale(scale, offset), site.value()))


def _two(site: Site) -> tuple[Value, Value]:
    found = operands(site)
    if len(found) != 2:  # noqa: PLR2004
        raise RefusedError(f"it has {len(found)} operands")
    return found[0], found[1]


def _pair(site: Site) -> tuple[str, str]:
    values = site.values()
    if len(values) != 2:  # noqa: PLR2004
        raise RefusedError(f"it reads {len(values)} values")
    return values[0], values[1]


def _only_tensors(site: Site) -> None:
    others = [value for value in operands(site) if not isinstance(value, Read)]
    if others or len(site.tensors) < 1:
        raise RefusedError(f"it reads {quoted(others)}")
