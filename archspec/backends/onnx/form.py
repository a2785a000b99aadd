"""How an ONNX file is laid out: what the user of the file sees of it, beside what it computes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import onnx

from archspec.errors import did_you_mean, error

Layout: TypeAlias = Literal["nchw", "nhwc"]
Precision: TypeAlias = Literal["fp32", "fp16"]
Target: TypeAlias = Literal["any", "mobile"]

OPSETS = range(13, onnx.defs.onnx_opset_version() + 1)
"""What can be emitted: from the first opset with per-channel softmax to the newest onnx knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The form of an ONNX file.

    Args:
        opset: version of the operator set, one of `OPSETS`.
        batch: number of images; None for any.
        any_size: whether images of any height and width go; else those of the graph's input.
        layout: of images, in and out; inside the channels come first whatever it is.
        precision: of weights and arithmetic; inputs and outputs are float32 all the same.
        pixels: whether the input is uint8.
        target: what the file is for; "mobile", what accelerators of phones run as a whole, which
            needs one batch and one size.
    """

    opset: int = 17
    batch: int | None = None
    any_size: bool = False
    layout: Layout = "nchw"
    precision: Precision = "fp32"
    pixels: bool = False
    target: Target = "any"

    def __post_init__(self) -> None:
        """Refuse what no file can have.

        Raises:
            SpecError: E410, the opset; E411, the batch; E414, a word that is none; E424, a target
                that other options do not go with.
        """
        for name, choices in _WORDS.items():
            word = getattr(self, name)
            if word not in choices:
                hint = did_you_mean(str(word), choices)
                raise error("E414", f"there is no {name} '{word}'", hint=hint)
        if self.opset not in OPSETS:
            raise error("E410", f"opset {self.opset} is not one of {OPSETS[0]} to {OPSETS[-1]}")
        if self.batch is not None and self.batch < 1:
            raise error("E411", f"a batch of {self.batch} images")
        if self.target == "mobile" and (self.any_size or self.batch is None):
            hint = "leave out what is dynamic"
            raise error("E424", "the target 'mobile' has one batch and one size", hint=hint)


_WORDS: Mapping[str, tuple[str, ...]] = {
    "layout": get_args(Layout),
    "precision": get_args(Precision),
    "target": get_args(Target),
}
