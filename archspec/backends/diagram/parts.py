"""What a diagram draws of a graph: bands of blocks of parts, equal blocks once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TypeAlias

from archspec import ops
from archspec.backends.diagram.labels import (
    ATTENTION,
    JOINS,
    NAME,
    QUIET,
    Label,
    cut,
    label,
    ranging,
    shaped,
)
from archspec.graph import INPUT, Graph, Node

Words: TypeAlias = tuple[str, ...]

MOST = 12
"""Parts of a block; where there are more, those of a common name become one."""
_SPLITS = (*JOINS, *ATTENTION, ops.Slice, ops.Shuffle)
"""Ops that are a part of their own, whatever their name begins with."""


@dataclass
class Part:
    """A box: nodes that belong together.

    Args:
        nodes: in order.
        reads: the parts of the same block, by number, and other values, by name.
        label: what is written in it.
    """

    nodes: list[Node]
    reads: list[int | str]
    label: Label


@dataclass
class Block:
    """Parts side by side or one after the other.

    Args:
        name: of the block in its row, of the first and the last if it stands for several.
        parts: each after what it reads.
        last: the last node of the graph in it.
        enters: the value that it takes over from the block before; "" where there is none.
        leaves: whether the next block, or an output, takes over what the last node gives.
        count: of blocks that are drawn as this one.
    """

    name: str
    parts: list[Part]
    last: Node
    enters: str = ""
    leaves: bool = False
    count: int = 1


@dataclass
class Band:
    """A row of the spec."""

    name: str
    shape: str
    blocks: list[Block] = field(default_factory=list[Block])


def bands(graph: Graph) -> list[Band]:
    """What is drawn, from the input to the outputs."""
    found: list[Band] = []
    for name, some in groupby(_blocks(graph), key=lambda item: item[0]):
        blocks = [
            Block(title, _parts(graph, prefix, nodes), nodes[-1])
            for _, title, prefix, nodes in some
        ]
        shape = blocks[-1].last.shape
        is_image = shape and not blocks[-1].last.row
        said = f"{shape[-1]} channels" if is_image else shaped(shape)
        found.append(Band(name, said, blocks))
    _hand_over(graph, [block for band in found for block in band.blocks])
    for band in found:
        band.blocks = _folded(graph, band.blocks)
    return found


_Block: TypeAlias = tuple[str, str, str, list[Node]]
"""Name of the row, name of the block, what its nodes' names begin with, the nodes."""


def _blocks(graph: Graph) -> Iterator[_Block]:
    if not any(node.row for node in graph.nodes):
        yield from _pieces(graph) if graph.nodes else ()
        return
    for (row, number), nodes in groupby(graph.nodes, key=lambda node: (node.row, _number(node))):
        name = row.removeprefix("stages.")
        yield cut(name, NAME), number, f"{name}.{number}" if number else row, list(nodes)


def _number(node: Node) -> str:
    """Of the block in its row, `2` of `s3.2.expand.conv`."""
    section, _dot, name = node.row.partition(".")
    if section != "stages" or not node.name.startswith(f"{name}."):
        return ""
    return node.name.removeprefix(f"{name}.").partition(".")[0]


def _pieces(graph: Graph) -> Iterator[_Block]:
    """The blocks of a graph without rows: it is cut where a single value is alive.

    What only changes values one by one stays with the op before, what pads with the op after. Rows
    are what has the same height and width.
    """
    last = {name: position for position, node in enumerate(graph.nodes) for name in node.inputs}
    last.update(dict.fromkeys(graph.outputs.values(), len(graph.nodes)))
    alive, piece = set[str](), list[Node]()
    for position, node in enumerate(graph.nodes):
        stays = isinstance(node.op, QUIET) or (piece and isinstance(piece[-1].op, ops.Pad))
        if piece and alive == {piece[-1].name} and not stays:
            yield _row_of(piece), "", "", piece
            piece = []
        piece.append(node)
        alive = {name for name in {*alive, node.name} if last.get(name, -1) > position}
    yield _row_of(piece), "", "", piece


