"""The space of a `search` section, and of `--set path=a,b,c`: the values to try at some paths."""

from collections.abc import Iterator, Mapping, Sequence

from archspec.errors import Problems, Span, SpecError, did_you_mean, error
from archspec.resolve.edit import set_path
from archspec.resolve.tree import COLUMNS, ROWS, entries_of, is_dead, leaves, rows_in, rows_of, said
from archspec.schema import wrong
from archspec.source import Entries, Entry, Items, Scalar, Tree, plain
from archspec.spec import SECTIONS, Axis

MAX_VALUES = 10_000
"""Of one path."""
PATH, VALUES = "path", "values"
_RANGE = ("from", "to", "step")
_WANTED = "a list of values, or a range {from: a, to: b, step: c}"


def axes_of_search(tree: Tree | None, problems: Problems) -> tuple[Axis, ...]:
    """The axes of `search`, a table with the columns path and values."""
    if tree is None:
        return ()
    for key, entry in entries_of(tree).items():
        if key not in {COLUMNS, ROWS}:
            hint = did_you_mean(key, (COLUMNS, ROWS))
            problems.add("E104", f"unknown key '{key}' in 'search'", entry.key.span, hint)
    before = len(problems)
    axes = tuple(axis for row in rows_in(tree, problems) if (axis := _axis(row, problems)))
    if not axes and len(problems) == before:
        problems.add("E108", "'search' has no rows", tree.span, "say a path and values to try")
    return axes


def _axis(row: Entries, problems: Problems) -> Axis | None:
    before = len(problems)
    for key, entry in row.entries.items():
        if key not in {PATH, VALUES}:
            hint = did_you_mean(key, (PATH, VALUES))
            problems.add("E104", f"unknown key '{key}' in a row of 'search'", entry.key.span, hint)
    path, values = said(row, PATH), said(row, VALUES)
    for key, value in ((PATH, path), (VALUES, values)):
        if value is None:
            problems.add("E108", f"a row of 'search' needs '{key}'", row.span)
    if path is None or values is None:
        return None
    if not isinstance(path, Scalar) or not isinstance(path.value, str):
        wrong(PATH, path, "a path such as stages.s4.kernel", problems)
        return None
    found = _values(path.value, values, problems)
    return Axis(path.value, found, path.span) if len(problems) == before else None


def _values(path: str, tree: Tree, problems: Problems) -> tuple[Tree, ...]:
    try:
        if isinstance(tree, Entries):
            start, end, step = _ends(path, tree)
            return numbers(path, start, end, step, tree.span)
        if isinstance(tree, Items) and tree.items:
            return distinct(path, tree.items)
    except SpecError as reason:
        problems.extend(reason.diagnostics)
        return ()
    wrong(VALUES, tree, _WANTED, problems)
    return ()


def _ends(path: str, tree: Entries) -> Iterator[float]:
    for key, entry in tree.entries.items():
        if key not in _RANGE:
            hint = did_you_mean(key, _RANGE)
            raise error("E104", f"unknown key '{key}' in a range", entry.key.span, hint)
    for key in _RANGE:
        value = tree.get(key)
        number = value.value if isinstance(value, Scalar) else None
        if isinstance(number, bool) or not isinstance(number, int | float):
            hint = f"wanted: {_WANTED}"
            if value is None:
                raise error("E215", f"the range of '{path}' has no '{key}'", tree.span, hint)
            raise error("E215", f"'{key}' is no number, in the range of '{path}'", value.span, hint)
        yield number


def numbers(path: str, start: float, end: float, step: float, span: Span) -> tuple[Tree, ...]:
    """The numbers from `start` by `step` up to `end`, which is one of them where a step hits it.

    Raises:
        SpecError: E215, the step leads nowhere, or there are too many.
    """
    from decimal import Decimal  # noqa: PLC0415  most specs have no ranges

    first, last, by = (Decimal(str(number)) for number in (start, end, step))
    if by == 0 or (last - first) / by < 0:
        message = f"steps of {step} from {start} never come to {end}"
        raise error("E215", f"the range of '{path}' is empty: {message}", span)
    count = int((last - first) / by) + 1
    if count > MAX_VALUES:
        message = f"the range of '{path}' has {count} values; at most {MAX_VALUES} are possible"
        raise error("E215", message, span)
    whole = all(isinstance(number, int) for number in (start, end, step))
    return tuple(
        Scalar(int(value) if whole else float(value), span)
        for value in (first + by * index for index in range(count))
    )


