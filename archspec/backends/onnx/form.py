"""How an ONNX file is laid out: what the user of the file sees of it, beside what it computes."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import onnx

from archspec.errors import error

Layout: TypeAlias = Literal["nchw", "nhwc"]
Precision: TypeAlias = Literal["fp32", "fp16"]

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
    """

    opset: int = 17
    batch: int | None = None
    any_size: bool = False
    layout: Layout = "nchw"
    precision: Precision = "fp32"
    pixels: bool = False

    def __post_init__(self) -> None:
        """Refuse what no file can have.

        Raises:
            SpecError: E410, the opset; E411, the batch.
        """
        if self.opset not in OPSETS:
            raise error("E410", f"opset {self.opset} is not one of {OPSETS[0]} to {OPSETS[-1]}")
        if self.batch is not None and self.batch < 1:
            raise error("E411", f"a batch of {self.batch} images")
