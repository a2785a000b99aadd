"""One score for each class: `flatten`, `dense`, or `conv`; `norm`, `activation`.

(h, w, c) → (classes,), or as a convolution (h, w, c) → (h, w, classes).
No softmax: the scores are logits. `defaults` give it neither norm nor activation; a row may.
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
    Part,
    number,
    parameter,
    word,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Classifier:
    """One score for each class."""

    as_: Literal["dense", "conv"] = parameter(
        word("dense", "conv"), "a dense layer on the flattened image, or a 1x1 convolution", "dense"
    )
    norm: Norm | None = parameter(NORM, "after it", None, own=True)
    activation: Any = parameter(FUNCTION, "after the norm", None, own=True)
    bias: bool | Literal["auto"] = parameter(BIAS, "auto: a bias where there is no norm", "auto")
    init: Init | None = parameter(INIT, "how its kernel starts", None)
    l2: float = parameter(number(0, 1), "factor of the L2 penalty on its kernel", 0.0)


def unfold(build: Builder, x: str, p: Classifier) -> str:
    """Add the layer, with norm and activation where they are said."""
    if p.as_ == "conv":
        part = Part(bias=p.bias, norm=p.norm, activation=p.activation, init=p.init, l2=p.l2)
        return build.part("", x, part, build.classes)
    if len(build.shape(x)) > 1:
        x = build.add("flatten", Flatten(), x)
    bias = p.norm is None if p.bias == "auto" else p.bias
    x = build.add("dense", Dense(build.classes, bias, initializer(p.init), p.l2), x)
    return build.activation("activation", build.norm("norm", x, p.norm), p.activation)


BLOCK = Block(Classifier, unfold)
