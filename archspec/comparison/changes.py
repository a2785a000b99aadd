"""What differs between two values of a spec, field by field, however they were written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, TypeAlias, cast

Plain: TypeAlias = Any
"""Numbers, words, None for `none`, tuples of those, mappings of what is said of an object."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is another.

    Args:
        path: `kernel`, `se.ratio`, `input`.
        before: in A; a list where it varies from block to block.
        after: in B.
    """

    path: str
    before: Plain
    after: Plain


def changes(path: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Change]:
    """The changes of a value that each block has, field by field; of what both have."""
    if all(is_dataclass(value) for value in (*before, *after)):
        known = _words_of(after[0])
        for name in (name for name in _words_of(before[0]) if name in known):
            inner = [[getattr(value, name) for value in values] for values in (before, after)]
            word = name.rstrip("_")
            yield from changes(f"{path}.{word}" if path else word, *inner)
        return
    was, is_ = _one(before), _one(after)
    if was != is_:
        yield Change(path, was, is_)


def _words_of(value: Any) -> Sequence[str]:  # noqa: ANN401  any dataclass
    """The fields that mean something: a place in a file does not."""
    return [field.name for field in fields(value) if field.compare]


def _one(values: Sequence[Any]) -> Plain:
    """The value of all blocks, or a list with that of each."""
    said = [plain(value) for value in values]
    return said[0] if all(value == said[0] for value in said) else tuple(said)


def plain(value: Any) -> Plain:  # noqa: ANN401
    """A value as plain data; of an object, what is not there by itself."""
    if is_dataclass(value):
        return {
            field.name.rstrip("_"): plain(getattr(value, field.name))
            for field in fields(value)
            if field.compare and (_default(field) != getattr(value, field.name))
        }
    if isinstance(value, tuple | list):
        return tuple(plain(item) for item in cast("Sequence[Any]", value))
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return {key: plain(item) for key, item in pairs}
    return value


def _default(field: Any) -> Any:  # noqa: ANN401  a dataclass's field
    return field.default if field.default is not MISSING else None
