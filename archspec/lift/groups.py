"""Layers that together are one op: found by their names, recognised by being what we would emit."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any

from archspec.lift.calls import Call, Net
from archspec.lift.guesses import guesses
from archspec.lift.said import IDLE, TRAINING, RefusedError, Said, Value, is_list, is_object
from archspec.lift.site import Array, Draft, Site, Source, Tensor
from archspec.lift.steps import Step
from archspec.lift.structure import Read
from archspec.lift.table import steps
from archspec.lift.windows import convolution, depthwise, pool
from archspec.ops import ChannelConvolution, Op, Scale, ShapeError

PART = re.compile(
    r"((rows_)?(after|before)(_share)?|back|corrected|deviation|epsilon|join|mean|mean_square|pad|root|rows|share|split|square|sum|turn"
    r"|(add|concatenate|divide|exp|getitem|matmul|mean|minimum|multiply|pad|relu|repeat|rescale"
    r"|reshape|rows|softmax|subtract|transpose)\d+)"
)
"""What the back end calls layers that stand before or after that of the node."""
DEFAULTS = {"activation": "linear", "data_format": "channels_last"}
WINDOWS = {
    "AveragePooling2D": pool,
    "Conv2D": convolution,
    "DepthwiseConv2D": depthwise,
    "MaxPooling2D": pool,
}
"""What may follow a layer that pads."""


@dataclass(frozen=True)
class Group:
    """Calls of layers named as one node and as parts of it.

    Args:
        name: of the node.
        calls: each after those that it reads; only the last one is read by others.
    """

    name: str
    calls: tuple[Call, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """Calls outside whose values they read, in the order of the numbers in the names."""
        own = {call.name for call in self.calls}
        return tuple(
            name
            for call in sorted(self.calls, key=_number)
            for name in call.reads
            if name not in own
        )

    @property
    def parts(self) -> Mapping[str, Call]:
        """The calls by the names of the parts, that of the node itself by an empty one."""
        return {call.name[len(self.name) + 1 :]: call for call in self.calls}

    def lift(self, draft: Draft) -> bool:
        """Lift them as one node, if they are one."""
        found = self._padded_window(draft) if self._pads() else self._node(draft)
        if found:
            draft.tensors[self.calls[-1].name] = found
        return found is not None

    def _pads(self) -> bool:
        first, *others = self.calls
        return len(others) == 1 and first.kind == "ZeroPadding2D" and others[0].kind in WINDOWS

    def _padded_window(self, draft: Draft) -> Tensor | None:
        pad, window = self.calls
        if window.reads != (pad.name,) or len(pad.reads) != 1:
            return None
        try:
            said = Said(pad.settings)
            around = said.sides("padding")
            said.finish()
            site = Site(draft, window._replace(args=(Read(pad.reads[0]),)))
            WINDOWS[window.kind](site, around)
            site.said.finish()
        except (RefusedError, ShapeError):
            return None  # which says what is wrong when each is lifted by itself
        return draft.tensors.pop(window.name)

    def _node(self, draft: Draft) -> Tensor | None:
        tensors = [draft.tensors[name] for name in self.reads]
        shapes = [tensor.shape for tensor in tensors]
        try:
            said = {call.name: normal(call) for call in self.calls}
        except RefusedError:
            return None
        for op, count in guesses(self.parts, shapes):
            if count == 1 and len(set(self.reads)) > 1:
                continue
            reads = [*zip(map(Read, self.reads), shapes, strict=True)][:count]
            try:
                shape = op.infer(*(shape for _, shape in reads))
            except ShapeError:
                continue
            if alike(said, steps(op, self.name, reads)):
                values = [draft.flat(tensor) for tensor in tensors[:count]]
                name = draft.add(self.name, op, values, self._sources(op))
                return Tensor(name, shape)
        return None

    def _sources(self, op: Op) -> Mapping[str, Source]:
        place = self.parts[""].place
        if isinstance(op, Scale) and op.groups:
            arrays = {"gamma": Array(place, 0, (op.groups,))}
            return {**arrays, "beta": Array(place, 1, (op.groups,))} if op.bias else arrays
        if isinstance(op, ChannelConvolution):
            return {"kernel": Array(place, 0, (op.kernel, 1, 1))}
        return {}


def _number(call: Call) -> int:
    found = re.search(r"\d+$", call.name.rpartition(".")[2])
    return int(found[0]) if found and PART.fullmatch(call.name.rpartition(".")[2]) else 1 << 30


def grouped(net: Net) -> Sequence[Call | Group]:
    """The calls of a model in order, those that may be one node in its last one's place."""
    group_of = {call.name: group for group in _groups(net) for call in group.calls}
    return [
        group_of.get(call.name, call)
        for call in net.calls
        if call.name not in group_of or group_of[call.name].calls[-1] is call
    ]


def _groups(net: Net) -> Iterator[Group]:
    named = {call.name: place for place, call in enumerate(net.calls)}
    parts: defaultdict[str, list[str]] = defaultdict(list)
    for call in net.calls:
        node, _, part = call.name.rpartition(".")
        if node in named and PART.fullmatch(part):
            parts[node].append(call.name)
    readers = _readers(net)
    for node, names in parts.items():
        own = {node, *(name for name in names if name not in parts)}
        calls = [net.calls[place] for place in sorted(named[name] for name in own)]
        if len(calls) > 1 and all(readers[call.name] <= own for call in calls[:-1]):
            yield Group(node, tuple(calls))


def _readers(net: Net) -> Mapping[str, set[str]]:
    """Who reads a call; what is an output is read by the empty name."""
    readers: defaultdict[str, set[str]] = defaultdict(set)
    for call in net.calls:
        for name in call.reads:
            readers[name].add(call.name)
    for name in net.outputs.values():
        readers[name].add("")
    return readers


def normal(call: Call) -> Step:
    """A call without what does not matter.

    Raises:
        RefusedError: it computes with whole numbers.
    """
    Said(call.settings)
    settings = {
        name: value
        for name, value in call.settings.items()
        if name not in IDLE
        and not name.endswith(TRAINING)
        and name != "dtype"
        and value is not None
        and DEFAULTS.get(name) != value
    }
    named = {name: value for name, value in call.named.items() if value is not None}
    return Step(call.kind, settings, [*call.args], named)


def alike(one: Value, other: Value) -> bool:
    """Whether two values are equal, numbers up to rounding."""
    if isinstance(one, Read) or isinstance(other, Read):
        return one == other
    if is_object(one) and is_object(other):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if _is_row(one) and _is_row(other):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) or isinstance(other, float):
        if not isinstance(one, int | float) or not isinstance(other, int | float):
            return False
        return isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    return type(one) is type(other) and one == other


def _is_row(value: Any) -> bool:  # noqa: ANN401  JSON
    return isinstance(value, tuple) or is_list(value)
