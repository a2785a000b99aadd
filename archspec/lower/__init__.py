"""Resolved spec → graph: rows in order, each block unfolded into ops; taps, outputs, dilation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from archspec.block import Block, Builder, Derivation, Given
from archspec.errors import Problems, SpecError, error
from archspec.graph import INPUT, Graph, GraphBuilder, needed
from archspec.lower.taps import Passed, Taps, reads
from archspec.passes.order import ordered
from archspec.spec import Row, Spec

OUTPUT = "output"
"""The name of the output of a spec that names none."""

MAX_PARAMS = 1 << 33


class Lowered(NamedTuple):
    """A graph, and how the widths that depend on others were computed."""

    graph: Graph
    derivations: tuple[Derivation, ...]


@dataclass
class _State:
    taps: Taps
    stride: int = 1
    dilation: int = 1


def lower(spec: Spec, blocks: Mapping[str, Block]) -> Lowered:
    """The graph of a spec; independent branches in the order that needs the least memory.

    Raises:
        SpecError: E206, E211, a computed width; E3xx, shapes do not fit, a tap is not there.
    """
    builder = GraphBuilder(spec.name, spec.input)
    state = _State(Taps(builder, blocks))
    derivations: list[Derivation] = []
    given: Given = INPUT
    for row in spec.rows:
        block = blocks[row.block]
        before = given if isinstance(given, str) else None
        values = reads(row, state.taps, before, several=block.several)
        for number, parameters in enumerate(row.blocks, 1):
            path = f"{row.prefix}.{number}" if row.section == "stages" else row.prefix
            build = Builder(builder, path, row, spec.classes, derivations)
            dilated = _dilated(parameters, row, spec, state)
            given = block.unfold(build, values if block.several else values[0], dilated)
            values = _settled(given, build, state.taps)
        state.taps.values[row.prefix] = state.taps.values[row.path] = values[0]
    named = given if isinstance(given, Mapping) else {OUTPUT: given}
    graph = ordered(needed(builder.build(_outputs(spec, state.taps) or named)))
    _check_size(graph)
    return Lowered(graph, tuple(derivations))


def _settled(given: Given, build: Builder, taps: Taps) -> tuple[str, ...]:
    """What a block gave, noted under its path.

    Raises:
        SpecError: E302, it is no value.
    """
    row, path = build.row, build.path
    values = tuple(given.values()) if isinstance(given, Mapping) else (given,)
    for value in values:
        if value not in build.graph.shapes:
            hint = "its unfold returns what build.add or build.part gave"
            message = f"{path}: block '{row.block}' gives {value!r}, which is no value"
            raise error("E302", message, row.span, hint)
    taps.values[path] = values[0]
    taps.passed.append(Passed(path, values[0]))
    return values


def _outputs(spec: Spec, taps: Taps) -> dict[str, str]:
    problems = Problems()
    outputs: dict[str, str] = {}
    for output, tap in spec.outputs.items():
        if output == INPUT:
            problems.add("E303", f"an output cannot be called '{output}': the input is", tap.span)
        try:
            outputs[output] = taps.find(tap)
        except SpecError as reason:
            problems.extend(reason.diagnostics)
    problems.check()
    return outputs


def _dilated(parameters: Any, row: Row, spec: Spec, state: _State) -> Any:  # noqa: ANN401
    """The block with dilation for a stride that would take the net beyond `output_stride.at`.

    A head is as it is written: it reads what the rest gives, and may resize it.
    """
    rule = spec.output_stride
    stride = getattr(parameters, "stride", 1)
    if rule is None or row.section == "head" or not hasattr(parameters, "stride"):
        return parameters
    before = state.dilation
    if state.stride * stride > rule.at:
        state.dilation *= stride
        stride = 1
    else:
        state.stride *= stride
    factor = state.dilation if rule.dilate == "at_once" else before
    if factor == 1 and stride == parameters.stride:
        return parameters
    if not hasattr(parameters, "dilation"):
        if stride == parameters.stride:
            return parameters  # nothing in it can be dilated, and nothing need be
        raise error(
            "E304",
            f"{row.path}: block '{row.block}' cannot give its stride for dilation",
            row.cell("stride"),
            "with output_stride: none it keeps it",
        )
    return replace(parameters, stride=stride, dilation=parameters.dilation * factor)


def _check_size(graph: Graph) -> None:
    total, most, where = 0, 0, None
    for node in graph.nodes:
        size = sum(weight.size for weight in graph.weights_of(node).values())
        total += size
        if size > most:
            most, where = size, node
    if total > MAX_PARAMS and where is not None:
        message = f"{total} parameters, the most in {where.name}; at most {MAX_PARAMS} are possible"
        raise error("E211", message, where.span)
