"""What the levels say of a parameter: the row, its table, the defaults of the file."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from archspec.parameters import OFF, Kind, Object, Parameter
from archspec.schema import LEADING
from archspec.source import Entries, Entry, Items, Scalar, Tree
from archspec.spec import Setting

Place: TypeAlias = Literal["row", "table", "file"]


class Level(NamedTuple):
    """One place where a value may be said.

    Args:
        origin: what `explain` calls it.
        tree: what is said there.
        place: the blocks that a ramp or a cycle written there runs over.
        own: whether it speaks of this block alone.
    """

    origin: str
    tree: Entries
    place: Place
    own: bool


Said: TypeAlias = Sequence[tuple[Level, Tree]]


def said_of(levels: Sequence[Level], path: str) -> Said:
    """Each level that says something at a path, nearest first, and what."""
    return [
        (level, level.tree.entries[path].value) for level in levels if path in level.tree.entries
    ]


def until_off(
    kind: Object, said: Said, settings: dict[str, Setting], path: str
) -> tuple[list[tuple[Level, Entries]], bool]:
    """What is said of an object, nearest first, until one turns it off; whether one does."""
    kept: list[tuple[Level, Entries]] = []
    for level, tree in said:
        if isinstance(tree, Scalar) and tree.value is None:
            continue
        if isinstance(tree, Scalar) and tree.value == OFF:
            settings.setdefault(path, Setting(None, level.origin, tree.span))
            return kept, True
        mapping = _in_full(kind, tree)
        kept.append((level, mapping))
        leading = tree.get(LEADING) if isinstance(tree, Entries) else None
        if isinstance(leading, Scalar) and leading.value == OFF:
            settings.setdefault(path, Setting(None, level.origin, leading.span))
            return kept, True
    return kept, False


def _in_full(kind: Object, tree: Tree) -> Entries:
    """A scalar as the mapping with the leading field that it stands for."""
    if isinstance(tree, Entries) and "from" not in tree.entries and "cycle" not in tree.entries:
        short = tree.entries.get(LEADING)
        if short is None or kind.leading in tree.entries:
            return tree
        if isinstance(short.value, Scalar) and short.value.value == OFF:
            return tree
        return Entries({**tree.entries, kind.leading: short}, tree.span)
    return Entries({kind.leading: Entry(Scalar(kind.leading, tree.span), tree)}, tree.span)


def is_on(kind: Object, parameter: Parameter, kept: Said, *, off: bool, base: object) -> bool:
    """Whether what is said, or the object that it follows, switches an object on."""
    leading = any(
        _says_something(tree.get(kind.leading)) and (level.own or not parameter.own)
        for level, tree in kept
        if isinstance(tree, Entries)
    )
    if kind.on == "leading":
        return leading or base is not None
    if kind.on == "said":
        return bool(kept) or base is not None
    return not off or leading


def _says_something(tree: Tree | None) -> bool:
    return tree is not None and not (isinstance(tree, Scalar) and tree.value is None)


def switches_on(tree: Tree | None) -> bool:
    """Whether a level chooses a parameter; `expansion: {of: output}` only configures it."""
    if isinstance(tree, Entries):
        return any(word in tree.entries for word in ("ratio", "from", "cycle", LEADING))
    return isinstance(tree, Items) or (isinstance(tree, Scalar) and tree.value not in {None, OFF})


def ramp(said: Any, index: int, count: int) -> float:  # noqa: ANN401
    """The number of one block on the line that was said, checked by its schema."""
    start = float(said["from"])
    if "step" in said:
        return start + float(said["step"]) * index
    if "upto" in said:
        return start + (float(said["upto"]) - start) * index / count
    return start + (float(said["to"]) - start) * index / max(count - 1, 1)


def in_range(kind: Kind | Object, value: float) -> bool:
    """Whether a computed number is one that could have been written."""
    if not isinstance(kind, Kind) or kind.bounds is None:
        return True
    low, high = kind.bounds
    return low <= value <= high
