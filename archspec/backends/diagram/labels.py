"""What a part of a diagram says: its kind, its lines, how wide they are at most."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from archspec import ops
from archspec.graph import Graph, Node, is_depthwise
from archspec.ops import Op, Shape, kind

ATTENTION = (
    ops.Attention,
    ops.ChannelAttention,
    ops.LinearAttention,
    ops.SeparableAttention,
)
JOINS = (ops.Add, ops.Concat, ops.Multiply)
NORMS = (
    ops.BatchNorm,
    ops.GroupNorm,
    ops.LayerNorm,
    ops.PixelNorm,
    ops.ResponseNorm,
    ops.UnitNorm,
)
QUIET = (*NORMS, ops.Activation, ops.Dropout, ops.DropPath, ops.Rescale, ops.Scale, ops.Standardize)
"""What follows the op before it, value by value."""
CONCAT = "concat"
SIGNS: dict[type[Op], str] = {ops.Add: "+", ops.Multiply: "×", ops.Concat: CONCAT}

LONGEST = 32
"""Letters of a line of a box; who points at it sees all."""
NAME = 64
"""Letters of a name of a net, a row or an output."""

_NARROW = frozenset("ijl|.,:;'!ft1rI()[]/ ")
_WIDE = frozenset("mwMW@%—→")
_OTHERS, _CAPITAL = 0.65, 0.78
_LEAST, _MOST = 0.42, 1.0
_BOLD = 1.12


class Label(NamedTuple):
    """What is written in a box.

    Args:
        look: the class of its colours.
        name: its first line.
        lines: those below.
        hint: what is shown to who points at it, a line for each op.
    """

    look: str
    name: str
    lines: tuple[str, ...]
    hint: str

    @property
    def kin(self) -> tuple[str, ...]:
        """What is the same in boxes that are drawn once; of a join, not how much is joined."""
        lines = self.lines[1:] if self.name == CONCAT else self.lines
        return (self.look, self.name, *lines)


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Pixels that a text takes at most in a sans-serif font of a size.

    Letters are counted in four widths, those of DejaVu Sans, than which few fonts are wider.
    """
    ems = (
        _LEAST
        if letter in _NARROW
        else _MOST
        if letter in _WIDE or not letter.isascii()
        else _CAPITAL
        if letter.isupper()
        else _OTHERS
        for letter in text
    )
    return size * sum(ems) * (_BOLD if bold else 1)


def label(graph: Graph, name: str, nodes: Sequence[Node]) -> Label:
    """What the box of some nodes says that belong together."""
    hint = "\n".join(f"{node.name}: {node.op} → {shaped(node.shape)}" for node in nodes)
    look, title, lines = _looks(graph, name, nodes)
    return Label(look, cut(title), tuple(map(cut, lines)), hint)


