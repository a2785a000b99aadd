"""An ONNX graph while it is rewritten: who gives and reads each value, constants, shapes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array: TypeAlias = NDArray[Any]
Node: TypeAlias = onnx.NodeProto
Shape: TypeAlias = tuple[int | str, ...]


def reads(node: Node) -> list[str]:
    """All values that a node reads, those that its inner graphs take from outside too."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        if attribute.HasField("g"):
            inner = attribute.g
            own = {value.name for value in (*inner.input, *inner.initializer)}
            own |= {name for other in inner.node for name in other.output}
            asked = [name for other in inner.node for name in reads(other)]
            asked += [value.name for value in inner.output]
            names += [name for name in asked if name not in own]
    return names


class Wires:
    """A graph that rules rewrite node by node.

    Args:
        proto: the graph; it is written back by `finish`.
        shapes: of its values, as far as they are known.
        opset: that rules write for.
    """

    def __init__(self, proto: onnx.GraphProto, shapes: dict[str, Shape], opset: int) -> None:
        self.proto = proto
        self.shapes = shapes
        self.opset = opset
        self.outputs = {value.name for value in proto.output}
        self.nodes: dict[str, Node] = {}
        self._readers: defaultdict[str, list[str]] = defaultdict(list)
        self._givers: dict[str, str] = {}
        self._arrays = {tensor.name: tensor for tensor in proto.initializer}
        self._counts: Counter[str] = Counter()
        for node in proto.node:
            self._wire(node)

    def array(self, name: str) -> Array | None:
        """The constant of that name."""
        tensor = self._arrays.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def number(self, name: str) -> float | None:
        """The constant of that name where it is one number."""
        array = self.array(name)
        return float(array.item()) if array is not None and array.size == 1 else None

    def giver(self, value: str, *kinds: str) -> Node | None:
        """The node of one of these kinds that gives a value."""
        node = self.nodes.get(self._givers.get(value, ""))
        return node if node is not None and node.op_type in kinds and not node.domain else None

    def readers(self, value: str) -> list[Node]:
        """The nodes that read a value."""
        return [self.nodes[name] for name in dict.fromkeys(self._readers[value])]

    def alone(self, value: str) -> bool:
        """Whether a value is read once, and is no output."""
        return len(self._readers[value]) == 1 and value not in self.outputs

    def only_giver(self, value: str, *kinds: str) -> Node | None:
        """The node of one of these kinds that gives a value, if nothing else reads that."""
        return self.giver(value, *kinds) if self.alone(value) else None

    def constant(self, like: str, array: Array) -> str:
        """The name of a new constant."""
        self._counts[like] += 1
        name = f"{like}/rewritten_{self._counts[like]}"
        self._arrays[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def become(self, node: Node, kind: str, inputs: Sequence[str], **attributes: Any) -> None:  # noqa: ANN401
        """Let a node be another that gives the same value."""
        new = helper.make_node(kind, inputs, node.output, node.name, **attributes)
        self._unwire(node)
        self._wire(new)
        self._drop_unread(node)

    def add(self, kind: str, inputs: Sequence[str], like: Node, **attributes: Any) -> str:  # noqa: ANN401
        """The value of a new node, which is named after another one."""
        self._counts[like.name] += 1
        name = f"{like.name}/{kind}_{self._counts[like.name]}"
        self._wire(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def pass_by(self, node: Node, value: str) -> bool:
        """Let those who read what a node gives read `value`; whether that could be done."""
        if node.output[0] in self.outputs:
            return False
        for reader in self.readers(node.output[0]):
            if any(attribute.HasField("g") for attribute in reader.attribute):
                return False
        for reader in self.readers(node.output[0]):
            self._unwire(reader)
            reader.input[:] = [value if name == node.output[0] else name for name in reader.input]
            self._wire(reader)
        self._unwire(node)
        self._drop_unread(node)
        return True

    def finish(self) -> None:
        """Write nodes, in an order that only the outputs decide, and constants that are read."""
        ordered: dict[str, Node] = {}
        for output in self.proto.output:
            self._order(output.name, ordered)
        del self.proto.node[:]
        self.proto.node.extend(ordered.values())
        read = dict.fromkeys(name for node in ordered.values() for name in reads(node))
        read |= dict.fromkeys(output.name for output in self.proto.output)
        kept = [self._arrays[name] for name in read if name in self._arrays]
        del self.proto.initializer[:]
        self.proto.initializer.extend(kept)

    def _order(self, value: str, ordered: dict[str, Node]) -> None:
        """Add what a value needs, without recursion: nets are deep."""
        stack = [(value, False)]
        while stack:
            name, is_ready = stack.pop()
            node = self.nodes.get(self._givers.get(name, ""))
            if node is None or node.name in ordered:
                continue
            if is_ready:
                ordered[node.name] = node
            else:
                stack.append((name, True))
                stack += [(other, False) for other in reversed(reads(node))]

    def _wire(self, node: Node) -> None:
        if not node.name:
            node.name = next(name for name in node.output if name)
        self.nodes[node.name] = node
        for name in reads(node):
            self._readers[name].append(node.name)
        for name in node.output:
            self._givers[name] = node.name

    def _unwire(self, node: Node) -> None:
        del self.nodes[node.name]
        for name in reads(node):
            self._readers[name].remove(node.name)

    def _drop_unread(self, node: Node) -> None:
        """Take out the nodes in front of one that is gone, where nothing else reads them."""
        for name in reads(node):
            giver = self.nodes.get(self._givers.get(name, ""))
            if giver and not any(self._readers[out] or out in self.outputs for out in giver.output):
                self._unwire(giver)
                self._drop_unread(giver)