def _row_of(piece: Sequence[Node]) -> str:
    shape = piece[-1].shape
    return shaped(shape[:2]) if shape[1:] else "vector"


def _parts(graph: Graph, prefix: str, nodes: Sequence[Node]) -> list[Part]:
    keys = _keys(graph, prefix, nodes)
    order = _ordered(nodes, keys)
    groups: Mapping[Words, list[Node]] = {key: [] for key in order}
    for node in nodes:
        groups[keys[node.name]].append(node)
    places = {node.name: order.index(keys[node.name]) for node in nodes}
    return [
        Part(group, _reads(place, group, places), label(graph, _title(key, prefix, group), group))
        for place, (key, group) in enumerate(groups.items())
    ]


def _title(key: Words, prefix: str, nodes: Sequence[Node]) -> str:
    """What a part is called."""
    if not prefix:  # no spec gave the names
        loud = next((node for node in nodes if not isinstance(node.op, QUIET)), nodes[0])
        return ops.kind(type(loud.op)).replace("_", " ")
    word = " ".join(key) or prefix.rpartition(".")[2]
    return (ops.kind(type(nodes[0].op)) if word.isdecimal() else word).replace("_", " ")


def _reads(place: int, group: Iterable[Node], places: Mapping[str, int]) -> list[int | str]:
    found: dict[int | str, None] = {}
    for name in (name for node in group for name in node.inputs):
        found[places.get(name, name)] = None
    return [value for value in found if value != place]


def _keys(graph: Graph, prefix: str, nodes: Sequence[Node]) -> dict[str, Words]:
    """For each node the name of its part."""
    if not prefix:
        return _absorbed(graph, nodes, {node.name: (node.name,) for node in nodes})
    words = {node.name: _words(node.name, prefix) for node in nodes}
    keys = _chains(graph, nodes, words)
    for node in nodes:
        if isinstance(node.op, (ops.GlobalPool, *ATTENTION)) and (whole := words[node.name][:-1]):
            keys = _contracted(nodes, keys, whole)
    return _within(nodes, _absorbed(graph, nodes, keys))


def _chains(graph: Graph, nodes: Sequence[Node], words: Mapping[str, Words]) -> dict[str, Words]:
    """Nodes one after the other whose names begin alike, `expand.conv` and `expand.norm`, as one.

    It has the name that they share, unless it shares that with others which do as much.
    """
    chains: dict[str, list[Node]] = {}
    for node in nodes:
        source = node.inputs[0]
        follows = (
            len(words[node.name]) > 1
            and len(node.inputs) == 1
            and source in chains
            and words[source][:-1] == words[node.name][:-1]
            and not isinstance(node.op, _SPLITS)
            and not isinstance(graph.named[source].op, _SPLITS)
            and len(graph.readers[source]) == 1
        )
        chains[node.name] = chains[source] if follows else []
        chains[node.name].append(node)
    loud: dict[Words, int] = {}
    for name, chain in chains.items():
        if chain[0].name == name and _is_loud(chain):
            loud[words[name][:-1]] = loud.get(words[name][:-1], 0) + 1
    return {
        name: shared
        if (shared := words[chain[0].name][:-1]) and _is_loud(chain) and loud[shared] == 1
        else words[chain[0].name]
        for name, chain in chains.items()
    }


def _is_loud(chain: Sequence[Node]) -> bool:
    """Whether a part does more than to change values one by one, or to join and to split."""
    return any(not isinstance(node.op, (*QUIET, *_SPLITS)) for node in chain)


def _words(name: str, prefix: str) -> Words:
    return tuple(filter(None, name.removeprefix(prefix).split(".")))


def _absorbed(graph: Graph, nodes: Sequence[Node], keys: dict[str, Words]) -> dict[str, Words]:
    """Add what stands alone and changes values one by one to what alone gives them."""
    sizes = _sizes(keys)
    for node in nodes:
        source = keys.get(node.inputs[0])
        if (
            isinstance(node.op, QUIET)
            and source is not None
            and sizes[keys[node.name]] == 1
            and len(graph.readers[node.inputs[0]]) == 1
        ):
            keys[node.name] = source
    return keys


