"""What a pixel of a value sees of the image, and how far apart two of them lie there.

From the image on, where each pixel sees itself, a window of k pixels (dilation counted) adds k - 1
steps of its input, and its stride multiplies the step (Araujo, Norris and Sim 2019, "Computing
Receptive Fields of Convolutional Neural Networks", distill.pub). Where branches meet, the most
counts. What a branch of global means is only multiplied by, as in squeeze-and-excitation, does not
count, nor do the means and variances of norms. Padding is not cut off: a field may be larger than
the image. Behind a global pool, an attention, and a dense layer over an image, all of it is seen.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple, TypeAlias

from archspec import ops
from archspec.graph import INPUT, Graph, Node
from archspec.ops import Op, Shape

Number: TypeAlias = int | Fraction
Pair: TypeAlias = tuple[Number, Number]


class Reach(NamedTuple):
    """What the pixels of a value see: `sees` of the image each, `step` apart; None: all of it."""

    sees: Pair | None
    step: Pair | None

    @property
    def field(self) -> tuple[int, int] | None:
        """Height and width that a pixel sees, a started pixel as a whole one."""
        return (ceil(self.sees[0]), ceil(self.sees[1])) if self.sees else None

    @property
    def stride(self) -> tuple[float, float] | None:
        """Pixels of the image from one pixel to the next; below 1 behind an upsampling."""
        return (_plain(self.step[0]), _plain(self.step[1])) if self.step else None


_ALL = Reach(None, None)


def reaches(graph: Graph) -> Mapping[str, Reach]:
    """Value → what its pixels see."""
    found = {INPUT: Reach((1, 1), (1, 1))}
    for node in graph.nodes:
        inputs = [found[name] for name in node.inputs]
        rule = RULES.get(type(node.op))
        found[node.name] = rule(graph, node, inputs) if rule else inputs[0]
    return found


def _window(_graph: Graph, node: Node, inputs: Sequence[Reach]) -> Reach:
    op = node.op
    assert isinstance(op, ops.Window)  # noqa: S101
    extents = [(size - 1) * op.dilation for size in op.kernel]
    return _slid(inputs[0], (extents[0], extents[1]), (op.stride, op.stride))


def _blur(_graph: Graph, node: Node, inputs: Sequence[Reach]) -> Reach:
    op = node.op
    assert isinstance(op, ops.Blur)  # noqa: S101
    return _slid(inputs[0], (op.size - 1, op.size - 1), (op.stride, op.stride))


def _resize(graph: Graph, node: Node, inputs: Sequence[Reach]) -> Reach:
    """A pixel is one of the image before, or lies between two."""
    op = node.op
    assert isinstance(op, ops.Resize)  # noqa: S101
    before = graph.shapes[node.inputs[0]]
    ratios = [Fraction(was, now) for was, now in zip(before[:2], node.shape[:2], strict=True)]
    more = [
        int(op.mode != "nearest" and ratio != 1 and ratio != before[axis])
        for axis, ratio in enumerate(ratios)
    ]
    return _slid(inputs[0], (more[0], more[1]), (ratios[0], ratios[1]))


def _slid(reach: Reach, more: Pair, stride: Pair) -> Reach:
    """Of an image whose pixels see so many more pixels of the one before, and step over so many."""
    if reach.sees is None or reach.step is None:
        return _ALL
    (high, wide), (down, right) = reach.sees, reach.step
    return Reach(
        (high + more[0] * down, wide + more[1] * right), (down * stride[0], right * stride[1])
    )


def _all(*_: object) -> Reach:
    return _ALL


def _flat(graph: Graph, node: Node, inputs: Sequence[Reach]) -> Reach:
    """A vector of one pixel sees what that sees."""
    return inputs[0] if _is_pixel(graph.shapes[node.inputs[0]]) else _ALL


def _joined(_graph: Graph, _node: Node, inputs: Sequence[Reach]) -> Reach:
    first, *others = inputs
    for other in others:
        first = _most(first, other)
    return first


def _multiplied(graph: Graph, node: Node, inputs: Sequence[Reach]) -> Reach:
    image, factor = inputs
    gate = factor.sees is None and _is_pixel(graph.shapes[node.inputs[1]])
    return image if gate else _most(image, factor)


def _most(one: Reach, other: Reach) -> Reach:
    if one is other or one.sees is None or one.step is None:
        return one
    if other.sees is None or other.step is None:
        return other
    (high, wide), (taller, wider) = one.sees, other.sees
    (down, right), (further, beyond) = one.step, other.step
    return Reach((max(high, taller), max(wide, wider)), (max(down, further), max(right, beyond)))


def _nothing(_graph: Graph, _node: Node, inputs: Sequence[Reach]) -> Reach:
    """Positions are known without looking at the image."""
    return Reach((0, 0), inputs[0].step)


def _is_pixel(shape: Shape) -> bool:
    return all(size == 1 for size in shape[:-1])


def _plain(number: Number) -> float:
    return int(number) if number == int(number) else float(number)


RULES: Mapping[type[Op], Callable[[Graph, Node, Sequence[Reach]], Reach]] = {
    ops.Convolution: _window,
    ops.Pool: _window,
    ops.Blur: _blur,
    ops.Resize: _resize,
    ops.Flatten: _flat,
    ops.Multiply: _multiplied,
    ops.FourierPositions: _nothing,
    **dict.fromkeys((ops.Add, ops.Concat, ops.Rows), _joined),
    **dict.fromkeys(
        (
            ops.GlobalPool,
            ops.Attention,
            ops.ChannelAttention,
            ops.LinearAttention,
            ops.SeparableAttention,
        ),
        _all,
    ),
}
"""Those that do more than hand on what the first input sees."""
