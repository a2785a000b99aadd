"""What can be wrong with a spec, and how it is shown: spans, diagnostics, rendering."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_CARET_LIMIT = 160
MOST = 200
"""Problems that are shown; to look for more takes long, and nobody reads them."""
FEW = 200
"""Words that a misspelt one is compared with, those nearest in length."""


@dataclass(frozen=True)
class Source:
    """A text that spans point into: a spec file, a zoo file, or one `--set` option.

    Args:
        name: what a message calls it, a path as the user gave it.
        text: the whole text.
        via: where it was asked for, when another file extends it.
        path: where the file is, None for a text that is none.
    """

    name: str
    text: str = field(repr=False)
    via: "Span | None" = None
    path: Path | None = None

    @cached_property
    def lines(self) -> Sequence[str]:
        """The text cut as YAML cuts it, without line ends."""
        return _LINE_BREAK.split(self.text)


class Span(NamedTuple):
    """A piece of a source: 1-based lines and columns in characters, the end not included."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"

    @property
    def text(self) -> str:
        """What stands there, up to the end of its first line."""
        line = self.source.lines[self.line - 1]
        return line[self.column - 1 : self.end_column - 1 if self.end_line == self.line else None]


class Note(NamedTuple):
    """A second place that explains the first."""

    message: str
    span: Span | None = None

    def __str__(self) -> str:
        return f"{self.message} ({self.span})" if self.span else self.message


class Diagnostic(NamedTuple):
    """One problem: a stable code, one sentence, the place, the cure, and how it got there."""

    code: str
    message: str
    span: Span | None
    hint: str = ""
    notes: tuple[Note, ...] = ()

    def chain(self) -> tuple[Note, ...]:
        """The notes, and the `extends` that led to the file."""
        notes = list(self.notes)
        via = self.span.source.via if self.span else None
        while via is not None:
            notes.append(Note(f"inherited through 'extends: {via.text}'", via))
            via = via.source.via
        return tuple(notes)

    def as_data(self) -> dict[str, object]:
        """The same as plain data, for `--format json`."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            **_place(self.span),
            "notes": [{"message": note.message, **_place(note.span)} for note in self.chain()],
        }


class SpecError(Exception):
    """A spec, a model or a weight file is wrong; `diagnostics` says where and how."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return render(self.diagnostics, "text")


class Problems:
    """Collects diagnostics so that all of them are shown at once, each once; up to MOST."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, code: str, message: str, span: Span | None, hint: str = "", *notes: Note) -> None:
        """Keep one problem."""
        self.extend([Diagnostic(code, message, span, hint, notes)])

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keep several."""
        self._found.update(dict.fromkeys(diagnostics))
        if len(self._found) > MOST:
            more = Diagnostic("E107", f"more than {MOST} problems; the rest is not shown", None)
            raise SpecError([*self.diagnostics[:MOST], more])

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found, in the order of the places."""
        return tuple(sorted(self._found, key=_position))

    def check(self) -> None:
        """Raise all of them as one `SpecError`, if there are any."""
        if self._found:
            raise SpecError(self.diagnostics)


def _position(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return (span.source.name, span.line, span.column) if span else ("", 0, 0)


def error(
    code: str, message: str, span: Span | None = None, hint: str = "", *notes: Note
) -> SpecError:
    """A `SpecError` with one diagnostic."""
    return SpecError([Diagnostic(code, message, span, hint, notes)])


def cause(reason: OSError | ValueError) -> str:
    """Why the system refuses a path, in the same words on every version of Python."""
    if isinstance(reason, OSError):
        return reason.strerror or str(reason)
    return "there is a null character in its name"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the known word that is nearest, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415  costs 10 ms, needed only to report

    alike = sorted(known, key=lambda other: abs(len(other) - len(word)))[:FEW]
    near = get_close_matches(word, alike, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""


def quoted(value: object, limit: int = 60) -> str:
    """A value as messages show it, cut where it is long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def render(diagnostics: Iterable[Diagnostic], style: str) -> str:
    """All diagnostics as `text`, `json` or `github` (workflow commands), no line end at the end."""
    if style == "json":
        return json.dumps([diagnostic.as_data() for diagnostic in diagnostics], indent=2)
    one = _github if style == "github" else _text
    return "\n".join(one(diagnostic) for diagnostic in diagnostics)


def _place(span: Span | None) -> dict[str, object]:
    if span is None:
        return {"file": None, "line": None, "column": None, "end_line": None, "end_column": None}
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _text(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    head = f"{span}: " if span else ""
    lines = [f"{head}{diagnostic.code} {diagnostic.message}"]
    if span:
        lines += _excerpt(span)
    tail = "  ".join(part for part in (diagnostic.hint, *map(str, diagnostic.chain())) if part)
    if tail:
        lines.append(f"   {tail}")
    return "\n".join(lines)


def _excerpt(span: Span) -> list[str]:
    """The line with the culprit underlined; a long one is cut around it, a blank one left out."""
    line = span.source.lines[span.line - 1]
    if not line.strip():
        return []
    begin = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    end = max(min(end, len(line)), begin + 1)
    first = max(0, begin - _CARET_LIMIT // 2) if len(line) > _CARET_LIMIT else 0
    shown = line[first : first + _CARET_LIMIT]
    cut = "…" if first else ""
    shown = "".join(char if char.isprintable() else " " for char in shown)
    carets = "^" * max(1, min(end - first, len(shown) + 1) - (begin - first))
    gutter = f"{span.line:>5} | "
    blank = " " * 5 + " | "
    return [f"{gutter}{cut}{shown}".rstrip(), f"{blank}{' ' * (len(cut) + begin - first)}{carets}"]


def _github(diagnostic: Diagnostic) -> str:
    tail = [part for part in (diagnostic.hint, *map(str, diagnostic.chain())) if part]
    message = _escaped("\n".join([diagnostic.message, *tail]), "%\r\n")
    span = diagnostic.span
    name = _escaped(span.source.name, "%\r\n:,") if span else ""
    where = f"file={name},line={span.line},col={span.column}," if span else ""
    return f"::error {where}title={diagnostic.code}::{message}"


def _escaped(text: str, special: str) -> str:
    """Text in a workflow command, in whose properties more is special than in its message."""
    return "".join(f"%{ord(char):02X}" if char in special else char for char in text)
