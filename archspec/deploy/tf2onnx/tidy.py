"""What tf2onnx leaves in parts, put together: each rule keeps the function of the model.

tf2onnx writes what TensorFlow computes; what Keras meant takes fewer nodes. A rule gets a node and
looks at what is in front of it. It says whether it has changed the graph.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import helper

from archspec.deploy.tf2onnx.wires import Array, Node, Shape, Wires

Rule: TypeAlias = Callable[[Wires, Node], bool]

_SAME = 1e-6
"""How near a number in float32 is to the one that is meant."""

_SWISH = 14
"""The first opset with HardSwish."""

_ZERO: Sequence[list[float | None]] = ([], [0.0])
"""What a Pad says that fills with zeros."""


def tidy(proto: onnx.GraphProto, shapes: dict[str, Shape], opset: int) -> None:
    """Apply all rules until none finds anything."""
    wires = Wires(proto, shapes, opset)
    while sum(_sweep(wires, kind, rule) for rule, kinds in RULES.items() for kind in kinds):
        pass
    wires.finish()


def _sweep(wires: Wires, kind: str, rule: Rule) -> int:
    """How often a rule holds for nodes of a kind."""
    found = [name for name, node in wires.nodes.items() if node.op_type == kind]
    return sum(rule(wires, wires.nodes[name]) for name in found if name in wires.nodes)


def identity(wires: Wires, node: Node) -> bool:
    """Identity(x) → x."""
    return wires.pass_by(node, node.input[0])


def reshapes(wires: Wires, node: Node) -> bool:
    """Reshape(Squeeze(x)) → x, or one Reshape where the shape is another."""
    first = node
    while other := wires.only_giver(first.input[0], *RULES[reshapes]):
        first = other
    given, wanted = wires.shapes.get(first.input[0]), wires.shapes.get(node.output[0])
    if given is None or wanted is None:
        return False
    if not _is_clear(given) or not _is_clear(wanted):
        return False
    if _sizes(given) == _sizes(wanted):
        return wires.pass_by(node, first.input[0])
    if first is node:
        return False
    name = wires.constant(node.name, np.array(_sizes(wanted), np.int64))
    wires.become(node, "Reshape", [first.input[0], name])
    return True


def _is_clear(shape: Shape) -> bool:
    """Whether sizes that are known decide the only one that is not."""
    return sum(isinstance(size, str) for size in shape) <= 1 and 0 not in shape


def _sizes(shape: Shape) -> list[int]:
    return [-1 if isinstance(size, str) else size for size in shape]


def pad(wires: Wires, node: Node) -> bool:
    """Conv(Pad(x)) → Conv(x), zeros around the image."""
    before = wires.giver(node.input[0], "Pad")
    given = attributes(node)
    if before is None or given.get("auto_pad", b"NOTSET") not in {b"NOTSET", b"VALID"}:
        return False
    _, sizes, *value = before.input
    pads = wires.array(sizes)
    is_constant = attributes(before).get("mode", b"constant") == b"constant"
    if (
        pads is None
        or not is_constant
        or [wires.number(name) for name in value if name] not in _ZERO
    ):
        return False
    half = len(pads) // 2
    if pads.min() < 0 or pads[[0, 1, half, half + 1]].any():
        return False
    around = [*pads[2:half].tolist(), *pads[half + 2 :].tolist()]
    own: list[int] = given.get("pads", [0] * len(around))
    total = [first + second for first, second in zip(own, around, strict=True)]
    given.pop("auto_pad", None)
    wires.become(node, "Conv", [before.input[0], *node.input[1:]], **given | {"pads": total})
    return True


def scale(wires: Wires, node: Node) -> bool:
    """Conv(x) · s → Conv(x), s a number for each channel."""
    conv, numbers = _folded(wires, node)
    if conv is None or numbers is None:
        return False
    arrays = [wires.array(name) for name in conv.input[1:]]
    if any(array is None for array in arrays):
        return False
    names = [
        wires.constant(node.name, _times(array, numbers)) for array in arrays if array is not None
    ]
    wires.become(node, "Conv", [conv.input[0], *names], **attributes(conv))
    return True


def _times(array: Array, numbers: Array) -> Array:
    scaled = array.astype(np.float64) * numbers.reshape(-1, *[1] * (array.ndim - 1))
    return scaled.astype(array.dtype)


def offset(wires: Wires, node: Node) -> bool:
    """Conv(x) + b → Conv(x), b a number for each channel."""
    conv, numbers = _folded(wires, node)
    if conv is None or numbers is None:
        return False
    _, kernel, *biases = conv.input
    bias = wires.array(biases[0]) if biases else np.zeros(1, numbers.dtype)
    kernel = wires.array(kernel)
    if bias is None or kernel is None:
        return False
    total = bias.astype(np.float64) + numbers + np.zeros(kernel.shape[0])
    name = wires.constant(node.name, total.astype(kernel.dtype))
    wires.become(node, "Conv", [*conv.input[:2], name], **attributes(conv))
    return True


def _folded(wires: Wires, node: Node) -> tuple[Node | None, Array | None]:
    """The convolution that a node alone reads, and the other number for each channel."""
    for given, other in (node.input, reversed(node.input)):
        conv, array = wires.only_giver(given, "Conv"), wires.array(other)
        kernel = wires.array(conv.input[1]) if conv is not None else None
        if array is None or kernel is None:
            continue
        wanted = (1, kernel.shape[0], *[1] * (kernel.ndim - 2))
        if array.size == 1 or _padded(array.shape, kernel.ndim) == wanted:
            return conv, array.reshape(-1)
    return None, None


def _padded(shape: Sequence[int], rank: int) -> tuple[int, ...]:
    return (*[1] * (rank - len(shape)), *shape)


def hard_sigmoid(wires: Wires, node: Node) -> bool:
    """Clip(x + 3, 0, 6) / 6 → HardSigmoid(x)."""
    given, number = _operands(wires, node)
    clip = wires.only_giver(given, "Clip")
    if clip is None or number is None or (node.op_type == "Div" and node.input[0] != given):
        return False
    factor = number if node.op_type == "Mul" else 1 / (number or 1)
    value, added = _operands(wires, wires.only_giver(clip.input[0], "Add"))
    limits = [wires.number(name) for name in clip.input[1:]]
    if not _are([*limits, added, factor * 6], [0, 6, 3, 1]):
        return False
    wires.become(node, "HardSigmoid", [value], alpha=1 / 6, beta=0.5)
    return True


def hard_swish(wires: Wires, node: Node) -> bool:
    """Product of x and HardSigmoid(x) → HardSwish(x), from opset 14."""
    for given, other in (node.input, reversed(node.input)):
        gate = wires.only_giver(other, "HardSigmoid")
        if gate is not None and gate.input[0] == given and wires.opset >= _SWISH:
            numbers = attributes(gate)
            if _are([numbers.get("alpha"), numbers.get("beta")], [1 / 6, 0.5]):
                wires.become(node, "HardSwish", [given])
                return True
    return False


def _operands(wires: Wires, node: Node | None) -> tuple[str, float | None]:
    """The value and the number that a node with two inputs reads."""
    if node is not None:
        for given, other in (node.input, reversed(node.input)):
            if (number := wires.number(other)) is not None:
                return given, number
    return "", None


def _are(numbers: Sequence[float | None], wanted: Sequence[float]) -> bool:
    return len(numbers) == len(wanted) and all(
        number is not None and abs(number - other) <= _SAME * max(1, abs(other))
        for number, other in zip(numbers, wanted, strict=True)
    )


def gelu(wires: Wires, node: Node) -> bool:
    """0.5 x (1 - Erf(-x / √2)) → x (1 + Erf(x / √2)) 0.5, which runtimes know as one step."""
    for half, complement in (node.input, reversed(node.input)):
        value, number = _operands(wires, wires.only_giver(half, "Mul"))
        minus = wires.only_giver(complement, "Sub")
        erf = wires.only_giver(minus.input[1], "Erf") if minus is not None else None
        one = wires.array(minus.input[0]) if minus is not None else None
        if erf is None or one is None or not _are([number, *one.reshape(-1)], [0.5, 1]):
            continue
        inner, factor = _operands(wires, wires.only_giver(erf.input[0], "Mul"))
        negated = wires.only_giver(inner, "Neg")
        if negated is None or negated.input[0] != value or not _are([factor], [np.sqrt(0.5)]):
            continue
        _gelu(wires, node, value, one.dtype)
        return True
    return False


def _gelu(wires: Wires, node: Node, value: str, kind: "np.dtype[Any]") -> None:
    root, one, half = (
        wires.constant(node.name, np.array(number, kind)) for number in (np.sqrt(2), 1, 0.5)
    )
    erf = wires.add("Erf", [wires.add("Div", [value, root], node)], node)
    product = wires.add("Mul", [value, wires.add("Add", [erf, one], node)], node)
    wires.become(node, "Mul", [product, half])


def gemm(wires: Wires, node: Node) -> bool:
    """MatMul(x, W) + b → Gemm(x, W, b), x vectors."""
    for given, other in (node.input, reversed(node.input)):
        product = wires.only_giver(given, "MatMul")
        bias = wires.array(other)
        kernel = wires.array(product.input[1]) if product is not None else None
        if product is None or bias is None or kernel is None:
            continue
        ranks = (len(wires.shapes.get(product.input[0], ())), kernel.ndim)
        if ranks == (2, 2) and bias.size == kernel.shape[1]:
            name = wires.constant(node.name, bias.reshape(-1))
            wires.become(node, "Gemm", [*product.input, name])
            return True
    return False


def attributes(node: Node) -> dict[str, Any]:
    """The attributes of a node by name."""
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


RULES: Mapping[Rule, Sequence[str]] = {
    identity: ("Identity",),
    reshapes: ("Reshape", "Squeeze", "Unsqueeze"),
    hard_sigmoid: ("Mul", "Div"),
    hard_swish: ("Mul",),
    gelu: ("Mul",),
    pad: ("Conv",),
    scale: ("Mul",),
    offset: ("Add",),
    gemm: ("Add",),
}
"""Rule → kinds of nodes that it looks at; what is added is a bias if it is nothing else."""