def cut(text: str, longest: int = LONGEST) -> str:
    """A text that is no longer than a box bears."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _looks(graph: Graph, name: str, nodes: Sequence[Node]) -> tuple[str, str, tuple[str, ...]]:
    """The look of a box, its name and its lines."""
    found = [node.op for node in nodes]
    if sign := SIGNS.get(type(found[0])):
        joined = (f"{nodes[0].shape[-1]}",) * (sign == CONCAT)
        return "join", sign, (*joined, *_quiet(found[1:]))
    loud = [node for node in nodes if not isinstance(node.op, QUIET)]
    if attention := next((op for op in found if isinstance(op, ATTENTION)), None):
        return "attention", name, _attention(getattr(attention, "heads", 1), nodes[-1].shape)
    if _is_gate(loud):
        return "attention", name, (f"gate, {_squeezed(loud)}",)
    if len(loud) > 1:
        return "many", name, _many(graph, loud)
    if not loud:
        return "quiet", name, _quiet(found, name) or _named(found[0], name)
    said = _said(graph, loud[0], name)
    return _look(graph, loud[0]), name, (*((said,) * bool(said)), *_quiet(found))


def shaped(shape: Shape) -> str:
    """A shape for people: 112×112×32."""
    return "×".join(map(str, shape))


def ranging(first: Label, last: Label) -> Label:
    """The label of a box that stands for several, from the first to the last."""
    if first.lines == last.lines:
        return first
    return first._replace(lines=(f"{first.lines[0]} to {last.lines[0]}", *first.lines[1:]))


def _is_gate(loud: Sequence[Node]) -> bool:
    """Whether what is computed of the whole image is multiplied with it: squeeze and excitation."""
    found = [type(node.op) for node in loud]
    return ops.GlobalPool in found and ops.Multiply in found


def _squeezed(loud: Sequence[Node]) -> str:
    widths = [node.shape[-1] for node in loud[:-1]]
    return f"{widths[0]} → {min(widths)}" if min(widths) < widths[0] else f"{widths[0]}"


def _attention(heads: int, shape: Shape) -> tuple[str, ...]:
    return (f"{heads} head{'s' * (heads > 1)}, {shape[-1]}",)


def _many(graph: Graph, loud: Sequence[Node]) -> tuple[str, ...]:
    """Of a part that is not drawn in full: its windows, and what comes out of it."""
    windows = [_window(graph, node) for node in loud if isinstance(node.op, ops.Window)]
    shown = " ".join(dict.fromkeys(window for window in windows if window != "1×1"))
    lines = (f"{len(loud)} ops, {loud[-1].shape[-1]}",)
    return (shown, *lines) if shown and len(shown) <= 16 else lines  # noqa: PLR2004  of a box


def _quiet(found: Iterable[Op], name: str = "") -> tuple[str, ...]:
    """Activations, and norms other than batch norm, which all nets have."""
    words = [
        op.function.replace("_", " ") if isinstance(op, ops.Activation) else _words(op)
        for op in found
        if isinstance(op, (ops.Activation, *NORMS)) and not isinstance(op, ops.BatchNorm)
    ]
    said = ", ".join(words)
    return (said,) if said and said != name else ()


def _named(op: Op, name: str) -> tuple[str, ...]:
    words = _words(op)
    return () if words == name.replace("_", " ") else (words,)


def _words(op: Op) -> str:
    return kind(type(op)).replace("_", " ")


def _look(graph: Graph, node: Node) -> str:
    if isinstance(node.op, ops.Convolution):
        if is_depthwise(graph, node):
            return "depthwise"
        return "pointwise" if node.op.kernel == (1, 1) else "convolution"
    if isinstance(node.op, ops.Dense):
        return "pointwise"
    return "other"


def _said(graph: Graph, node: Node, name: str) -> str:
    """What a box says of an op, beside its name."""
    op = node.op
    if isinstance(op, ops.Convolution):
        groups = op.groups > 1 and not is_depthwise(graph, node)
        return f"{_window(graph, node)}{f' g{op.groups}' * groups}, {op.channels}"
    if isinstance(op, ops.Window):
        return f"{getattr(op, 'type', '')} {_window(graph, node)}".strip()
    words = _words(op)
    about = _about(node)
    if words == name.replace("_", " "):
        return about
    return f"{words}, {about}" if about else words


def _about(node: Node) -> str:
    op = node.op
    if isinstance(op, ops.Slice):
        return f"{op.start} to {op.stop}"
    if isinstance(op, ops.GlobalPool):
        return op.type
    return shaped(node.shape) if isinstance(op, ops.Dense | ops.Flatten | ops.Resize) else ""


def _window(graph: Graph, node: Node) -> str:
    op = node.op
    assert isinstance(op, ops.Window)  # noqa: S101
    stride = f" /{op.stride}" * (op.stride > 1)
    dilation = f" d{op.dilation}" * (op.dilation > 1)
    depthwise = "dw " * is_depthwise(graph, node)
    return f"{depthwise}{op.kernel[0]}×{op.kernel[1]}{stride}{dilation}"
