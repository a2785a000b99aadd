"""Class scores from two feature maps: `project.*`, `gate.*`, `low`, `high`, `add`.

Images (h, w, c) and, deeper, (h', w', c') → (h, w, classes). The deeper one is narrowed and
weighed by its mean, then resized to the other. No softmax: the scores are logits.
Source: Howard et al. 2019, arXiv:1905.02244, section 6.4 and Figure 10; as in torchvision, where
    the mean is that of the whole image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archspec.block import Block, Builder
from archspec.ops import Add, GlobalPool, Multiply, Resize, Sampling
from archspec.parameters import FUNCTION, Convolutional, Part, parameter, part, shared


@dataclass(frozen=True, kw_only=True, slots=True)
class Lraspp(Convolutional):
    """Class scores from two feature maps."""

    channels: int = shared.channels("width of the deeper map before the scores")
    gate: Any = parameter(FUNCTION, "on what weighs the channels", "sigmoid")
    mode: Sampling = parameter(shared.SAMPLING, shared.SAMPLING_DOC, "bilinear")
    project: Part = part("the 1x1 convolution of the deeper map")


def unfold(build: Builder, values: Sequence[str], p: Lraspp) -> str:
    """Add the scores of both maps."""
    if len(values) != 2:  # noqa: PLR2004  a shallow map and a deep one
        message = f"it reads two feature maps, not {len(values)}"
        raise build.error("E302", message, "inputs", "as in inputs: [s4, last]")
    low, high = values
    y = build.part("project", high, p.project, p.channels)
    mean = build.add("gate.mean", GlobalPool(), high)
    narrow = Part(bias=False, activation=p.gate, init=p.init, l2=p.l2)
    gate = build.part("gate", mean, narrow, p.channels)
    y = build.add("multiply", Multiply(), y, gate)
    y = build.add("resize", Resize(p.mode), y, low)
    scores = Part(bias=True, init=p.init, l2=p.l2)
    terms = (build.part(name, x, scores, build.classes) for name, x in (("low", low), ("high", y)))
    return build.add("add", Add(), *terms)


BLOCK = Block(Lraspp, unfold, several=True)
