"""Spec files in one layout: cells under one another, one space after commas, comments kept.

Only spaces change: around what stands in brackets on one line, at the ends of lines, at the end of
the file. Words, quotes, spellings of numbers, indentation, blank lines, brackets over several lines
and texts of several lines stay as they are written. The meaning is compared before the text is
given back.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import yaml

from archspec.source import parse, plain

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as source has it
_OPEN, _CLOSE = ("[", "{"), ("]", "}")
_GAP = 2
"""Spaces before a comment that has to move, if there were none to keep."""
# One long cell, row or gap does not push the whole table aside.
_MAX_CELL = 80
_MAX_LINE = 120
_MAX_GAP = 80

_LINE_END = re.compile(r"\r\n?")
_IDLE = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
_BEFORE_COMMENT = re.compile(r"[ \t]*(?=#)")
_NUMBER = re.compile(r"(?=[-+]?\.?[0-9])([-+]?[0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = {"~", "none"}


def fmt(text: str, name: str) -> str:
    """The text of a spec file, laid out; laying it out again changes nothing.

    Args:
        text: of the file.
        name: what messages call it.

    Raises:
        SpecError: E101 to E109, the text cannot be read.
    """
    meaning = repr(plain(parse(text, name)))
    text = _LINE_END.sub("\n", text)
    layout = _Layout(text)
    edits = [edit for rows in layout.tables for edit in _table(rows)]
    edits += [_alone(piece, _spaced(piece.text)) for piece in layout.single]
    idle = (match.span() for match in _IDLE.finditer(text))
    edits += [_Edit(start, end, "") for start, end in idle if not layout.is_inside(start)]
    result = _apply(text, edits)
    if not layout.is_inside(len(text.rstrip(" \t")) - 1):
        result = result.rstrip("\n") + "\n"
    assert repr(plain(parse(result, name))) == meaning, "the layout changed the meaning"  # noqa: S101
    return result


@dataclass(frozen=True, slots=True)
class _Edit:
    """A piece of the text and what stands there instead."""

    start: int
    end: int
    text: str


def _apply(text: str, edits: Iterable[_Edit]) -> str:
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A list or a mapping in brackets on one line.

    Args:
        text: from bracket to bracket.
        start: where that is in the whole text.
        column: where it is in its line.
        gap: spaces between it and the comment behind it, None where there is no comment.
    """

    text: str
    start: int
    column: int
    gap: int | None

    @property
    def comment(self) -> int | None:
        """The column of the comment."""
        return None if self.gap is None else self.column + len(self.text) + self.gap

    def edit(self, line: str, comment: int) -> _Edit:
        """What it becomes, and where its comment goes if it has one."""
        end = self.start + len(self.text)
        if self.gap is None:
            return _Edit(self.start, end, line)
        spaces = " " * (comment - self.column - len(line))
        return _Edit(self.start, end + self.gap, line + spaces)


def _events(text: str) -> Iterator[yaml.Event]:
    return yaml.parse(text, Loader=_LOADER)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _tokens(text: str) -> Iterator[yaml.Token]:
    return yaml.scan(text, Loader=_LOADER)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class _Layout:
    """What of a text can be laid out.

    Args:
        text: the whole of it.

    Attributes:
        tables: the items in brackets of each sequence that is written with dashes.
        single: the other lists and mappings in brackets, the outermost of each line.
    """

    def __init__(self, text: str) -> None:
        self.tables: list[list[_Piece]] = []
        self.single: list[_Piece] = []
        self._text = text
        self._scalars: list[tuple[int, int]] = []
        self._events = _events(text)
        for event in self._events:
            self._visit(event, self.single)

    def is_inside(self, at: int) -> bool:
        """Whether a place is inside a scalar of several lines, where spaces may mean something."""
        before = bisect_right(self._scalars, (at, len(self._text))) - 1
        return before >= 0 and at < self._scalars[before][1]

    def _visit(self, event: yaml.Event, pieces: list[_Piece]) -> None:
        """Take in a value with all that is in it; if it stands in brackets, it joins `pieces`."""
        start, end = event.start_mark, event.end_mark
        if isinstance(event, yaml.ScalarEvent) and start.line != end.line:
            self._scalars.append((start.index, end.index))
        if not isinstance(event, yaml.CollectionStartEvent):
            return
        items: list[_Piece] = []
        in_block = isinstance(event, yaml.MappingStartEvent) and not event.flow_style
        while not isinstance(inner := next(self._events), yaml.CollectionEndEvent):
            self._visit(inner, self.single if in_block else items)
        if not event.flow_style:
            self.tables.append(items)
        elif start.line == inner.end_mark.line:
            pieces.append(self._piece(end, inner.end_mark))

    def _piece(self, opened: yaml.Mark, end: yaml.Mark) -> _Piece:
        # The event that opens begins with an anchor if there is one; it ends behind the bracket.
        start = opened.index - 1
        gap = _BEFORE_COMMENT.match(self._text, end.index)
        text = self._text[start : end.index]
        return _Piece(text, start, opened.column - 1, len(gap.group()) if gap else None)