def _sizes(keys: Mapping[str, Words]) -> dict[Words, int]:
    sizes = dict.fromkeys(keys.values(), 0)
    for key in keys.values():
        sizes[key] += 1
    return sizes


def _within(nodes: Sequence[Node], keys: dict[str, Words]) -> dict[str, Words]:
    """Put parts of a common name together, deepest and smallest first, until they are few.

    Names that differ in a number, `layer1` and `layer2`, are treated alike.
    """
    parts = set(keys.values())
    counts = {
        key[:end]: sum(part[:end] == key[:end] for part in parts)
        for key in keys.values()
        for end in range(1, len(key))
    }
    alike: dict[Words, list[Words]] = {}
    for prefix in counts:
        alike.setdefault(tuple(word.rstrip("0123456789") for word in prefix), []).append(prefix)
    for group in sorted(alike.values(), key=lambda group: (-len(group[0]), counts[group[0]])):
        if len(set(keys.values())) <= MOST:
            break
        for prefix in group:
            keys = _contracted(nodes, keys, prefix)
    return keys


def _contracted(nodes: Sequence[Node], keys: dict[str, Words], whole: Words) -> dict[str, Words]:
    """One part instead of all of a common name, unless something else lies between them."""
    joined = {name: whole if key[: len(whole)] == whole else key for name, key in keys.items()}
    return joined if _ordered(nodes, joined) else keys


def _ordered(nodes: Sequence[Node], keys: Mapping[str, Words]) -> list[Words]:
    """The parts in an order in which each comes after what it reads; none if there is no such."""
    waits: dict[Words, set[Words]] = {key: set() for key in keys.values()}
    for node in nodes:
        mine = keys[node.name]
        waits[mine].update(keys[name] for name in node.inputs if name in keys)
        waits[mine].discard(mine)
    found: list[Words] = []
    while waits:
        ready = [key for key, others in waits.items() if not others & waits.keys()]
        if not ready:
            return []
        found += ready
        for key in ready:
            del waits[key]
    return found


def _hand_over(graph: Graph, blocks: Sequence[Block]) -> None:
    """Find what each block takes over from the one before."""
    before, last = INPUT, None
    for block in blocks:
        if any(before in part.reads for part in block.parts):
            block.enters = before
            if last:
                last.leaves = True
        before, last = block.last.name, block
    if last and before in graph.outputs.values():
        last.leaves = True


def _folded(graph: Graph, blocks: Sequence[Block]) -> list[Block]:
    """Equal neighbors as one; a block of which more is read than by the next ends the row."""
    ends = set(graph.outputs.values())
    groups: list[list[Block]] = []
    before, goes_on = None, False
    for block in blocks:
        looks = _looks(graph, block, ends)
        if goes_on and looks == before:
            groups[-1].append(block)
        else:
            groups.append([block])
        before, goes_on = looks, block.last.name not in ends and block.leaves
    return [_as_one(group) for group in groups]


def _as_one(group: Sequence[Block]) -> Block:
    first, last = group[0], group[-1]
    if first is last:
        return first
    for part, other in zip(first.parts, last.parts, strict=True):
        part.label = ranging(part.label, other.label)
    name = f"{first.name} to {last.name}" * bool(first.name)
    return replace(first, name=name, count=len(group), leaves=last.leaves)


def _looks(graph: Graph, block: Block, ends: set[str]) -> object:
    """What two blocks have in common that are drawn alike."""
    own = {node.name for part in block.parts for node in part.nodes}
    parts = tuple(
        (part.label.kin, tuple("before" if name == block.enters else name for name in part.reads))
        for part in block.parts
    )
    taps = {name for name in own - {block.last.name} if name in ends or _is_far(graph, name, own)}
    return parts, bool(block.enters), frozenset(taps)


def _is_far(graph: Graph, name: str, own: set[str]) -> bool:
    """Whether another block reads a value."""
    return any(node.name not in own for node in graph.readers[name])
