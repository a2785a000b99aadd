"""YAML text → a tree in which every scalar knows its place.

YAML 1.2's core schema, less what a table has no use for: tags, merge keys, several documents and
keys that are not plain words are errors with a position, and so are duplicate keys. Nothing is
evaluated.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

from archspec.errors import Note, Source, Span, SpecError, cause, error, quoted

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_VALUES = 100_000
_MAX_DIGITS = 32

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")  # in YAML, not in JSON
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

Value: TypeAlias = bool | int | float | str | None

_CURES: Mapping[str, str] = {
    "mapping values are not allowed in this context": "keys of one mapping stand in one column;"
    " a text with ': ' in it needs quotes",
    "found character that cannot start any token": "indent with spaces, not tabs;"
    " a text that begins with @, ` or % needs quotes",
    "while scanning an alias": "a text that begins with * needs quotes",
}
"""What to do about a problem, or in a context, that the parser reports."""


class Scalar(NamedTuple):
    """A word, a number, true, false or `~` (None)."""

    value: Value
    span: Span


class Items(NamedTuple):
    """A YAML sequence."""

    items: "tuple[Tree, ...]"
    span: Span


class Entry(NamedTuple):
    """A key and its value."""

    key: Scalar
    value: "Tree"


@dataclass(frozen=True, slots=True)
class Entries:
    """A YAML mapping, in its order; the keys as they are written."""

    entries: Mapping[str, Entry]
    span: Span

    def get(self, key: str) -> "Tree | None":
        """The value at a key, None where the key does not stand."""
        entry = self.entries.get(key)
        return entry.value if entry else None

    def __iter__(self) -> "Iterator[tuple[str, Tree]]":
        return ((key, entry.value) for key, entry in self.entries.items())


Tree: TypeAlias = Scalar | Items | Entries


def plain(tree: Tree) -> object:
    """The tree without places: dicts, lists and scalars."""
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, Items):
        return [plain(item) for item in tree.items]
    return {key: plain(value) for key, value in tree}


def dump(data: object, default: Callable[[Any], Any] | None = None) -> str:
    """Plain data as JSON that is YAML, too; `default` makes plain data of anything else.

    Raises:
        TypeError, ValueError, RecursionError: it is no plain data, or a number is not finite.
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, default=default)
    return _SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def read(path: Path, name: str, via: Span | None = None) -> Tree:
    """The tree of a file; `name` is what messages call it, `via` the place that asked for it.

    Raises:
        SpecError: E100 to E109, the file or its YAML is wrong.
    """
    return parse(read_text(path, name, via), name, via, path)


def read_text(path: Path, name: str, via: Span | None = None) -> str:
    """The text of a file, its size and its encoding checked.

    Raises:
        SpecError: E100, E101, E107.
    """
    # The place to show for a file that cannot be read is the one that named it.
    try:
        if not path.is_file():
            reason = "is a folder" if path.is_dir() else "there is no such file"
            raise error("E100", f"cannot read '{name}': {reason}", via)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as reason:
        raise error("E100", f"cannot read '{name}': {cause(reason)}", via) from reason
    return _decode(data, name, via)


def _decode(data: bytes, name: str, via: Span | None) -> str:
    if len(data) > MAX_BYTES:
        source = Source(name, "", via)
        raise error("E107", "a spec has at most 1 MiB", Span(source, 1, 1, 1, 1))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        before = data[: reason.start].decode("utf-8-sig", "replace")
        source = Source(name, data.decode("utf-8-sig", "replace"), via)
        line, column = _line_and_column(before)
        span = Span(source, line, column, line, column + 1)
        byte = data[reason.start]
        raise error("E101", f"byte 0x{byte:02x} is not UTF-8", span) from reason


def _line_and_column(before: str) -> tuple[int, int]:
    lines = Source("", before).lines
    return len(lines), len(lines[-1]) + 1


def parse(text: str, name: str, via: Span | None = None, path: Path | None = None) -> Tree:
    """The tree of a text.

    Raises:
        SpecError: E101 to E109 with the place.
    """
    source = Source(name, text, via, path)
    try:
        return _Composer(source).document()
    except yaml.reader.ReaderError as reason:
        line, column = _line_and_column(text[: reason.position])
        span = Span(source, line, column, line, column + 1)
        message = f"character U+{ord(text[reason.position]):04X} is not allowed in YAML"
        raise error("E101", message, span) from reason
    except yaml.MarkedYAMLError as reason:
        problem, context = reason.problem or "", reason.context or ""
        span, began = _at(source, reason.problem_mark), _at(source, reason.context_mark)
        notes = [Note(context, began)] if context and began != span else []
        cure = _CURES.get(problem) or _CURES.get(context, "")
        raise error("E102", f"not YAML: {problem or context}", span, cure, *notes) from reason


def _at(source: Source, mark: yaml.Mark | None) -> Span:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if line > len(source.lines):  # the end is where the parser counts one line more
        line, column = len(source.lines), len(source.lines[-1]) + 1
    return Span(source, line, column, line, column + 1)


