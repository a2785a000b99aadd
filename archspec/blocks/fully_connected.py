"""A dense layer with its norm and activation: `flatten`, `dense`, `norm`, `activation`.

(h, w, c) or (c,) → (channels,), the image row by row.
"""

from dataclasses import dataclass
from typing import Any, Literal

from archspec.block import Block, Builder, initializer
from archspec.ops import Dense, Flatten
from archspec.parameters import (
    BIAS,
    FUNCTION,
    INIT,
    NORM,
    Init,
    Norm,
    number,
    parameter,
    shared,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FullyConnected:
    """A dense layer with its norm and activation."""

    channels: int = shared.channels()
    norm: Norm | None = parameter(NORM, "after it", None)
    activation: Any = parameter(FUNCTION, "after the norm", None)
    bias: bool | Literal["auto"] = parameter(BIAS, "auto: a bias where there is no norm", "auto")
    init: Init | None = parameter(INIT, "how its kernel starts", None)
    l2: float = parameter(number(0, 1), "factor of the L2 penalty on its kernel", 0.0)


def unfold(build: Builder, x: str, p: FullyConnected) -> str:
    """Add the layer, with norm and activation."""
    if len(build.shape(x)) > 1:
        x = build.add("flatten", Flatten(), x)
    bias = p.norm is None if p.bias == "auto" else p.bias
    x = build.add("dense", Dense(p.channels, bias, initializer(p.init), p.l2), x)
    return build.activation("activation", build.norm("norm", x, p.norm), p.activation)


BLOCK = Block(FullyConnected, unfold)
