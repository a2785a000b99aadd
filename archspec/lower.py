"""Resolved spec → graph: rows in order, each block unfolded into ops; taps, outputs, dilation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from archspec.block import Block, Builder, Derivation
from archspec.errors import Problems, SpecError, did_you_mean, error
from archspec.graph import INPUT, Graph, GraphBuilder, needed
from archspec.passes.order import ordered
from archspec.spec import Row, Spec, Tap

OUTPUT = "output"
"""The name of the output of a spec that names none."""

MAX_PARAMS = 1 << 33


class Lowered(NamedTuple):
    """A graph, and how the widths that depend on others were computed."""

    graph: Graph
    derivations: tuple[Derivation, ...]


@dataclass
class _State:
    builder: GraphBuilder
    values: dict[str, str] = field(default_factory=dict[str, str])
    stride: int = 1
    dilation: int = 1


def lower(spec: Spec, blocks: Mapping[str, Block]) -> Lowered:
    """The graph of a spec; independent branches in the order that needs the least memory.

    Raises:
        SpecError: E206, E211, a computed width; E3xx, shapes do not fit, a tap is not there.
    """
    state = _State(GraphBuilder(spec.name, spec.input))
    derivations: list[Derivation] = []
    value = INPUT
    for row in spec.rows:
        value = _inputs(row, state) or value
        for number, parameters in enumerate(row.blocks, 1):
            path = f"{row.prefix}.{number}" if row.section == "stages" else row.prefix
            build = Builder(state.builder, path, row, spec.classes, derivations)
            value = blocks[row.block].unfold(build, value, _dilated(parameters, row, spec, state))
            if value not in state.builder.shapes:
                hint = "its unfold returns what build.add or build.part gave"
                message = f"{path}: block '{row.block}' gives {value!r}, which is no value"
                raise error("E302", message, row.span, hint)
            state.values[path] = value
        state.values[row.prefix] = state.values[row.path] = value
    graph = ordered(needed(state.builder.build(_outputs(spec, state) or {OUTPUT: value})))
    _check_size(graph)
    return Lowered(graph, tuple(derivations))


def _inputs(row: Row, state: _State) -> str | None:
    if not row.inputs:
        return None
    first, *more = row.inputs
    if more:
        message = f"block '{row.block}' reads one input, not {len(row.inputs)}"
        raise error("E303", message, more[0].span)
    return _tap(first, state, " to read before this row")


def _outputs(spec: Spec, state: _State) -> dict[str, str]:
    problems = Problems()
    outputs: dict[str, str] = {}
    for output, tap in spec.outputs.items():
        if output == INPUT:
            problems.add("E303", f"an output cannot be called '{output}': the input is", tap.span)
        try:
            outputs[output] = _tap(tap, state)
        except SpecError as reason:
            problems.extend(reason.diagnostics)
    problems.check()
    return outputs


def _tap(tap: Tap, state: _State, where: str = "") -> str:
    """The value at an address: a row (with or without its section), a block, a part, a node."""
    path = tap.path
    if found := _value(path, state):
        return found
    candidates = [name for name in (f"head.{path}", f"stem.{path}") if _value(name, state)]
    if len(candidates) > 1:
        raise error("E303", f"'{path}' is {' and '.join(candidates)}; say which", tap.span)
    for name in candidates:
        return str(_value(name, state))
    parts = (node.name.rpartition(".")[0] for node in state.builder.nodes)
    hint = did_you_mean(path, {*state.values, *parts})
    raise error("E303", f"there is no '{path}'{where}", tap.span, hint)


def _value(path: str, state: _State) -> str | None:
    """What the row, block, part or node at a path gives: its last node."""
    if path in state.values:
        return state.values[path]
    prefix = f"{path}."
    names = (node.name for node in reversed(state.builder.nodes))
    return next((name for name in names if f"{name}.".startswith(prefix)), None)


def _dilated(parameters: Any, row: Row, spec: Spec, state: _State) -> Any:  # noqa: ANN401
    """The block with dilation for a stride that would take the net beyond `output_stride.at`."""
    rule = spec.output_stride
    stride = getattr(parameters, "stride", 1)
    if rule is None or not hasattr(parameters, "stride"):
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
