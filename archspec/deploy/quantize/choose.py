"""What becomes int8: which nodes stay in float, and which of the others follow."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import onnx

from archspec.deploy.quantize.session import Shape, sized
from archspec.errors import did_you_mean, error
from archspec.graph import INPUT

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
"""What is quantised wherever it has constant weights."""

FOLLOWING = frozenset({
    "Add", "AveragePool", "Clip", "Concat", "GlobalAveragePool", "HardSwish", "LeakyRelu",
    "MaxPool", "Mul", "Relu", "Reshape", "Sigmoid", "Slice", "Transpose",
})  # fmt: skip
"""What is quantised where all that it reads is; else an island of float would be torn to pieces."""

BOUNDS = frozenset({"Clip", "Relu"})
"""What is absorbed by the range of what it reads."""

TWENTIETH = 0.05
"""Share of the multiply-accumulates that the float part may have by rule."""


@dataclass(frozen=True)
class Passage:
    """A value that is the only one alive where it is, so that all after it depends on it alone.

    Args:
        node: name of the node that gives it.
        numbers: how many it has.
        macs: multiply-accumulates up to it.
        weighted: nodes with weights up to it.
    """

    node: str
    numbers: int
    macs: int
    weighted: int


def narrowest(model: onnx.ModelProto, shape: Shape, share: float = TWENTIETH) -> str:
    """Where the float part ends by rule: at the narrowest passage of the first rows.

    Those are the first node with weights and what follows up to `share` of the net's
    multiply-accumulates. Of the passages there it is the one of the fewest numbers, the last of
    them if there are several; INPUT if there is none, or nothing with weights after it.

    Why: the first rows see large images of few channels, which int8 is slow at and loses most
    in, and what is quantised on the way to int8 costs by the number. bench/int8.py measures the
    rule against other places: for MobileNetV1 to V4 and EfficientNet-B0 on one thread of a
    processor with VNNI it is within 0.01 of the fastest; ResNet-50 could spare 0.04 with its
    first convolution in int8.

    Args:
        model: in float32.
        shape: of an image, (h, w, c).
        share: see above.
    """
    known = sized(model, shape)
    macs = _macs(known)
    most = share * sum(macs.values())
    first = [
        passage
        for passage in _passages(known, macs)
        if 0 < passage.weighted < len(macs) and (passage.weighted == 1 or passage.macs <= most)
    ]
    if not first:
        return INPUT
    least = min(one.numbers for one in first)
    return next(one.node for one in reversed(first) if one.numbers == least)


def _passages(model: onnx.ModelProto, macs: Mapping[str, int]) -> Iterator[Passage]:
    """Those of a model whose nodes with weights take so many `macs`, in its order."""
    sides = _sides(model)
    last = {value: place for place, node in enumerate(model.graph.node) for value in node.input}
    alive_until = last.get(model.graph.input[0].name, 0)
    done = weighted = 0
    for place, node in enumerate(model.graph.node):
        value = node.output[0]
        done += macs.get(value, 0)
        weighted += value in macs
        if alive_until <= place and value in sides:
            yield Passage(node.name, prod(sides[value]), done, weighted)
        alive_until = max(alive_until, last.get(value, place))


def _macs(model: onnx.ModelProto) -> dict[str, int]:
    """Value of each node with weights → the multiply-accumulates that it takes."""
    sides = _sides(model)
    kernels = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    return {
        node.output[0]: prod(sides[node.output[0]]) * prod(_summed(node, kernels[node.input[1]]))
        for node in model.graph.node
        if node.op_type in WEIGHTED and node.input[1] in kernels and node.output[0] in sides
    }


def _summed(node: onnx.NodeProto, kernel: Sequence[int]) -> Sequence[int]:
    """The sides of a kernel over which products are summed."""
    return kernel[1:] if node.op_type == "Conv" else kernel[-2:-1]


def _sides(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Every value that a node gives → its shape."""
    return {
        info.name: [side.dim_value for side in info.type.tensor_type.shape.dim]
        for info in (*model.graph.value_info, *model.graph.output)
    }


def in_float(model: onnx.ModelProto, until: str) -> Collection[str]:
    """Names of the nodes that stay in float: up to the last one that is `until`, or under it.

    What stands before the first weights, as the scaling of pixels, stays in any case.

    Raises:
        SpecError: E458, there is no such node.
    """
    nodes = model.graph.node
    end = next((place for place, node in enumerate(nodes) if node.op_type in WEIGHTED), len(nodes))
    if until != INPUT:
        places = [
            place
            for place, node in enumerate(nodes)
            if is_under(node.name, until) and not _closes(node)
        ]
        if not places:
            known = [part for node in nodes for part in _paths(node.name)]
            hint = did_you_mean(until, dict.fromkeys(known))
            raise error(
                "E458", f"there is no row or node '{until}' to stay in float up to", hint=hint
            )
        end = max(end, places[-1] + 1)
    return {node.name for node in nodes[:end]}


def chosen(model: onnx.ModelProto, until: str, float_from: Collection[str] = ()) -> Sequence[str]:
    """Names of the nodes that become int8, in the order of the model.

    Args:
        model: in float32.
        until: see `in_float`.
        float_from: rows or nodes that stay in float, and with them what reads what they give.

    Raises:
        SpecError: E457, there are none; E458, see `in_float`.
    """
    stays = {*in_float(model, until), *_behind(model, float_from)}
    constants = {tensor.name for tensor in model.graph.initializer}
    outputs = {output.name for output in model.graph.output}
    before: set[str] = {model.graph.input[0].name}
    quantised: set[str] = set()
    names: list[str] = []
    for node in model.graph.node:
        # The quantiser gives what a bound reads the range of what it gives, outputs forgotten.
        if node.name in stays or (node.op_type in BOUNDS and node.input[0] in outputs):
            before.update(node.output)
            continue
        read = {value for value in node.input if value and value not in constants}
        weighted = node.op_type in WEIGHTED and node.input[1] in constants
        # What crosses from the float part into int8 is quantised there, for a sum as well.
        if weighted or (follows(node) and read & quantised and read <= quantised | before):
            quantised.update(node.output)
            names.append(node.name)
        elif read <= before:
            before.update(node.output)
    if not names:
        where = "" if until == INPUT else f" after '{until}'"
        raise error("E457", f"there is nothing to quantise{where}: no convolution, no dense layer")
    return names


def _behind(model: onnx.ModelProto, paths: Collection[str]) -> Iterator[str]:
    """Names of the nodes under these paths, and of those that read what they give."""
    given: set[str] = set()
    for node in model.graph.node:
        own = any(is_under(node.name, path) for path in paths)
        if own or not given.isdisjoint(node.input):
            given.update(node.output)
            yield node.name


def follows(node: onnx.NodeProto) -> bool:
    """Whether a node is quantised where all that it reads is."""
    if node.op_type == "HardSigmoid":  # 1/2 is the uint8 128; other offsets may be none
        return any(one.name == "beta" and one.f == 0.5 for one in node.attribute)  # noqa: PLR2004
    return node.op_type in FOLLOWING


def _closes(node: onnx.NodeProto) -> bool:
    """Whether a node only turns a value into an output, which stands at the end of the model."""
    return node.name.startswith(f"{node.output[0]}/")


def is_under(name: str, path: str) -> bool:
    """Whether a node is called `path`, or is of the row or node that is."""
    return name == path or name.startswith((f"{path}.", f"{path}/"))


def _paths(name: str) -> Iterator[str]:
    """`s3.2.expand` → itself and the paths of rows that it is under: `s3.2`, `s3`."""
    parts = name.split("/", 1)[0].split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))
