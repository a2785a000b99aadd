"""The builder of a block: its parts, and the ways around them."""

from dataclasses import dataclass

from archspec.block.parts import Parts
from archspec.ops import (
    Add,
    Concat,
    DropPath,
    Pool,
    Scale,
    Slice,
)
from archspec.parameters import Shortcut


@dataclass
class Builder(Parts):
    """Adds the ops of one block."""

    def residual(
        self,
        x: str,
        y: str,
        mode: str | None,
        drop_path: float,
        layer_scale: float | None = None,
    ) -> str:
        """The sum of x and y, where the mode has it; under `drop_path`, `slice`, `add`.

        Args:
            x: the input of the block.
            y: what the block made of it.
            mode: `auto`, `always` or `partial`; None: y alone.
            drop_path: probability that training drops y.
            layer_scale: first value of a factor for each channel of y, under `layer_scale`, with
                or without the sum.

        Raises:
            SpecError: E302, `always` or `partial` and the shapes do not allow it.
        """
        if layer_scale is not None:
            y = self.add("layer_scale", Scale(layer_scale), y)
        before, after = self.shape(x), self.shape(y)
        if mode is None or (mode == "auto" and before != after):
            return y
        fits = before == after or (
            mode == "partial" and before[:-1] == after[:-1] and before[-1] < after[-1]
        )
        if not fits and mode == "always":
            raise self.error(
                "E302", f"no residual from {list(before)} to {list(after)}", "residual"
            )
        if not fits:
            return y
        if drop_path:
            y = self.add("drop_path", DropPath(drop_path), y)
        if before == after:
            return self.add("add", Add(), x, y)
        first = self.add("slice", Slice(0, before[-1]), y)
        rest = self.add("rest", Slice(before[-1], after[-1]), y)
        return self.add("concat", Concat(), self.add("add", Add(), x, first), rest)

    def beside(
        self,
        x: str,
        y: str,
        shortcut: Shortcut | None,
        stride: int,
        drop_path: float,
        activated: str = "",
    ) -> str:
        """The sum of y and x, or of y and a convolution of x where width or size change.

        Args:
            x: the input of the block.
            y: what the block made of it.
            shortcut: the convolution; None: y alone is the output there.
            stride: of the block.
            drop_path: probability that training drops y.
            activated: what the convolution reads instead of x.
        """
        width = self.shape(y)[-1]
        if self.shape(x)[-1] == width and (stride == 1 or (shortcut and shortcut.subsample)):
            if stride > 1:
                every = Pool(kernel=(1, 1), stride=stride, padding="valid", type="max")
                x = self.add("shortcut.subsample", every, x)
            return self.residual(x, y, "always", drop_path)
        if shortcut is None:
            return y
        x = activated or x
        if shortcut.pool and stride > 1:
            pool = Pool(kernel=(2, 2), stride=stride, padding="ceil", type=shortcut.pool)
            x, stride = self.add("shortcut.pool", pool, x), 1
        x = self.part("shortcut", x, shortcut, width, stride=stride)
        return self.residual(x, y, "always", drop_path)
