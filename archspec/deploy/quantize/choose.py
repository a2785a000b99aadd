"""What becomes int8: which nodes stay in float, and which of the others follow."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import onnx

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

HALF = 2
"""The float part goes on while values are at least 1/2 as high as the image."""


@dataclass(frozen=True)
class Passage:
    """A value that everything after it depends on alone.

    Args:
        node: place of the node that gives it.
        name: of that node.
        height: of the value, in pixels.
        size: its numbers.
    """

    node: int
    name: str
    height: int
    size: int


def narrowest(model: onnx.ModelProto, height: int, share: int = HALF) -> str:
    """Where the float part ends by rule: at the narrowest passage of the first rows.

    Of the passages after the first weights that are at least 1/`share` as high as the image it is
    the one of the fewest numbers, the last of them if there are several; INPUT if there is none.

    Why: large images of few channels are what int8 is slow at. One channel block of a float
    convolution is eight or sixteen channels, one dot product of int8 reads four of them; and the
    more numbers are quantised on the way to int8, the more that costs. bench/int8.py measures the
    rule against other places.

    Args:
        model: with the shape of every value.
        height: of the image.
        share: see above.
    """
    high = [passage for passage in passages(model) if passage.height * share >= height]
    if not high:
        return INPUT
    least = min(passage.size for passage in high)
    return next(passage.name for passage in reversed(high) if passage.size == least)


def passages(model: onnx.ModelProto) -> Iterator[Passage]:
    """Images that are the only value alive where they are, after the first node with weights."""
    nodes = model.graph.node
    shapes = {
        info.name: [side.dim_value for side in info.type.tensor_type.shape.dim]
        for info in (*model.graph.value_info, *model.graph.output)
    }
    last = {value: place for place, node in enumerate(nodes) for value in node.input}
    open_until = last.get(model.graph.input[0].name, 0)
    weighted = False
    for place, node in enumerate(nodes):
        weighted = weighted or node.op_type in WEIGHTED
        shape = shapes.get(node.output[0], [])
        if weighted and open_until <= place and len(shape) == 4:  # noqa: PLR2004  n, c, h, w
            yield Passage(place, node.name, shape[2], shape[1] * shape[2] * shape[3])
        open_until = max(open_until, last.get(node.output[0], place))


def in_float(model: onnx.ModelProto, until: str) -> Collection[str]:
    """Names of the nodes that stay in float: up to the last one that is `until`, or under it.

    What stands before the first weights, as the scaling of pixels, stays in any case.

    Raises:
        SpecError: E458, there is no such node.
    """
    nodes = model.graph.node
    end = next((place for place, node in enumerate(nodes) if node.op_type in WEIGHTED), len(nodes))
    if until != INPUT:
        places = [place for place, node in enumerate(nodes) if is_under(node.name, until)]
        if not places:
            known = [part for node in nodes for part in _paths(node.name)]
            hint = did_you_mean(until, dict.fromkeys(known))
            raise error(
                "E458", f"there is no row or node '{until}' to stay in float up to", hint=hint
            )
        end = max(end, places[-1] + 1)
    return {node.name for node in nodes[:end]}


def chosen(model: onnx.ModelProto, until: str) -> Sequence[str]:
    """Names of the nodes that become int8, in the order of the model.

    Raises:
        SpecError: E457, there are none; E458, see `in_float`.
    """
    stays = in_float(model, until)
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
    if not names:
        where = "" if until == INPUT else f" after '{until}'"
        raise error("E457", f"there is nothing to quantise{where}: no convolution, no dense layer")
    return names


def follows(node: onnx.NodeProto) -> bool:
    """Whether a node is quantised where all that it reads is."""
    if node.op_type == "HardSigmoid":  # 1/2 is the uint8 128; other offsets may be none
        return any(one.name == "beta" and one.f == 0.5 for one in node.attribute)  # noqa: PLR2004
    return node.op_type in FOLLOWING


def is_under(name: str, path: str) -> bool:
    """Whether a node is called `path`, or is of the row or node that is."""
    return name == path or name.startswith((f"{path}.", f"{path}/"))


def _paths(name: str) -> Iterator[str]:
    """`s3.2.expand` → itself and the paths of rows that it is under: `s3.2`, `s3`."""
    parts = name.split("/", 1)[0].split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))
