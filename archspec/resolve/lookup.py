"""The look-up of a block's parameters, path by path.

Row, table for this block, table, defaults for this block, defaults, the block's own.
Each path is looked up by itself; `none` stops the search for everything under it; a part's path
beats the block's at every level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, replace
from functools import cache
from keyword import iskeyword
from typing import Any, NamedTuple

from archspec.errors import Problems, Span
from archspec.parameters import MAX_CHANNELS, Kind, Object, Parameter, Scaling, parameters_of
from archspec.resolve.said import (
    Level,
    Said,
    in_range,
    is_on,
    ramp,
    said_of,
    switches_on,
    until_off,
)
from archspec.scaling import NotWholeError, Rounding, round_count
from archspec.source import Entries, Items, Scalar, Tree, plain
from archspec.spec import Setting


class Position(NamedTuple):
    """Which block of how many: of its row, its table, the file."""

    row: tuple[int, int] = (0, 1)
    table: tuple[int, int] = (0, 1)
    file: tuple[int, int] = (0, 1)

    def shifted(self, index: int) -> "Position":
        """The position so many blocks further on in the row."""
        places = (self.row, self.table, self.file)
        return Position(*((at + index, of) for at, of in places)) if index else self


@dataclass
class Reader:
    """Reads the parameters of one block of one row.

    Args:
        scaling: of the file.
        width: "scaled", "up" or "fixed", of the row.
        rounding: of the row's counts.
        position: which block it is; None for what is said of all blocks of a row, or of the spec.
        problems: where what is wrong goes.
        row: the row, for what is missing.
        settings: path → value and origin, filled by reading.
        values: parameter → value, filled by reading.
        spreads: the parameters that differ from block to block, as a ramp or a cycle says.
    """

    scaling: Scaling
    width: str
    rounding: Rounding | None
    position: Position | None
    problems: Problems
    row: Span
    settings: dict[str, Setting] = field(default_factory=dict[str, Setting])
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    spreads: set[str] = field(default_factory=set[str])

    def block(
        self, cls: type[Any], levels: Sequence[Level], name: str, same: "Reader | None" = None
    ) -> Any:  # noqa: ANN401
        """An instance of a parameter class, or None where something is wrong.

        Args:
            cls: the class.
            levels: where its parameters may be said, nearest first.
            name: what messages call it.
            same: has read another block of the row; what is not spread is taken from it.
        """
        before = len(self.problems)
        values = self.values
        values |= same.constant() if same else dict.fromkeys(self._hidden(cls, levels, name))
        for path, parameter in _in_order(cls):
            if path not in values:
                values[path] = self.read(path, parameter, said_of(levels, path), name)
        if len(self.problems) > before:
            return None
        return cls(**{f"{key}_" if iskeyword(key) else key: value for key, value in values.items()})

    def constant(self) -> dict[str, Any]:
        """The values that are those of every block of the row."""
        return {path: value for path, value in self.values.items() if path not in self.spreads}

    def _hidden(self, cls: type[Any], levels: Sequence[Level], name: str) -> set[str]:
        """The losers of parameters that exclude each other: the nearer level wins."""
        hidden: set[str] = set()
        for slot in getattr(cls, "ONE_OF", ()):
            winner = self._winner(slot, levels)
            if winner is None and any(parameters_of(cls)[word].required for word in slot):
                words = " or ".join(f"'{word}'" for word in slot)
                self.problems.add("E108", f"{name} needs {words}", self.row)
            # Without a winner the first speaks: it has the default, and may be configured.
            hidden |= set(slot) - {winner or slot[0]}
            hidden |= (
                {slot[0]} if winner is None and parameters_of(cls)[slot[0]].required else set()
            )
        return hidden

    def _winner(self, slot: Sequence[str], levels: Sequence[Level]) -> str | None:
        for level in levels:
            said = [word for word in slot if switches_on(level.tree.get(word))]
            if len(said) > 1:
                span = level.tree.entries[said[1]].value.span
                message = f"'{said[0]}' and '{said[1]}' exclude each other"
                self.problems.add("E205", message, span, "say one of them here")
            if said:
                return said[0]
        return None

    def read(
        self,
        path: str,
        parameter: Parameter,
        said: Said,
        name: str,
        inherited: Any = MISSING,  # noqa: ANN401  a value of any parameter
    ) -> Any:  # noqa: ANN401
        """What is said nearest, else what is inherited, else the block's own."""
        if isinstance(parameter.kind, Object):
            return self._object(path, parameter, said, name, inherited)
        for level, tree in said:
            if (level.own or not parameter.own) and not (
                isinstance(tree, Scalar) and tree.value is None
            ):
                return self._leaf(path, parameter, level, tree)
        if inherited is not MISSING:
            self.settings[path] = Setting(inherited, f"as {path.rpartition('.')[2]}")
            return inherited
        if parameter.required:
            self.problems.add("E108", f"{name} needs '{path}'", self.row)
            return None
        self.settings[path] = Setting(parameter.default, "the block's own")
        return parameter.default

    def _object(
        self,
        path: str,
        parameter: Parameter,
        said: Said,
        name: str,
        inherited: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        kind = parameter.kind
        assert isinstance(kind, Object)  # noqa: S101
        if self.spreads & kind.parameters.keys():
            self.spreads.add(_first(path))  # it may inherit what is spread
        base = None if inherited is MISSING else inherited
        if not said and base is not None:
            self.settings[path] = Setting(base, f"as {path.rpartition('.')[2]}")
            return base
        if not said and parameter.part_defaults is not None and kind.on == "always":
            return self._silent_part(path, kind, parameter.part_defaults)
        kept, off = until_off(kind, said, self.settings, path)
        base = None if off else base
        if not is_on(kind, parameter, kept, off=off, base=base):
            return self._off(path, parameter, name, off=off)
        values = {
            word: self.read(
                f"{path}.{word}",
                _narrowed(parameter, inner, word),
                [(level, tree.entries[word].value) for level, tree in kept if word in tree.entries],
                name,
                _inherited(path, parameter, word, base, self.values),
            )
            for word, inner in kind.parameters.items()
        }
        if kind.on == "leading" and values[kind.leading] is None:
            return None  # a cycle turns it off in this block
        return kind.type(**values)

    def _off(self, path: str, parameter: Parameter, name: str, *, off: bool) -> Any:  # noqa: ANN401
        """What an object is that nothing switches on: its default, or nothing."""
        if parameter.required:
            self.problems.add("E108", f"{name} needs '{path}'", self.row)
        default = None if off or parameter.required else parameter.default
        self.settings.setdefault(path, Setting(default, "the block's own"))
        return default

    def _silent_part(self, path: str, kind: Object, defaults: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """A part of which nothing is said: most are, so it is not looked up field by field."""
        values: dict[str, Any] = {}
        for word, inner in kind.parameters.items():
            follows = word in self.values and word not in defaults
            values[word] = self.values[word] if follows else defaults.get(word, inner.default)
            self.settings[f"{path}.{word}"] = Setting(
                values[word], f"as {word}" if follows else "the block's own"
            )
        return kind.type(**values)

    def _leaf(self, path: str, parameter: Parameter, level: Level, tree: Tree) -> Any:  # noqa: ANN401
        before = len(self.problems)
        value, computed = self._spread(path, parameter, level, tree)
        written = ""
        if len(self.problems) > before:
            value = parameter.default
        elif parameter.count and isinstance(value, int | float):
            value, written = self._count(path, value, tree, computed=computed)
        elif computed and isinstance(parameter.kind, Kind) and parameter.kind.whole:
            value = self._whole(path, value, tree)
        self.settings[path] = Setting(value, level.origin, tree.span, written)
        return value

    def _spread(
        self, path: str, parameter: Parameter, level: Level, tree: Tree
    ) -> tuple[Any, bool]:
        """The value of this block, and whether a ramp computed it."""
        if not isinstance(tree, Entries):
            return parameter.read(plain(tree)), False
        self.spreads.add(_first(path))
        if self.position is None:
            message = f"'{path}' is one for all blocks; a ramp or a cycle runs over blocks"
            self.problems.add("E208", message, tree.span)
            return None, False
        place: tuple[int, int] = getattr(self.position, level.place)
        index, count = place
        cycle = tree.get("cycle")
        if isinstance(cycle, Items):
            return parameter.read(plain(cycle.items[index % len(cycle.items)])), False
        value = ramp(plain(tree), index, count)
        if not in_range(parameter.kind, value):
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
            self.problems.add(
                "E206", f"'{path}': {value:.6g} x {width:g} = {reason}", tree.span, hint
            )
            return 1, ""
        if self.width == "up":
            result = max(result, int(value))
        if not 1 <= result <= MAX_CHANNELS:
            range_ = f"from 1 to {MAX_CHANNELS} are possible"
            message = f"'{path}' is {result} channels at width {width:g}; {range_}"
            self.problems.add("E211", message, tree.span)
        rule = f" ({self.rounding})" if self.rounding and result != scaled else ""
        kept = (
            ", never below what is written"
            if self.width == "up" and result == value != scaled
            else ""
        )
        rounded = f" → {result}{rule}{kept}" if result != scaled else ""
        return result, f"{value:.6g} x {width:g} = {scaled:.6g}{rounded}"


def _first(path: str) -> str:
    return path.partition(".")[0]


@cache
def _in_order(cls: type[Any]) -> Sequence[tuple[str, Parameter]]:
    """The parameters of a class, those last that may inherit from the others."""
    return sorted(parameters_of(cls).items(), key=lambda item: _inherits(item[1]))


def _inherits(parameter: Parameter) -> bool:
    kind = parameter.kind
    if not isinstance(kind, Object):
        return False
    return parameter.part_defaults is not None or any(
        inner.inherits != "nothing" for inner in kind.parameters.values()
    )


def _narrowed(parameter: Parameter, inner: Parameter, word: str) -> Parameter:
    """The field of an object as this object has it.

    A part gives it a default; the field that switches an object on may be `none` where the object
    may, and is the row's own where the object is.
    """
    kind = parameter.kind
    assert isinstance(kind, Object)  # noqa: S101
    switch = word == kind.leading
    changes: dict[str, Any] = {
        "default": (parameter.part_defaults or {}).get(word, inner.default),
        "off": inner.off or (switch and parameter.off and kind.on == "leading"),
        "own": parameter.own and switch,
    }
    if all(getattr(inner, name) == value for name, value in changes.items()):
        return inner
    return replace(inner, **changes)


def _inherited(
    path: str, parameter: Parameter, word: str, base: object, block: Mapping[str, Any]
) -> Any:  # noqa: ANN401
    """What a field is where it is not said: as in the object that it follows, or in the block."""
    kind = parameter.kind
    assert isinstance(kind, Object)  # noqa: S101
    if base is not None:
        return getattr(base, word)
    if parameter.inherits == "details":
        followed = block.get(path.rpartition(".")[2])
        return getattr(followed, word) if followed and word != kind.leading else MISSING
    if parameter.part_defaults is not None:
        return MISSING if word in parameter.part_defaults else block.get(word, MISSING)
    return block.get(word, MISSING) if kind.parameters[word].inherits == "all" else MISSING
