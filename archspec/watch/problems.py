"""What is wrong with a spec as HTML: the files with line numbers, each culprit marked."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from html import escape
from itertools import groupby

from archspec.errors import Diagnostic, Source, Span

AROUND = 8
"""Lines that are shown before and after a culprit."""
_WIDEST = 160
"""Characters of a piece of a line that are shown."""


def problems(diagnostics: Sequence[Diagnostic]) -> str:
    """All diagnostics: those without a place, then file by file; "" where there are none."""
    if not diagnostics:
        return ""
    placed: dict[Source, list[tuple[Diagnostic, Span]]] = {}
    parts = [f"<h2>{_counted(len(diagnostics))}</h2>"]
    for item in diagnostics:
        if item.span:
            placed.setdefault(item.span.source, []).append((item, item.span))
        else:
            parts.append(_message(item, ""))
    parts += (_file(source, found) for source, found in placed.items())
    return "\n".join(parts)


def _counted(count: int) -> str:
    """How many problems there are, in words."""
    return f"{count} problem{'s' * (count > 1)}"


def _file(source: Source, found: Sequence[tuple[Diagnostic, Span]]) -> str:
    """The lines around the culprits, each message below its line."""
    by_line: dict[int, list[tuple[Diagnostic, Span]]] = {}
    for item, span in found:
        by_line.setdefault(span.line, []).append((item, span))
    rows = list[str]()
    last = 0
    # After the last line end there is no line, unless something is missing there.
    count = len(source.lines) - (not source.lines[-1])
    for number in _shown(by_line, count):
        if number > last + 1:
            rows.append('<div class="gap">⋯</div>')
        here = by_line.get(number, [])
        rows.append(_line(number, source.lines[number - 1], [span for _, span in here]))
        rows += (_message(item, str(span)) for item, span in here)
        last = number
    code = f'<div class="code">{"".join(rows)}</div>'
    return f'<section class="file"><h3>{escape(source.name)}</h3>\n{code}</section>'


def _shown(culprits: Collection[int], count: int) -> list[int]:
    """The numbers of the lines to show."""
    near = {
        number
        for line in culprits
        for number in range(max(1, line - AROUND), min(count, line + AROUND) + 1)
    }
    return sorted(near.union(culprits))


def _line(number: int, line: str, spans: Sequence[Span]) -> str:
    # One blank more than there is, for a culprit at the end of its line.
    text = "".join(char if char.isprintable() else " " for char in f"{line} ")
    kind = "line wrong" if spans else "line"
    return (
        f'<div class="{kind}" data-line="{number}"><span class="number">{number}</span>'
        f"<code>{''.join(_pieces(text, _marked(line, spans)))}</code></div>"
    )


def _marked(line: str, spans: Iterable[Span]) -> set[int]:
    """The places in a line, from 0, that are underlined; at least one for each span."""
    found = set[int]()
    for span in spans:
        begin = min(span.column - 1, len(line))
        end = span.end_column - 1 if span.end_line == span.line else len(line)
        found |= set(range(begin, max(begin + 1, min(end, len(line)))))
    return found


def _pieces(text: str, marked: set[int]) -> Iterator[str]:
    """The marked pieces and those between; of a long one its begin and its end."""
    for is_marked, places in groupby(range(len(text)), marked.__contains__):
        piece = "".join(text[place] for place in places)
        if len(piece) > _WIDEST:
            piece = f"{piece[: _WIDEST // 2]}…{piece[-_WIDEST // 2 :]}"
        yield f"<mark>{escape(piece)}</mark>" if is_marked else escape(piece)


def _message(item: Diagnostic, place: str) -> str:
    """Place, code and message, then the cure and how it got there."""
    notes = [item.hint, *map(str, item.chain())]
    tail = "".join(f'<div class="note">{escape(note)}</div>' for note in notes if note)
    where = f'<span class="place">{escape(place)}</span> ' if place else ""
    head = f'{where}<b class="code-of">{escape(item.code)}</b> {escape(item.message)}'
    return f'<div class="problem"><div>{head}</div>{tail}</div>'
