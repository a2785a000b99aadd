"""Where a block stands: how its ops are named, its widths computed, its errors placed."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from archspec.errors import error
from archspec.graph import GraphBuilder
from archspec.ops import (
    Op,
    Shape,
    ShapeError,
)
from archspec.parameters import MAX_CHANNELS, Expansion
from archspec.scaling import NotWholeError, Rounding, round_count
from archspec.spec import Row


class Derivation(NamedTuple):
    """How a width that depends on another was computed, for `explain`."""

    path: str
    value: int
    text: str


@dataclass
class Site:
    """The place of one block.

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

    def within(self, name: str) -> Self:
        """The builder of a part that has parts of its own; `name` goes before their names."""
        return replace(self, path=f"{self.path}.{name}")

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

    def groups(self, width: int, groups: int, group_width: int | None) -> int:
        """Groups as said, or as many as have `group_width` channels of the output each."""
        return self.slices(width, group_width, "group_width") if group_width else groups

    def slices(self, width: int, size: int, path: str) -> int:
        """How many slices of `size` channels there are, as the parameter at `path` says."""
        if width % size:
            raise self.error("E301", f"groups of {size} do not divide {width} channels", path)
        return width // size
