"""Resolved spec → graph: rows in order, each block unfolded into ops; taps, outputs, dilation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archspec.block import Block, Builder, Derivation
from archspec.errors import did_you_mean, error
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.spec import Row, Spec, Tap

OUTPUT = "output"
"""The name of the output of a spec that names none."""

MAX_PARAMS = 1 << 33


@dataclass(frozen=True, slots=True)
class Lowered:
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
    """The graph of a spec.

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
            state.values[path] = value
        state.values[row.prefix] = state.values[row.path] = value
    outputs = {name: _tap(tap, state) for name, tap in spec.outputs.items()}
    graph = state.builder.build(outputs or {OUTPUT: value})
    _check_size(graph, spec)
    return Lowered(graph, tuple(derivations))


def _inputs(row: Row, state: _State) -> str | None:
    if not row.inputs:
        return None
    if len(row.inputs) > 1:
        message = f"block '{row.block}' reads one input, not {len(row.inputs)}"
        raise error("E303", message, row.inputs[1].span)
    return _tap(row.inputs[0], state)


def _tap(tap: Tap, state: _State) -> str:
    """The value at an address: a row, a block of one, a part, a node, all rows of head and stem with or without section."""
    path = tap.path
    candidates = [name for name in (path, f"head.{path}", f"stem.{path}") if _value(name, state)]
    if len(candidates) == 1 or path in candidates:
        found = _value(candidates[0], state)
        assert found is not None  # noqa: S101
        return found
    if candidates:
        raise error("E303", f"'{path}' is {' and '.join(candidates)}; say which", tap.span)
    hint = did_you_mean(path, state.values)
    raise error("E303", f"there is no '{path}' to read before this row", tap.span, hint)


def _value(path: str, state: _State) -> str | None:
    """What the row, block, part or node at a path gives: its last node."""
    if path in state.values:
        return state.values[path]
    prefix = f"{path}."
    names = (node.name for node in reversed(state.builder.nodes))
    return next((name for name in names if name == path or name.startswith(prefix)), None)


def _dilated(parameters: Any, row: Row, spec: Spec, state: _State) -> Any:  # noqa: ANN401  any parameter class
    """The block with its stride turned into dilation, where the net's stride would pass `output_stride.at`."""
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
        raise error("E304", f"{row.path}: block '{row.block}' cannot give its stride for dilation", row.cell("stride"))
    return replace(parameters, stride=stride, dilation=parameters.dilation * factor)


def _check_size(graph: Graph, spec: Spec) -> None:
    total, largest = 0, ("", 0)
    for key, weight in graph.weights.items():
        total += weight.size
        largest = max(largest, (key, weight.size), key=lambda pair: pair[1])
    if total > MAX_PARAMS:
        node = largest[0].rpartition("/")[0]
        span = next(node_.span for node_ in graph.nodes if node_.name == node)
        message = f"{total} parameters, the most in {node}; at most {MAX_PARAMS} are possible"
        raise error("E211", message, span, f"of the spec '{spec.name}'")
