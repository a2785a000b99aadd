"""The look-up: row, table for this block, table, defaults for this block, defaults, the block's own.

Each path is looked up by itself; `none` stops the search for everything under it; a part's path beats the block's at every
level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from functools import cache
from keyword import iskeyword
from typing import Any, Literal, TypeAlias

from archspec.errors import Problems, Span, quoted
from archspec.parameters import (
    MAX_CHANNELS,
    OFF,
    Integer,
    Kind,
    Number,
    Object,
    Parameter,
    Ratio,
    Scaling,
    parameters_of,
)
from archspec.scaling import NotWholeError, Rounding, round_count
from archspec.schema import LEADING
from archspec.source import Entries, Entry, Items, Scalar, Tree, plain
from archspec.spec import Setting

Place: TypeAlias = Literal["row", "table", "file"]


@dataclass(frozen=True, slots=True)
class Level:
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


@dataclass(frozen=True, slots=True)
class Position:
    """Which block of how many: of its row, its table, the file."""

    row: tuple[int, int] = (0, 1)
    table: tuple[int, int] = (0, 1)
    file: tuple[int, int] = (0, 1)


@dataclass
class Reader:
    """Reads the parameters of one block of one row.

    Args:
        scaling: of the file.
        width: "scaled", "up" or "fixed", of the row.
        rounding: of the row's counts.
        position: which block it is.
        problems: where what is wrong goes.
        row: the row, for what is missing.
        settings: path → value and origin, filled by reading.
        spreads: whether a ramp or a cycle was met.
    """

    scaling: Scaling
    width: str
    rounding: Rounding | None
    position: Position
    problems: Problems
    row: Span
    settings: dict[str, Setting] = field(default_factory=dict[str, Setting])
    spreads: bool = False

    def block(self, cls: type[Any], levels: Sequence[Level], name: str) -> Any:  # noqa: ANN401  any parameter class
        """An instance of a parameter class, or None where something is wrong."""
        before = len(self.problems)
        hidden = self._hidden(cls, levels, name)
        values: dict[str, Any] = {}
        late: list[tuple[str, Parameter]] = []
        for path, parameter in parameters_of(cls).items():
            if path in hidden:
                values[path] = None
            elif _is_late(parameter):
                late.append((path, parameter))
            else:
                values[path] = self.read(path, parameter, _said(levels, path), name)
        for path, parameter in late:
            values[path] = self.read(path, parameter, _said(levels, path), name, block=values)
        if len(self.problems) > before:
            return None
        return cls(**{f"{key}_" if iskeyword(key) else key: value for key, value in values.items()})

    def _hidden(self, cls: type[Any], levels: Sequence[Level], name: str) -> set[str]:
        """The losers of parameters that exclude each other: the nearer level wins."""
        hidden: set[str] = set()
        for slot in getattr(cls, "ONE_OF", ()):
            winner = self._winner(slot, levels)
            if winner is None and any(parameters_of(cls)[word].required for word in slot):
                words = " or ".join(f"'{word}'" for word in slot)
                self.problems.add("E108", f"block '{name}' needs {words}", self.row)
            # Without a winner the first speaks: it has the default, and what configures it is not lost.
            hidden |= set(slot) - {winner or slot[0]}
            hidden |= {slot[0]} if winner is None and parameters_of(cls)[slot[0]].required else set()
        return hidden

    def _winner(self, slot: Sequence[str], levels: Sequence[Level]) -> str | None:
        for level in levels:
            said = [word for word in slot if _switches_on(level.tree.get(word))]
            if len(said) > 1:
                span = level.tree.entries[said[1]].value.span
                message = f"'{said[0]}' and '{said[1]}' exclude each other"
                self.problems.add("E205", message, span, "say one of them here")
            if said:
                return said[0]
        return None

    def read(  # noqa: PLR0913  what a look-up depends on
        self,
        path: str,
        parameter: Parameter,
        said: Said,
        name: str,
        *,
        block: Mapping[str, Any] | None = None,
        inherited: Any = MISSING,  # noqa: ANN401  a value of any parameter
    ) -> Any:  # noqa: ANN401
        """The value of one parameter: what is said nearest, else what is inherited, else the block's own."""
        if isinstance(parameter.kind, Object):
            return self._object(path, parameter, said, name, block=block or {}, inherited=inherited)
        for level, tree in said:
            if (level.own or not parameter.own) and not (isinstance(tree, Scalar) and tree.value is None):
                return self._leaf(path, parameter, level, tree)
        if inherited is not MISSING:
            self.settings[path] = Setting(inherited, f"as {path.rpartition('.')[2]}")
            return inherited
        if parameter.required:
            self.problems.add("E108", f"block '{name}' needs '{path}'", self.row)
            return None
        self.settings[path] = Setting(parameter.default, "the block's own")
        return parameter.default

    def _object(  # noqa: PLR0913
        self, path: str, parameter: Parameter, said: Said, name: str, *, block: Mapping[str, Any], inherited: Any  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        kind = parameter.kind
        assert isinstance(kind, Object)  # noqa: S101
        kept, off = _until_off(kind, said, self.settings, path)
        base = None if off or inherited is MISSING else inherited
        if not _is_on(kind, parameter, kept, off=off, base=base):
            if inherited is MISSING and not off and not kept and parameter.default is not None:
                return self._default(path, parameter, name)
            self.settings.setdefault(path, Setting(None, "the block's own"))
            return None
        details = base if base is not None else block.get(path) if parameter.inherits == "details" else None
        values = {
            word: self.read(
                f"{path}.{word}",
                _narrowed(parameter, inner, word),
                [(level, tree.entries[word].value) for level, tree in kept if word in tree.entries],
                name,
                block=block,
                inherited=_inherited(parameter, kind, word, inner, base=base, details=details, block=block),
            )
            for word, inner in kind.parameters.items()
        }
        return kind.type(**values)

    def _default(self, path: str, parameter: Parameter, name: str) -> Any:  # noqa: ANN401
        if parameter.required:
            self.problems.add("E108", f"block '{name}' needs '{path}'", self.row)
            return None
        self.settings[path] = Setting(parameter.default, "the block's own")
        return parameter.default

    def _leaf(self, path: str, parameter: Parameter, level: Level, tree: Tree) -> Any:  # noqa: ANN401
        value, computed = self._spread(path, parameter, level, tree)
        written = ""
        if parameter.count and isinstance(value, int | float):
            value, written = self._count(path, value, tree, computed=computed)
        elif computed and isinstance(parameter.kind, Integer):
            value = self._whole(path, value, tree)
        self.settings[path] = Setting(value, level.origin, tree.span, written)
        return value

    def _spread(self, path: str, parameter: Parameter, level: Level, tree: Tree) -> tuple[Any, bool]:
        """The value of this block, and whether a ramp computed it."""
        if not isinstance(tree, Entries):
            said = plain(tree)
            return (None if said == OFF and parameter.off else parameter.kind.read(said)), False
        self.spreads = True
        index, count = getattr(self.position, level.place)
        cycle = tree.get("cycle")
        if isinstance(cycle, Items):
            said = plain(cycle.items[index % len(cycle.items)])
            return (None if said == OFF and parameter.off else parameter.kind.read(said)), False
        value = _ramp(plain(tree), index, count)
        if not parameter.count and not _in_range(parameter.kind, value):
            message = f"'{path}' is {value:.6g} in block {index + 1}; wanted: {parameter.wanted}"
            self.problems.add("E208", message, tree.span)
        return value, True

    def _whole(self, path: str, value: float, tree: Tree) -> int:
        try:
            return round_count(value, None)
        except NotWholeError as reason:
            self.problems.add("E208", f"'{path}': {reason}", tree.span)
            return 1

    def _count(self, path: str, value: float, tree: Tree, *, computed: bool) -> tuple[int, str]:
        """A count scaled by width and rounded; a written one is kept at width 1."""
        width = 1.0 if self.width == "fixed" else self.scaling.width
        if not computed and width == 1.0:
            return int(value), ""
        scaled = value * width
        try:
            result = round_count(scaled, self.rounding)
        except NotWholeError as reason:
            hint = "say how it is rounded: scaling.rounding.channels"
            self.problems.add("E206", f"'{path}': {value:.6g} x {width:g} = {reason}", tree.span, hint)
            return 1, ""
        if self.width == "up":
            result = max(result, int(value))
        if not 1 <= result <= MAX_CHANNELS:
            message = f"'{path}' is {result} channels at width {width:g}; from 1 to {MAX_CHANNELS} are possible"
            self.problems.add("E211", message, tree.span)
        rule = f" ({self.rounding})" if self.rounding and result != scaled else ""
        kept = ", never below what is written" if self.width == "up" and result == value != scaled else ""
        return result, f"{value:.6g} x {width:g} = {scaled:.6g} → {result}{rule}{kept}"


def _said(levels: Sequence[Level], path: str) -> Said:
    return [(level, level.tree.entries[path].value) for level in levels if path in level.tree.entries]


@cache
def _is_late(parameter: Parameter) -> bool:
    """Whether it may inherit from the block's other parameters, which are read first."""
    kind = parameter.kind
    if not isinstance(kind, Object):
        return False
    return bool(parameter.part_defaults) or any(inner.inherits != "nothing" for inner in kind.parameters.values())


def _narrowed(parameter: Parameter, inner: Parameter, word: str) -> Parameter:
    """The field of an object that only the row may switch on: its leading field is the row's own."""
    kind = parameter.kind
    assert isinstance(kind, Object)  # noqa: S101
    if parameter.own and word == kind.leading:
        return _own(inner)
    if word in parameter.part_defaults and inner.default != parameter.part_defaults[word]:
        return _with_default(inner, parameter.part_defaults[word])
    return inner


def _own(parameter: Parameter) -> Parameter:
    return Parameter(parameter.kind, parameter.doc, parameter.default, parameter.off, parameter.count, own=True)


def _with_default(parameter: Parameter, default: Any) -> Parameter:  # noqa: ANN401
    return Parameter(parameter.kind, parameter.doc, default, parameter.off, parameter.count, parameter.inherits)


def _inherited(  # noqa: PLR0913
    parameter: Parameter,
    kind: Object,
    word: str,
    inner: Parameter,
    *,
    base: Any,  # noqa: ANN401
    details: Any,  # noqa: ANN401
    block: Mapping[str, Any],
) -> Any:  # noqa: ANN401
    """What a field is where it is not said: of the object that this one follows, or of the block."""
    if base is not None:
        return getattr(base, word)
    if details is not None and word != kind.leading:
        return getattr(details, word)
    if parameter.part_defaults:
        return MISSING if word in parameter.part_defaults else block.get(word, MISSING)
    if inner.inherits == "all":
        return block.get(word, MISSING)
    return MISSING


def _until_off(
    kind: Object, said: Said, settings: dict[str, Setting], path: str
) -> tuple[list[tuple[Level, Entries]], bool]:
    """What is said of an object, nearest first, up to the level that turns it off, and whether one does."""
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


def _is_on(kind: Object, parameter: Parameter, kept: Said, *, off: bool, base: object) -> bool:
    leading = any(
        _says_something(tree.get(kind.leading)) and (level.own or not parameter.own)
        for level, tree in kept
        if isinstance(tree, Entries)
    )
    if kind.on == "leading":
        return leading or base is not None
    if kind.on == "said":
        return (bool(kept) and not (off and not leading and not kept)) or base is not None
    return not off or leading


def _says_something(tree: Tree | None) -> bool:
    return tree is not None and not (isinstance(tree, Scalar) and tree.value is None)


def _switches_on(tree: Tree | None) -> bool:
    """Whether a level chooses a parameter, not only configures it: `expansion: {of: output}` chooses nothing."""
    if isinstance(tree, Entries):
        return any(word in tree.entries for word in ("ratio", "from", "cycle", LEADING))
    return isinstance(tree, Items) or (isinstance(tree, Scalar) and tree.value not in {None, OFF})


def _ramp(said: Any, index: int, count: int) -> float:  # noqa: ANN401  checked by its schema
    start = float(said["from"])
    if "step" in said:
        return start + float(said["step"]) * index
    if "upto" in said:
        return start + (float(said["upto"]) - start) * index / count
    return start + (float(said["to"]) - start) * index / max(count - 1, 1)


def _in_range(kind: Kind, value: float) -> bool:
    if isinstance(kind, Integer | Number):
        return kind.low <= value <= kind.high
    return isinstance(kind, Ratio) and 0 < value <= kind.high


def settings_text(value: object) -> str:
    """A value as `explain` and `show` print it."""
    return "none" if value is None else quoted(value).strip("'\"")
