"""What a block is: a parameter class and the way it unfolds into ops.

A block is one file with a frozen dataclass of parameters (its fields are the columns of a table)
and `BLOCK = Block(TheClass, unfold)`. The builder that `unfold` gets knows where it stands: it
names nodes, scales nothing (the spec has done it), and turns what does not fit into an error at the
cell that said it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from archspec.errors import error
from archspec.graph import GraphBuilder
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    DropPath,
    GlobalPool,
    GroupNorm,
    Initializer,
    LayerNorm,
    Multiply,
    Op,
    Shape,
    ShapeError,
    Slice,
)
from archspec.parameters import MAX_CHANNELS, Expansion, Init, Norm, Part, SqueezeExcite
from archspec.scaling import NotWholeError, Rounding, round_count
from archspec.spec import Row


class Derivation(NamedTuple):
    """How a width that depends on another was computed, for `explain`."""

    path: str
    value: int
    text: str


@dataclass
class Builder:
    """Adds the ops of one block.

    Args:
        graph: the graph under construction.
        path: what node names begin with, `s3.2`.
        row: the row of the spec.
        classes: width of the classifier.
        derivations: widths computed on the way.
    """

    graph: GraphBuilder
    path: str
    row: Row
    classes: int
    derivations: list[Derivation] = field(default_factory=list[Derivation])

    def shape(self, value: str) -> Shape:
        """Shape of a value."""
        return self.graph.shapes[value]

    def add(self, name: str, op: Op, *inputs: str) -> str:
        """Append an op under a name within the block ("" for the block's own) and return its value.

        Raises:
            SpecError: E301, the op cannot take these inputs; shown at the cell at fault.
        """
        full = f"{self.path}.{name}" if name else self.path
        try:
            return self.graph.add(full, op, inputs, self.row.path, self.row.span)
        except ShapeError as reason:
            part = name.rpartition(".")[0]
            specific = f"{part}.{reason.about}" if part else reason.about
            known = self.row.settings.get(specific)
            about = specific if known and known.span else reason.about
            raise error("E301", f"{full}: {reason}", self.row.cell(about)) from reason

    def width(self, path: str, base: int, ratio: float, rule: Rounding | None, said_by: str) -> int:
        """A width computed as base · ratio, rounded by the rule, which a parameter may say.

        Raises:
            SpecError: E206, there is no rule and it is not whole; E211, it is absurdly large.
        """
        value = base * ratio
        try:
            result = round_count(value, rule)
        except NotWholeError as reason:
            hint = f"say how it is rounded: {said_by}"
            raise self.error("E206", f"{base} x {ratio:.6g} = {reason}", path, hint) from reason
        if not 1 <= result <= MAX_CHANNELS:
            raise self.error(
                "E211", f"{result} channels; from 1 to {MAX_CHANNELS} are possible", path
            )
        how = "" if result == value else f" → {result} ({rule})"
        place = self.row.path + self.path.removeprefix(self.row.prefix)
        self.derivations.append(
            Derivation(f"{place}.{path}", result, f"{base} x {ratio:.6g} = {value:.10g}{how}")
        )
        return result

    def error(self, code: str, message: str, path: str, hint: str = "") -> Exception:
        """An error of this block at the cell that says `path`."""
        return error(code, f"{self.path}: {message}", self.row.cell(path), hint)

    def expanded(
        self,
        x: str,
        expansion: Expansion | None,
        output: int,
        rule: Rounding | None,
        said_by: str = "rounding",
    ) -> int:
        """A ratio of the input's width, the output's or a count."""
        assert expansion is not None  # noqa: S101  what excludes it is not said, so it is
        widths = {"input": self.shape(x)[-1], "output": output}
        base = widths[expansion.of] if expansion.of in widths else int(expansion.of)
        if not base:
            message = "the output has no width but what this ratio gives"
            raise self.error("E302", message, "expansion.of", "say a ratio of the input")
        return self.width("expansion", base, expansion.ratio, rule, said_by)

    def groups(self, x: str, groups: int, group_width: int | None) -> int:
        """Groups as said, or as many as have `group_width` channels of the input each."""
        width = self.shape(x)[-1]
        if group_width is None:
            return groups
        if width % group_width:
            raise self.error(
                "E301", f"groups of {group_width} do not divide {width} channels", "group_width"
            )
        return width // group_width

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
    ) -> str:
        """Convolution, norm and activation of a part, `name.conv`, `name.norm`, `name.activation`.

        Args:
            name: of the part; "" where the block is one convolution.
            x: (h, w, c)
            part: what the spec says of it.
            channels: of the output.
            stride: of the window.
            dilation: of the window; a window of one pixel has none.
            se: a squeeze-excite before or after the activation.
        """
        dot = f"{name}." if name else ""
        x = self._convolve(dot, x, part, channels, stride, dilation)
        x = self.norm(f"{dot}norm", x, part.norm)
        if se and se.settings.position == "before_activation":
            x = self.squeeze_excite(x, se)
        x = self.activation(f"{dot}activation", x, part.activation)
        if se and se.settings.position == "after_activation":
            x = self.squeeze_excite(x, se)
        return x

    def depthwise(
        self, x: str, part: Part, *, stride: int, dilation: int, se: "Gate | None"
    ) -> str:
        """The part `depthwise`: filters for each channel, unless the part says groups."""
        width = self.shape(x)[-1]
        own = part if part.groups else replace(part, groups=width)
        return self.part("depthwise", x, own, width, stride=stride, dilation=dilation, se=se)

    def residual(self, x: str, y: str, mode: str | None, drop_path: float) -> str:
        """The sum of x and y, where the mode has it; under `drop_path`, `slice`, `add`.

        Raises:
            SpecError: E302, `always` or `partial` and the shapes do not allow it.
        """
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
            return convolution("", x, part.kernel[0], channels, part.groups or self.shape(x)[-1])
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

    def norm(self, name: str, x: str, norm: Norm | None) -> str:
        """A norm, or x itself where there is none."""
        if norm is None:
            return x
        ops: dict[str, Callable[[], Op]] = {
            "batch": lambda: BatchNorm(norm.epsilon, norm.momentum),
            "layer": lambda: LayerNorm(norm.epsilon),
            "group": lambda: GroupNorm(norm.groups, norm.epsilon),
        }
        return self.add(name, ops[norm.type](), x)

    def activation(self, name: str, x: str, function: Any) -> str:  # noqa: ANN401
        """An activation, one of FUNCTIONS, or x itself where there is none."""
        return x if function is None else self.add(name, Activation(function), x)

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


class Gate(NamedTuple):
    """A squeeze-excite and the widths of the block around it."""

    settings: SqueezeExcite
    input: int
    output: int
    init: Init | None = None


def initializer(init: Init | None) -> Initializer:
    """The op's initializer; Glorot's uniform where the spec says nothing."""
    return Initializer(init.distribution, init.scale, init.fan) if init else Initializer()


def _shares(width: int, pieces: int) -> Sequence[int]:
    share = width // pieces
    return [width - share * (pieces - 1), *[share] * (pieces - 1)]


@dataclass(frozen=True)
class Block:
    """A parameter class, and the function that adds the ops and returns the output value."""

    parameters: type[Any]
    unfold: Callable[[Builder, str, Any], str]
