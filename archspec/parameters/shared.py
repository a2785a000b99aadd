"""Fields that many blocks have: one kind, one default and one wording for what is one thing.

A block says which of its windows or widths a field is about. `from archspec.parameters import
shared`, then `stride: int = shared.stride("step of the depthwise window, in pixels")`.
"""

from typing import Any, Literal

from archspec.ops import FUNCTIONS, SAMPLINGS
from archspec.parameters.kinds import (
    KERNEL,
    MAX_CHANNELS,
    Kernel,
    either,
    integer,
    number,
    word,
)
from archspec.parameters.objects import ANTIALIAS, Expansion, SqueezeExcite
from archspec.parameters.parameter import Object, parameter

THREE: Kernel = ((3, 3),)
"""A window of 3 by 3 pixels."""
PIXELS = integer(1, 64)
SAMPLING = word(*SAMPLINGS)
SAMPLING_DOC = (
    "the nearest pixel, or a line between two, whose grids share the corners of the image, or "
    "(align_corners) the centers of the pixels in them"
)


def channels(doc: str = "channels of the output") -> Any:  # noqa: ANN401  as `parameter`
    """A width that must be said; it scales with the net."""
    return parameter(integer(1, MAX_CHANNELS), doc, count=True)


def expansion(doc: str) -> Any:  # noqa: ANN401
    """A width as a ratio of another, which must be said unless something else may be instead."""
    return parameter(Object(Expansion), doc)


def hidden(doc: str = "the hidden width itself") -> Any:  # noqa: ANN401
    """The same width as a count, in the stead of `expansion`."""
    return parameter(integer(1, MAX_CHANNELS), f"instead of expansion: {doc}", None, count=True)


def kernel(doc: str) -> Any:  # noqa: ANN401
    """A window, 3 by 3 where nobody says another."""
    return parameter(KERNEL, doc, THREE)


def stride(doc: str) -> Any:  # noqa: ANN401
    """The step of a window."""
    return parameter(PIXELS, doc, 1)


def dilation(doc: str) -> Any:  # noqa: ANN401
    """How far a window's pixels are apart."""
    return parameter(PIXELS, doc, 1)


def antialias(doc: str) -> Any:  # noqa: ANN401
    """What makes the image smaller in the stead of a stride, and where."""
    return parameter(ANTIALIAS, f"{doc}: a blur, or means", None)


def squeeze_excite(doc: str) -> Any:  # noqa: ANN401
    """A squeeze-excite, and where."""
    return parameter(Object(SqueezeExcite), doc, None)


def eca(doc: str = "instead of se") -> Any:  # noqa: ANN401
    """Efficient channel attention, and where."""
    meaning = (
        f"{doc}: efficient channel attention, the kernel of its convolution along the channels; "
        "auto: from their count"
    )
    return parameter(either(word("auto"), integer(1, 255)), meaning, None)


def residual(default: Literal["auto"] | None = "auto") -> Any:  # noqa: ANN401
    """Whether the input is added."""
    doc = "add the input: auto where shapes are equal; always, or it is an error"
    return parameter(word("auto", "always"), doc, default, off=True)


def layer_scale(of: str = "the residual branch") -> Any:  # noqa: ANN401
    """A factor for each channel of what is added."""
    doc = f"a learned factor for each channel of {of}: its first value"
    return parameter(number(0, 10), doc, None)


def drop_path(of: str = "the residual branch") -> Any:  # noqa: ANN401
    """Stochastic depth (Huang et al. 2016, arXiv:1603.09382)."""
    return parameter(number(0, 1), f"stochastic depth: probability that training drops {of}", 0.0)


def sum_activation() -> Any:  # noqa: ANN401
    """What follows the sum."""
    functions = word("auto", *FUNCTIONS)
    return parameter(functions, "after the sum; auto: the block's", "auto", off=True)
