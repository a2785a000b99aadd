"""The parts that blocks are made of: convolutions with norm and activation, and gates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log2
from typing import Any, Literal, NamedTuple

from archspec.block.site import Site
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Blur,
    ChannelConvolution,
    Concat,
    Convolution,
    GlobalPool,
    GroupNorm,
    Initializer,
    LayerNorm,
    Multiply,
    Op,
    PixelNorm,
    Pool,
    Scale,
    Slice,
)
from archspec.parameters import Antialias, Init, Norm, Part, SqueezeExcite


class Gate(NamedTuple):
    """A squeeze-excite and the widths of the block around it."""

    settings: SqueezeExcite
    input: int
    output: int
    init: Init | None = None


@dataclass
class Parts(Site):
    """A place, and the parts that may be added there."""

    def part(  # noqa: PLR0913  what a convolution needs beside its part
        self,
        name: str,
        x: str,
        part: Part,
        channels: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        se: "Gate | None" = None,
        antialias: Antialias | None = None,
    ) -> str:
        """Convolution, norm and activation of a part, `name.conv`, `name.norm`, `name.activation`.

        After the activation `name.affine`, where the part has it.

        Args:
            name: of the part; "" where the block is one convolution.
            x: (h, w, c)
            part: what the spec says of it.
            channels: of the output.
            stride: of the window.
            dilation: of the window; a window of one pixel has none.
            se: a squeeze-excite before or after the activation.
            antialias: of the activation; it makes the step instead of the window.
        """
        dot = f"{name}." if name else ""
        x = self._convolve(dot, x, part, channels, 1 if antialias else stride, dilation)
        x = self.norm(f"{dot}norm", x, part.norm)
        x = self.gated("before_activation", x, se)
        x = self.activation(f"{dot}activation", x, part.activation)
        if part.affine and part.activation is not None:
            x = self.add(f"{dot}affine", Scale(bias=True, groups=1), x)
        if antialias:
            x = self.antialias(x, antialias, stride)
        return self.gated("after_activation", x, se)

    def depthwise(
        self,
        x: str,
        part: Part,
        *,
        stride: int,
        dilation: int,
        se: "Gate | None",
        antialias: Antialias | None = None,
    ) -> str:
        """The part `depthwise`: filters for each channel, unless the part says groups."""
        width = self.shape(x)[-1]
        own = part if part.groups else replace(part, groups=width)
        return self.part(
            "depthwise", x, own, width, stride=stride, dilation=dilation, se=se, antialias=antialias
        )

    def norm_first(self, name: str, x: str, part: Part, channels: int, *, stride: int = 1) -> str:
        """Norm, activation and convolution of a part, `name.norm`, `.activation`, `.conv`."""
        dot = f"{name}." if name else ""
        x = self.norm(f"{dot}norm", x, part.norm)
        x = self.activation(f"{dot}activation", x, part.activation)
        return self._convolve(dot, x, part, channels, stride, 1)

    def branches(  # noqa: PLR0913  as `part`
        self,
        x: str,
        part: Part,
        channels: int,
        count: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        scale: bool = True,
        se: "Gate | None" = None,
    ) -> str:
        """The sum of convolutions of x side by side, each with its norm; then the activation.

        `branch1.*` and so on, `scale.*` (1x1, beside a larger window), `identity` (a norm alone,
        where the shape stays), `add`, `se.*`, `activation`.
        """
        each = replace(part, activation=None)
        terms = [
            self.part(f"branch{number}", x, each, channels, stride=stride, dilation=dilation)
            for number in range(1, count + 1)
        ]
        if scale and part.kernel != ((1, 1),):
            single = replace(each, kernel=((1, 1),))
            terms.append(self.part("scale", x, single, channels, stride=stride))
        if stride == 1 and self.shape(x) == self.shape(terms[0]):
            terms.append(self.norm("identity", x, part.norm))
        y = self.add("add", Add(), *terms) if len(terms) > 1 else terms[0]
        y = self.gated("before_activation", y, se)
        y = self.activation("activation", y, part.activation)
        return self.gated("after_activation", y, se)

    def norm(self, name: str, x: str, norm: Norm | None) -> str:
        """A norm, or x itself where there is none."""
        if norm is None:
            return x
        groups, size = norm.groups, norm.group_width
        if norm.type == "group" and size:
            groups = self.slices(self.shape(x)[-1], size, f"{name}.group_width")
        if norm.type in {"rms", "deviation"}:
            about = "zero" if norm.type == "rms" else "mean"
            x = self.add(f"{name}.pixel".lstrip("."), PixelNorm(norm.epsilon, about), x)
        ops: dict[str, Callable[[], Op]] = {
            "rms": Scale,
            "deviation": Scale,
            "batch": lambda: BatchNorm(norm.epsilon, norm.momentum),
            "layer": lambda: LayerNorm(norm.epsilon),
            "group": lambda: GroupNorm(groups, norm.epsilon),
        }
        return self.add(name, ops[norm.type](), x)

    def activation(self, name: str, x: str, function: Any) -> str:  # noqa: ANN401
        """An activation, one of FUNCTIONS, or x itself where there is none."""
        return x if function is None else self.add(name, Activation(function), x)

    def gated(self, position: str, x: str, se: "Gate | None") -> str:
        """A squeeze-excite where there is one whose place is here; else x itself."""
        return self.squeeze_excite(x, se) if se and se.settings.position == position else x

    def squeeze_excite(self, x: str, gate: "Gate") -> str:
        """Multiply x by a gate for each channel, computed from its global mean; under `se`."""
        se, width = gate.settings, self.shape(x)[-1]
        bases = {"input": gate.input, "hidden": width, "output": gate.output}
        narrow = self.width("se.ratio", bases[se.of], se.ratio, se.rounding, "se.rounding")
        pooled = self.add("se.pool", GlobalPool(), x)
        reduce = Part(bias=se.bias, norm=se.norm, activation=se.activation, init=gate.init)
        y = self.part("se.reduce", pooled, reduce, narrow)
        expand = Part(bias=se.bias, activation=se.gate, init=gate.init)
        y = self.part("se.expand", y, expand, width)
        return self.add("se.multiply", Multiply(), x, y)

    def channel_attention(self, x: str, kernel: int | Literal["auto"]) -> str:
        """Multiply x by a gate from the global means of neighboring channels; under `eca`.

        Source: Wang et al. 2019, arXiv:1910.03151, equations 9 and 12 (gamma 2, b 1); the authors'
            code takes the next odd kernel after an even one, and timm none under 3.
        """
        if kernel == "auto":
            kernel = max(int((log2(self.shape(x)[-1]) + 1) / 2) // 2 * 2 + 1, 3)
        y = self.add("eca.conv", ChannelConvolution(kernel), self.add("eca.pool", GlobalPool(), x))
        return self.add("eca.multiply", Multiply(), x, self.activation("eca.gate", y, "sigmoid"))

    def antialias(self, x: str, kind: Antialias, stride: int) -> str:
        """Fewer pixels, each a mean of its neighbors, `antialias`; x itself where the stride is 1.

        Source: Zhang 2019, arXiv:1904.11486, Section 3.2.
        """
        if stride == 1:
            return x
        if kind != "average":
            border = "zero" if kind == "blur_zero" else "mirror"
            return self.add("antialias", Blur(stride=stride, border=border), x)
        window = (stride, stride)
        pool = Pool(kernel=window, stride=stride, padding="valid", type="average")
        return self.add("antialias", pool, x)

    def _convolve(
        self, dot: str, x: str, part: Part, channels: int, stride: int, dilation: int
    ) -> str:
        bias = part.norm is None if part.bias == "auto" else part.bias

        def convolution(
            index: str, x: str, kernel: tuple[int, int], channels: int, groups: int
        ) -> str:
            op = Convolution(
                kernel=kernel,
                stride=stride,
                padding=part.padding,
                dilation=dilation if kernel != (1, 1) else 1,
                channels=channels,
                groups=groups,
                bias=bias,
                init=initializer(part.init),
                l2=part.l2,
            )
            return self.add(f"{dot}conv{index}", op, x)

        if len(part.kernel) == 1:
            groups = part.groups or self.shape(x)[-1]
            if part.group_width:
                groups = self.slices(channels, part.group_width, f"{dot}group_width")
            return convolution("", x, part.kernel[0], channels, groups)
        return self._mixed(dot, x, part, channels, convolution)

    def _mixed(
        self, dot: str, x: str, part: Part, channels: int, convolution: Callable[..., str]
    ) -> str:
        """Each kernel gets its share of the channels, the first the rest (arXiv:1907.09595)."""
        width = self.shape(x)[-1]
        if not part.groups == width == channels:
            raise self.error(
                "E302", "a mix of kernels needs a depthwise convolution", f"{dot}kernel"
            )
        if width < len(part.kernel):
            message = f"a mix of {len(part.kernel)} kernels needs as many channels, not {width}"
            raise self.error("E302", message, f"{dot}kernel")
        start, outputs = 0, list[str]()
        for number, (kernel, share) in enumerate(
            zip(part.kernel, _shares(width, len(part.kernel)), strict=True), 1
        ):
            piece = self.add(f"{dot}slice{number}", Slice(start, start + share), x)
            outputs.append(convolution(str(number), piece, kernel, share, share))
            start += share
        return self.add(f"{dot}concat", Concat(), *outputs)


def initializer(init: Init | None) -> Initializer:
    """The op's initializer; Glorot's uniform where the spec says nothing."""
    return Initializer(init.distribution, init.scale, init.fan) if init else Initializer()


def _shares(width: int, pieces: int) -> Sequence[int]:
    share = width // pieces
    return [width - share * (pieces - 1), *[share] * (pieces - 1)]