def _alone(piece: _Piece, line: str) -> _Edit:
    """A line by itself; the comment behind it keeps its column where there is room."""
    gap = min(piece.gap or _GAP, _GAP)
    return piece.edit(line, max(piece.comment or 0, piece.column + len(line) + gap))


def _table(rows: Sequence[_Piece]) -> Iterator[_Edit]:
    """The rows of a table: lists with their cells under one another, mappings as they come."""
    lists = [row for row in rows if row.text.startswith("[")]
    lines = {row: _spaced(row.text) for row in rows if not row.text.startswith("[")}
    lines |= zip(lists, _aligned([_parts(row.text) for row in lists]), strict=True)
    comments = _comments(lists, lines)
    for row, line in lines.items():
        yield row.edit(line, comments[row]) if row in comments else _alone(row, line)


def _comments(lists: Sequence[_Piece], lines: Mapping[_Piece, str]) -> Mapping[_Piece, int]:
    """The columns of a table's comments: those that stood in one, or now would, share one."""
    ends = {row: row.column + len(line) for row, line in lines.items() if row.gap is not None}
    ends = {row: end for row, end in ends.items() if end <= _MAX_LINE}
    gaps = {row: min(row.gap or _GAP, _MAX_GAP) for row in ends}
    apart = {row: ends[row] + gaps[row] for row in lists if row in ends}
    for columns in ({row: row.comment for row in apart}, apart):
        for column, count in Counter(columns.values()).most_common(1):
            if count > 1:
                shared = [row for row in ends if columns.get(row, row.comment) == column]
                rows = {*apart, *shared}
                place = max(ends[row] for row in rows) + min(gaps[row] for row in shared)
                return dict.fromkeys(rows, place)
    return apart


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lists of cells as they are written, the cells of each column under one another."""
    columns: list[list[str]] = [[] for _ in range(max(map(len, rows), default=0))]
    for row in rows:
        for column, cell in zip(columns, row, strict=False):
            column.append(cell)
    placed = [_column(column) for column in columns]
    for row in rows:
        cells = [(next(column), width) for (column, width), _ in zip(placed, row, strict=False)]
        padded = [f"{cell}, ".ljust(width + 2) for cell, width in cells[:-1]]
        yield "".join(["[", *padded, *(cell for cell, _ in cells[-1:]), "]"])


def _column(cells: Sequence[str]) -> tuple[Iterator[str], int]:
    """The cells with what stands before them, and the width that they need."""
    placed = [" " * shift + cell for shift, cell in zip(_shifts(cells), cells, strict=True)]
    return iter(placed), max((len(cell) for cell in placed if len(cell) <= _MAX_CELL), default=0)


def _shifts(cells: Sequence[str]) -> list[int]:
    """Spaces before each cell: numbers have their points under one another, words begin together.

    `~` and `none` are no words: they end where whole numbers end, and begin where others begin.
    """
    numbers = [_NUMBER.fullmatch(cell) for cell in cells]
    words = {cell for match, cell in zip(numbers, cells, strict=True) if not match}
    if not any(numbers) or words - _NO_NUMBER:
        return [0] * len(cells)
    if all(match is None or match[0] == match[1] for match in numbers):
        width = max(map(len, cells))
        return [width - len(cell) for cell in cells]
    lead = max(len(match[1]) for match in numbers if match)
    return [lead - len(match[1]) if match else 0 for match in numbers]


def _spaced(text: str) -> str:
    """A list or mapping with one space after each comma and colon, and none inside its brackets."""
    return f"{text[0]}{', '.join(_parts(text))}{text[-1]}"


def _parts(text: str) -> list[str]:
    """What stands between the commas of a list or mapping."""
    words = _words(text)[1:-1]
    if "?" in words:  # a key announced by a question mark is left as it is
        return [text[1:-1]]
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word in _OPEN) - (word in _CLOSE)
        if word == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    return [_joined(part) for part in parts if part]


def _words(text: str) -> list[str]:
    """The tokens as they are written, less a comma before a closing bracket."""
    marks = [(token.start_mark.index, token.end_mark.index) for token in _tokens(text)]
    words = [text[start:end] for start, end in marks if start < end]
    return [word for word, after in pairwise([*words, ""]) if word != "," or after not in _CLOSE]


def _joined(words: Sequence[str]) -> str:
    pieces = [" " * _is_apart(*pair) + pair[1] for pair in pairwise(["", *words])]
    # A colon with nothing behind it would become part of the word before it.
    return "".join(pieces) + " " * (words[-1] == ":")


def _is_apart(before: str, word: str) -> bool:
    """Whether there is a space between two tokens."""
    if before in {",", ":"}:
        return True
    if word == ":":
        return before.startswith(("&", "*"))
    return before not in {"", *_OPEN} and word not in {",", *_CLOSE}