def distinct(path: str, values: Sequence[Tree]) -> tuple[Tree, ...]:
    """The values, of which no two may be alike.

    Raises:
        SpecError: E214, one stands twice; E215, there are too many.
    """
    if len(values) > MAX_VALUES:
        message = f"'{path}' has {len(values)} values; at most {MAX_VALUES} are possible"
        raise error("E215", message, values[MAX_VALUES].span)
    seen: set[str] = set()
    for value in values:
        key = _key(plain(value))
        if key in seen:
            raise error("E214", f"'{path}' has the value {value.span.text} twice", value.span)
        seen.add(key)
    return tuple(values)


def _key(value: object) -> str:
    """The same for values that mean the same: 1 and 1.0 do, 1 and true do not."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value))
    return repr(value)


def check_axes(tree: Entries, axes: Sequence[Axis], problems: Problems) -> None:
    """Check that each path addresses something that counts, and no two the same.

    A value may still be wrong where it is used: see `check_values`.

    Args:
        tree: the spec, merged.
        axes: to check.
        problems: what is wrong.
    """
    written: dict[str, Axis] = {}
    for axis in axes:
        before = len(problems)
        _check_axis(tree, axis, problems)
        if len(problems) > before:
            continue
        places = set(_places(tree, axis.path))
        if other := next((written[at] for place in places for at in _around(place, written)), None):
            hint = f"'{other.path}' is searched at {other.span}"
            both = f"'{axis.path}' and '{other.path}' set the same"
            message = f"'{axis.path}' stands twice" if axis.path == other.path else both
            problems.add("E213", message, axis.span, hint)
        written |= dict.fromkeys(places, axis)


def _check_axis(tree: Entries, axis: Axis, problems: Problems) -> None:
    section, *rest = axis.path.split(".")
    if section == "budget":
        hint = "sweep without it, and filter the file"
        problems.add("E217", f"'{axis.path}' is what points are held to", axis.span, hint)
    elif section not in SECTIONS or section in tree.entries:
        wrong = list(_unset(tree, axis))
        if len(wrong) == len(axis.values):
            problems.extend(wrong[0].diagnostics)
        elif section in SECTIONS and _does_nothing(rows_of(tree, section), rest, axis):
            message = f"every row says '{'.'.join(rest)}' itself; '{axis.path}' does nothing"
            problems.add("E207", message, axis.span, f"say '{section}.*.{'.'.join(rest)}'")


def _unset(tree: Entries, axis: Axis) -> Iterator[SpecError]:
    """Why values cannot be set, whatever they mean."""
    for value in axis.values:
        try:
            set_path(tree, Scalar(axis.path, axis.span), value)
        except SpecError as reason:
            yield reason


def _does_nothing(rows: Mapping[str, Entry], words: Sequence[str], axis: Axis) -> bool:
    """Whether a path sets defaults of a table that every row overrides."""
    if not words or words[0] in {*rows, "*"}:
        return False
    found = (path for value in axis.values for path, _span in leaves(value, tuple(words)))
    return all(is_dead(path, rows) for path in found)


def _places(tree: Entries, path: str) -> Iterator[str]:
    """The paths that a path sets, a whole column row by row."""
    section, star, rest = path.partition(".*.")
    names = rows_of(tree, section) if star else ()
    yield from (f"{section}.{name}.{rest}" for name in names)
    if not star:
        yield path


def _around(place: str, written: Mapping[str, Axis]) -> Iterator[str]:
    """What is written at a path, above it or below it."""
    yield from (
        other
        for other in written
        if place == other or place.startswith(f"{other}.") or other.startswith(f"{place}.")
    )


__all__ = ["MAX_VALUES", "axes_of_search", "check_axes", "distinct", "numbers"]
