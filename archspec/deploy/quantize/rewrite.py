"""The graph around the quantiser: hard-sigmoids made saturation, and everything tidied up."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

Array: TypeAlias = NDArray[Any]

LEVELS = 256
"""Values that a uint8 has."""

MIDDLE = 128
"""The uint8 that stands for a half, where 0 and 256 stand for 0 and 1."""

GATE: Mapping[str, Any] = {
    "scale": np.array(1 / LEVELS, np.float32),
    "zero_point": np.array(0, np.uint8),
}
"""How the value of a hard-sigmoid is read back: as 0 to 255/256."""


def spread(model: onnx.ModelProto, names: Collection[str]) -> list[str]:
    """Write the hard-swish of these nodes as x · hard-sigmoid(x); all names to quantise then.

    What is below -3 comes to 0 whatever it is, so x is bounded to that first if nothing else
    reads it; the quantiser makes the bound the range of the convolution before. The product keeps
    the name.
    """
    nodes = list(model.graph.node)
    readers = _readers(model)
    outputs = {output.name for output in model.graph.output}
    chosen, wanted = set(names), list[str]()
    model.graph.ClearField("node")
    for node in nodes:
        if node.op_type == "HardSwish" and node.name in chosen:
            bounded = len(readers[node.input[0]]) == 1 and node.input[0] not in outputs
            new = list(_hard_swish(model, node, bounded=bounded))
        else:
            new = [node]
        model.graph.node.extend(new)
        wanted += [one.name for one in new if node.name in chosen]
    return wanted


def _hard_swish(
    model: onnx.ModelProto, node: onnx.NodeProto, *, bounded: bool
) -> Iterator[onnx.NodeProto]:
    x, gate = node.input[0], f"{node.name}/HardSigmoid"
    if bounded:
        least = _hold(model, "constant/-3.0", np.array(-3, np.float32))
        clip = f"{node.name}/Clip"
        yield helper.make_node("Clip", [x, least], [clip], clip)
        x = clip
    yield helper.make_node("HardSigmoid", [x], [gate], gate, alpha=1 / 6, beta=0.5)
    yield helper.make_node("Mul", [x, gate], list(node.output), node.name)


def hard_sigmoids(model: onnx.ModelProto, names: Collection[str]) -> Mapping[str, str]:
    """Those among these nodes: name → its value."""
    wanted = set(names)
    return {
        node.name: node.output[0]
        for node in model.graph.node
        if node.op_type == "HardSigmoid" and node.name in wanted
    }


def saturate(model: onnx.ModelProto, gates: Collection[str]) -> None:
    """Make these hard-sigmoids saturation: quantised at another scale than they are read back at.

    clip(x · slope + 1/2, 0, 1) in steps of 1/256 is the uint8 of x at scale 1 / (256 · slope) and
    zero point 128, read back at scale 1/256 and zero point 0: quantising rounds, adds and clips
    anyhow. Where x has no other reader and is no output, it is not quantised before that: the
    convolution gives the gate at once.
    """
    outputs = {output.name for output in model.graph.output}
    makers = {value: node for node in model.graph.node for value in node.output}
    readers = _readers(model)
    dropped: set[str] = set()
    half = _hold(model, "constant/half", np.array(MIDDLE, np.uint8)) if gates else ""
    for node in [node for node in model.graph.node if node.name in gates]:
        (quantize,) = readers[node.output[0]]
        slope = next((one.f for one in node.attribute if one.name == "alpha"), 0.2)
        scale = _hold(model, f"{node.name}/scale", np.array(1 / (LEVELS * slope), np.float32))
        source = node.input[0]
        dropped.add(node.output[0])
        back = makers[source]
        there = makers[back.input[0]]
        ends = back.output[0], there.output[0]
        if all(len(readers[end]) == 1 and end not in outputs for end in ends):
            source = there.input[0]
            dropped.update(ends)
        quantize.input[:] = [source, scale, half]
        quantize.name = node.name
    _drop(model, dropped)


def tidied(model: onnx.ModelProto, source: onnx.ModelProto) -> onnx.ModelProto:
    """The quantised graph under the header of its source, nodes in the order of the source.

    Constants that nobody reads are gone, and every value has a type and a shape.
    """
    graph = model.graph
    nodes = list(_in_order(model, source))
    used = {value for node in nodes for value in node.input}
    held = [tensor for tensor in graph.initializer if tensor.name in used]
    tidy = onnx.ModelProto()
    tidy.CopyFrom(source)
    for field in ("node", "initializer", "value_info"):
        tidy.graph.ClearField(field)
    tidy.graph.node.extend(nodes)
    tidy.graph.initializer.extend(held)
    return shape_inference.infer_shapes(tidy, data_prop=True)


def _in_order(model: onnx.ModelProto, source: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Every node that an output needs, each of the source after what it alone needs."""
    named = {node.name: node for node in model.graph.node}
    makers = {value: node for node in model.graph.node for value in node.output}
    placed: set[str] = set()
    ends = [makers[output.name] for output in model.graph.output if output.name in makers]
    for last in [*(named[one.name] for one in source.graph.node if one.name in named), *ends]:
        waiting = [last]
        while waiting:
            node = waiting[-1]
            missing = [makers[value] for value in node.input if value in makers]
            missing = [maker for maker in missing if maker.name not in placed]
            if missing:
                waiting += reversed(missing)
                continue
            waiting.pop()
            if node.name not in placed:
                placed.add(node.name)
                yield node


def _readers(model: onnx.ModelProto) -> dict[str, list[onnx.NodeProto]]:
    """Every value → the nodes that read it."""
    found: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for value in dict.fromkeys(node.input):
            found.setdefault(value, []).append(node)
    return found


def _hold(model: onnx.ModelProto, name: str, array: Array) -> str:
    """A constant of that name, which is written once."""
    if all(tensor.name != name for tensor in model.graph.initializer):
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return name


def _drop(model: onnx.ModelProto, values: Collection[str]) -> None:
    """Take out the nodes that give these values."""
    kept = [node for node in model.graph.node if node.output[0] not in values]
    model.graph.ClearField("node")
    model.graph.node.extend(kept)