class _Composer:
    """Turns the events of the YAML parser into a tree, counting depth and size as it goes."""

    def __init__(self, source: Source) -> None:
        self.source = source
        untyped: Any = yaml
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[yaml.Event] = untyped.parse(_printable(source), Loader=loader)
        self.anchors: dict[str, tuple[Tree, int, int]] = {}
        self.values = 0
        self.deepest = 0

    def document(self) -> Tree:
        next(self.events)  # the stream starts
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise error("E102", "the file is empty", Span(self.source, 1, 1, 1, 1))
        tree = self.tree(next(self.events), 0)
        next(self.events)  # the document ends
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise error("E103", "a spec is one YAML document", self.span(event))
        return tree

    def span(self, event: yaml.Event) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def tree(self, event: yaml.Event, depth: int) -> Tree:
        self.values += 1
        before, outside = self.values, self.deepest
        self.reach(depth, event)
        if self.values > MAX_VALUES:
            raise error("E107", f"more than {MAX_VALUES} values", self.span(event))
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        assert isinstance(event, yaml.NodeEvent)  # noqa: S101  the parser gives no other here
        if getattr(event, "tag", None) is not None:
            raise error(
                "E103",
                f"a spec has no tags such as {quoted(_tag(self.span(event)))}",
                self.span(event),
            )
        self.deepest = depth
        tree = self.node(event, depth)
        if event.anchor is not None:
            size, height = self.values - before + 1, self.deepest - depth
            self.anchors[event.anchor] = (tree, size, height)
        self.deepest = max(outside, self.deepest)
        return tree

    def reach(self, depth: int, event: yaml.Event) -> None:
        if depth > MAX_DEPTH:
            raise error("E107", f"nested deeper than {MAX_DEPTH} levels", self.span(event))
        self.deepest = max(self.deepest, depth)

    def node(self, event: yaml.NodeEvent, depth: int) -> Tree:
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.items(event, depth)
        return self.entries(event, depth)

    def alias(self, event: yaml.AliasEvent, depth: int) -> Tree:
        if event.anchor not in self.anchors:
            name = event.anchor
            raise error(
                "E103",
                f"alias '*{name}' stands before the end of its anchor, or has none",
                self.span(event),
            )
        tree, values, height = self.anchors[event.anchor]
        self.reach(depth + height, event)
        self.values += values
        if self.values > MAX_VALUES:
            raise error(
                "E107", f"aliases expand to more than {MAX_VALUES} values", self.span(event)
            )
        return tree

    def items(self, start: yaml.NodeEvent, depth: int) -> Items:
        items: list[Tree] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.tree(event, depth + 1))
        return Items(tuple(items), self.whole(start, event))

    def entries(self, start: yaml.NodeEvent, depth: int) -> Entries:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event)
            name = key.span.text if not isinstance(key.value, str) else key.value
            if name in entries:
                first = entries[name].key.span
                raise error(
                    "E106", f"key {quoted(name)} stands twice, first in line {first.line}", key.span
                )
            entries[name] = Entry(key, self.tree(next(self.events), depth + 1))
        return Entries(entries, self.whole(start, event))

    def key(self, event: yaml.Event) -> Scalar:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            raise error("E103", "a key is a word", self.span(event))
        if event.value == "<<" and not event.style:
            raise error(
                "E103", "a spec has no merge keys; use 'extends' or 'defaults'", self.span(event)
            )
        self.values += 1
        return self.scalar(event)

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        span = self.span(event)
        return Scalar(event.value if event.style else _resolve(event.value, span), span)

    def whole(self, start: yaml.Event, end: yaml.Event) -> Span:
        first, last = start.start_mark, end.end_mark
        return Span(self.source, first.line + 1, first.column + 1, last.line + 1, last.column + 1)


def _tag(span: Span) -> str:
    return span.text.split(maxsplit=1)[0]


def _printable(source: Source) -> str:
    """The text, checked here: the C reader does not say which character it refuses."""
    bad = re.search(
        "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]",
        source.text,
    )
    if bad:
        line, column = _line_and_column(source.text[: bad.start()])
        span = Span(source, line, column, line, column + 1)
        raise error("E101", f"character U+{ord(bad.group()):04X} is not allowed in YAML", span)
    return source.text


def _resolve(text: str, span: Span) -> Value:
    """A plain scalar by YAML 1.2: `1e-3` is a number, `no` and `12:30` are words."""
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise error("E109", f"{text} is not a number that a spec can hold", span)
    is_int = _INT.fullmatch(text)
    if not is_int and not _FLOAT.fullmatch(text):
        return text
    if len(text) > _MAX_DIGITS:
        raise error("E109", f"a number has at most {_MAX_DIGITS} characters", span)
    if is_int:
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise error("E109", f"{text} is too large a number", span)
    return number


__all__ = [
    "Entries",
    "Entry",
    "Items",
    "Scalar",
    "SpecError",
    "Tree",
    "dump",
    "parse",
    "plain",
    "read",
]
