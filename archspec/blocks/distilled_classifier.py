"""One score for each class, the mean of two classifiers: one learns labels, one from a teacher.

`flatten`; `labels.norm`, `labels.dense`; `teacher.norm`, `teacher.dense`; `add`, `mean`.

(h, w, c) → (classes,). No softmax: the scores are logits.
Source: Touvron et al. 2020, arXiv:2012.12877, Section 4; with a batch norm before each dense layer
    Graham et al. 2021, arXiv:2104.01136 (LeViT).
"""

from dataclasses import dataclass
from typing import Literal

from archspec.block import Block, Builder, initializer
from archspec.ops import Add, Dense, Flatten, Rescale
from archspec.parameters import BIAS, INIT, NORM, Init, Norm, number, parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class DistilledClassifier:
    """One score for each class, the mean of two classifiers."""

    norm: Norm | None = parameter(NORM, "before each dense layer", None)
    bias: bool | Literal["auto"] = parameter(BIAS, "auto: there is one", "auto")
    init: Init | None = parameter(INIT, "how the kernels start", None)
    l2: float = parameter(number(0, 1), "factor of the L2 penalty on the kernels", 0.0)


def unfold(build: Builder, x: str, p: DistilledClassifier) -> str:
    """Add both classifiers and their mean."""
    if len(build.shape(x)) > 1:
        x = build.add("flatten", Flatten(), x)
    dense = Dense(build.classes, p.bias is not False, initializer(p.init), p.l2)
    scores = [
        build.add(f"{name}.dense", dense, build.norm(f"{name}.norm", x, p.norm))
        for name in ("labels", "teacher")
    ]
    return build.add("mean", Rescale((0.5,)), build.add("add", Add(), *scores))


BLOCK = Block(DistilledClassifier, unfold)
