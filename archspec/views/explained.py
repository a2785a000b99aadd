"""What `explain` prints: where each number comes from."""

from collections.abc import Iterable, Iterator
from keyword import iskeyword
from typing import Any, TypeAlias

from archspec import api
from archspec.errors import did_you_mean, error
from archspec.parameters import RowKeys, parameters_of
from archspec.spec import SECTIONS, Row, Setting, Spec
from archspec.views.words import formula, worded

Record: TypeAlias = dict[str, Any]


def explain(spec: Spec, path: str, *, everything: bool) -> list[Record]:
    """Where every number comes from: of a row what is said nearest first, what it computes last.

    Args:
        spec: resolved.
        path: what to narrow it to, a row or a parameter, `*` for all rows of a section; "" for all.
        everything: also what nobody says: the blocks' own values and what follows another
            parameter. Where there is nothing else at the path, they are given anyhow.

    Raises:
        SpecError: E204, there is nothing at the path.
    """
    every = list(_lines(spec))
    found = [line for line in every if not path or _is_at(path, line["path"])]
    if not found:
        raise error("E204", f"nothing is called '{path}' in {spec.title}", None, _near(path, every))
    said = [line for line in found if line["where"] or line["how"]]
    return found if everything or not said else said


def _is_at(path: str, place: str) -> bool:
    asked, words = path.split("."), place.split(".")
    fits = (word in {"*", there} for word, there in zip(asked, words, strict=False))
    return len(asked) <= len(words) and all(fits)


def _near(path: str, lines: Iterable[Record]) -> str:
    words = (line["path"].split(".") for line in lines)
    known = {".".join(some[: n + 1]): None for some in words for n in range(len(some))}
    rows = (f"{section}.{path}" for section in SECTIONS)
    named = next((row for row in rows if row in known), "")
    return f"did you mean '{named}'?" if named else did_you_mean(path, known)


def _lines(spec: Spec) -> Iterator[Record]:
    for path, setting in spec.settings.items():
        yield _line(path, setting, worded(setting.value))
    computed = api.derivations(spec)
    for row in spec.rows:
        for path, setting in sorted(row.settings.items(), key=lambda item: _distance(item[1])):
            yield _line(f"{row.path}.{path}", setting, _in_each_block(row, path, setting))
        for item in computed:
            if item.path.startswith(f"{row.path}."):
                yield _record(item.path, str(item.value), "the block", "", item.text)


def _distance(setting: Setting) -> int:
    """How far from the row a value is said."""
    nearest = ("row", "table", "defaults")
    word = setting.origin.partition(" ")[0]
    return nearest.index(word) if word in nearest else len(nearest)


def _in_each_block(row: Row, path: str, setting: Setting) -> str:
    """A parameter of all the row's blocks; a row key has one value."""
    if path.partition(".")[0] in parameters_of(RowKeys):
        return worded(setting.value)
    values = [worded(_parameter(block, path)) for block in row.blocks]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _parameter(block: Any, path: str) -> Any:  # noqa: ANN401  any parameter class
    for word in path.split("."):
        block = getattr(block, f"{word}_" if iskeyword(word) else word)
    return block


def _line(path: str, setting: Setting, value: str) -> Record:
    where = str(setting.span) if setting.span else ""
    how = ": ".join(part for part in (formula(setting), setting.written) if part)
    return _record(path, value, setting.origin, where, how)


def _record(path: str, value: str, origin: str, where: str, how: str) -> Record:
    return {"path": path, "value": value, "said by": origin, "where": where, "how": how}
