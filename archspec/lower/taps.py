"""Addresses of values in a graph that is being built: rows, blocks, parts, strides."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from archspec.block import Block
from archspec.errors import SpecError, did_you_mean, error
from archspec.graph import INPUT, GraphBuilder, Node
from archspec.ops import Activation, Add, Blur, GlobalPool, Resize, Shape, Window
from archspec.parameters import parameters_of
from archspec.spec import Row, Tap

_STRIDE = re.compile(
    r"stride(?P<stride>[1-9][0-9]{0,4})(\.(?P<number>[1-9][0-9]{0,4}))?(\.(?P<part>.+))?"
)


class Passed(NamedTuple):
    """A block that was unfolded: its path, and what it gave."""

    path: str
    output: str


@dataclass
class Taps:
    """The values of a graph by their addresses; rows come before strides.

    A row `s5` (with its section, `head.conv`, where two have the name), a block `s5.2`, a part
    `s5.2.expand`, a node; `stride16`, what the last block at that stride gives, `stride16.1` the
    first, with a part or not; `stride16.expand`, the last part of that name at that stride, or the
    same as `stride16` where no block there has one. A part that its block only adds to something is
    not looked at: what the block gives takes its place.

    Args:
        builder: of the graph.
        blocks: those that rows may name.
        values: what rows and blocks give, by their paths.
        passed: the blocks, in order.
    """

    builder: GraphBuilder
    blocks: Mapping[str, Block]
    values: dict[str, str] = field(default_factory=dict[str, str])
    passed: list[Passed] = field(default_factory=list[Passed])

    def find(self, tap: Tap, where: str = "") -> str:
        """The value at an address.

        Raises:
            SpecError: E303, there is none, or several; `where`: what is said of it then.
        """
        path = tap.path
        if found := self._value(path):
            return found
        candidates = [name for name in (f"head.{path}", f"stem.{path}") if self._value(name)]
        if len(candidates) > 1:
            raise error("E303", f"'{path}' is {' and '.join(candidates)}; say which", tap.span)
        for name in candidates:
            return str(self._value(name))
        if found := self._at_stride(path):
            return found
        raise self._missing(tap, where)

    def _missing(self, tap: Tap, where: str) -> SpecError:
        if match := _STRIDE.fullmatch(tap.path):
            message = f"no block gives '{tap.path}'{where}"
            return error("E303", message, tap.span, self._instead(match))
        parts = (node.name.rpartition(".")[0] for node in self.builder.nodes)
        hint = did_you_mean(tap.path, {*self.values, *parts})
        return error("E303", f"there is no '{tap.path}'{where}", tap.span, hint)

    def _instead(self, match: re.Match[str]) -> str:
        """What there is at a stride, or which strides there are."""
        strides, wanted = self._strides(), int(match["stride"])
        known = {stride for block in self.passed if (stride := strides[block.output])}
        if match["part"] and not match["number"] and wanted in known:
            return did_you_mean(match["part"], self._names())
        if own := [block.path for block in self.passed if strides[block.output] == wanted]:
            return f"stride{wanted} has, in this order, {', '.join(own)}"
        return f"there are the strides {', '.join(map(str, sorted(known)))}" if known else ""

    def _names(self) -> set[str]:
        """Of the parts that blocks may have, in this spec or not."""
        known = [parameters_of(block.parameters) for block in self.blocks.values()]
        return {name for own in known for name in own if own[name].part_defaults is not None}

    def _value(self, path: str) -> str | None:
        """What the row, block, part or node at a path gives: its last node."""
        if path in self.values:
            return self.values[path]
        prefix = f"{path}."
        names = (node.name for node in reversed(self.builder.nodes))
        return next((name for name in names if f"{name}.".startswith(prefix)), None)

    def _at_stride(self, path: str) -> str | None:
        match = _STRIDE.fullmatch(path)
        if not match:
            return None
        strides, wanted = self._strides(), int(match["stride"])
        found = [block.output for block in self.passed if strides[block.output] == wanted]
        if match["number"]:
            found = found[int(match["number"]) - 1 :][:1]
        if not found:
            return None
        if match["number"] and match["part"]:
            block = next(block for block in self.passed if block.output == found[0])
            return self._value(f"{block.path}.{match['part']}")
        if not match["part"]:
            return found[-1]
        own = [part for part in self._parts(match["part"]) if strides[part] == wanted]
        if not own and match["part"].partition(".")[0] not in self._names():
            return None
        return (own or found)[-1]

    def _parts(self, name: str) -> list[str]:
        """What the parts of a name give; of a term of a sum, what the block does."""
        return [
            block.output if self._is_term(part, block.output) else part
            for block in self.passed
            if (part := self._value(f"{block.path}.{name}"))
        ]

    def _is_term(self, part: str, output: str) -> bool:
        """Whether a block gives a sum, activated or not, of values of the shape of a part."""
        nodes = {node.name: node for node in self.builder.nodes}
        node = nodes[output]
        while isinstance(node.op, Activation) and node.inputs[0] in nodes:
            node = nodes[node.inputs[0]]
        return isinstance(node.op, Add) and self.builder.shapes[part] == node.shape

    def _strides(self) -> Mapping[str, Fraction | None]:
        """Value → pixels of the image from one pixel of it to the next; None: it has no pixels."""
        found: dict[str, Fraction | None] = {INPUT: Fraction(1)}
        for node in self.builder.nodes:
            known = [stride for name in node.inputs if (stride := found[name])]
            shapes = [self.builder.shapes[name] for name in node.inputs]
            found[node.name] = _stride(node, shapes, max(known)) if known else None
        return found


def _stride(node: Node, inputs: Sequence[Shape], before: Fraction) -> Fraction | None:
    if isinstance(node.op, Window | Blur):
        return before * node.op.stride
    if isinstance(node.op, Resize):
        return before * Fraction(inputs[0][0], node.shape[0])
    image = len(node.shape) == len(inputs[0]) and not isinstance(node.op, GlobalPool)
    return before if image else None


def reads(row: Row, taps: Taps, before: str | None, *, several: bool) -> tuple[str, ...]:
    """The values that the first block of a row reads.

    Args:
        row: of the spec.
        taps: the values so far.
        before: what the row before gives; None where that is several values.
        several: whether the block may read more than one.

    Raises:
        SpecError: E303, a tap is not there, or there are more than the block reads.
    """
    if not row.inputs:
        if before is None:
            message = f"{row.path}: the row before gives several values"
            raise error("E303", message, row.span, "say 'inputs'")
        return (before,)
    if len(row.inputs) > 1 and not several:
        message = f"block '{row.block}' reads one input, not {len(row.inputs)}"
        raise error("E303", message, row.inputs[1].span)
    return tuple(taps.find(tap, " to read before this row") for tap in row.inputs)
