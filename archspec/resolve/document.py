"""`extends`, `variants` and `--set`: from a file to one tree in which nothing refers elsewhere."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from archspec.errors import Problems, Span, SpecError, did_you_mean, error, quoted
from archspec.resolve.rows import Memo
from archspec.resolve.tree import (
    COLUMNS,
    ROWS,
    entries_of,
    insert_rows,
    leaves,
    merge,
    remove_row,
    rows_of,
    set_path,
    with_named_rows,
    without,
)
from archspec.schema import BODY, SKELETON, check_body, check_document
from archspec.source import Entries, Entry, Items, Scalar, Tree
from archspec.spec import SECTIONS

Open: TypeAlias = Callable[[str, Span], Tree]
"""Gives the tree of the spec that an `extends` names, or raises `SpecError`."""

MAX_EXTENDS = 16
_EDITS = {"change", "remove", "insert"}
_VARIANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of an axis: the trees to lay over the spec, or the cells to set."""

    name: str
    span: Span
    body: Entries | None
    cells: tuple[tuple[Scalar, Tree], ...] = ()

    def writes(self, spec: Entries) -> Iterator[tuple[str, Span]]:
        """The paths that it sets, a whole column row by row."""
        if self.body:
            for path, span in leaves(without(self.body, _EDITS)):
                yield ".".join(path), span
            for key, entry in entries_of(self.body.get("change")).items():
                yield from _spread_out(spec, key, entry.key.span)
        for path, _value in self.cells:
            yield from _spread_out(spec, str(path.value), path.span)


def _spread_out(spec: Entries, path: str, span: Span) -> Iterator[tuple[str, Span]]:
    section, star, rest = path.partition(".*.")
    rows = rows_of(spec, section)
    if star:
        yield from ((f"{section}.{ROWS}.{name}.{rest}", span) for name in rows)
    else:
        words = path.split(".")
        inner = [ROWS] if words[0] in SECTIONS and len(words) > 1 and words[1] in rows else []
        yield ".".join([words[0], *inner, *words[1:]]), span


@dataclass(frozen=True, slots=True)
class Opened:
    """A spec file with its parents merged in, before variants.

    Args:
        tree: the merged tree.
        axes: its own variants, one mapping an axis.
        memo: rows resolved so far, for variants that share them.
    """

    tree: Entries
    axes: tuple[Mapping[str, Variant], ...]
    memo: Memo = field(default_factory=Memo, repr=False, compare=False)

    def choose(self, chosen: Sequence[tuple[str, Span | None]]) -> Entries:
        """The tree with at most one variant of each axis applied, in the order of the axes.

        Raises:
            SpecError: E202, unknown variant, two of one axis; E203, two axes write one path.
        """
        picked: dict[int, Variant] = {}
        known = [name for axis in self.axes for name in axis]
        for name, span in chosen:
            axis = next((number for number, axis in enumerate(self.axes) if name in axis), None)
            if axis is None:
                hint = did_you_mean(name, known) or (
                    f"there are {', '.join(known)}" if known else ""
                )
                raise error("E202", f"there is no variant {quoted(name)}", span, hint)
            if axis in picked:
                first = picked[axis].name
                raise error("E202", f"variants '{first}' and '{name}' exclude each other", span)
            picked[axis] = self.axes[axis][name]
        ordered = [picked[axis] for axis in sorted(picked)]
        self._check_stages(ordered)
        _check_collisions(self.tree, ordered)
        tree = self.tree
        for variant in ordered:
            tree = _apply(tree, variant)
        return tree

    def _check_stages(self, chosen: Sequence[Variant]) -> None:
        bringing = self._bringing_stages()
        if (
            "stages" in self.tree.entries
            or not bringing
            or any(variant.name in bringing for variant in chosen)
        ):
            return
        span = chosen[0].span if chosen else self.tree.span
        raise error(
            "E202",
            "the spec has no stages of its own; choose a variant",
            span,
            f"one of {', '.join(bringing)}",
        )

    def _bringing_stages(self) -> list[str]:
        variants = (variant for axis in self.axes for variant in axis.values())
        return [
            variant.name
            for variant in variants
            if variant.body and "stages" in variant.body.entries
        ]

    def samples(self) -> list[tuple[str, ...]]:
        """Choices that use each variant, beside one that brings stages if the file has none."""
        bases = (
            [()]
            if "stages" in self.tree.entries
            else [(name,) for name in self._bringing_stages()] or [()]
        )
        others = [
            (number, name)
            for number, axis in enumerate(self.axes)
            for name in axis
            if (name,) not in bases
        ]
        axis_of = {name: number for number, axis in enumerate(self.axes) for name in axis}
        found: list[tuple[str, ...]] = list(bases)
        for base in bases:
            taken = {axis_of[name] for name in base}
            found += [(*base, name) for number, name in others if number not in taken]
        return found


def open_spec(tree: Tree, opener: Open, depth: int = 0) -> Opened:
    """Check a file, merge what it extends under it, and list its variants.

    Raises:
        SpecError: everything that is wrong with the file itself (E1xx), and E2xx of its parents.
    """
    problems = Problems()
    check_document(tree, problems)
    problems.check()
    assert isinstance(tree, Entries)  # noqa: S101  check_document saw to it
    body = with_named_rows(without(tree, {"extends", "variants"}), problems)
    axes = _axes(tree.get("variants"), problems)
    problems.check()
    extends = tree.get("extends")
    if isinstance(extends, Scalar) and isinstance(extends.value, str):
        parent = _parent(extends.value, extends.span, opener, depth)
        return Opened(_lay_over(parent, body), axes)
    return Opened(_lay_over(Entries({}, tree.span), body), axes)


def _parent(text: str, span: Span, opener: Open, depth: int) -> Entries:
    if depth >= MAX_EXTENDS:
        raise error("E201", f"more than {MAX_EXTENDS} specs extend one another", span)
    name, *variants = text.split(":")
    parent = open_spec(opener(name, span), opener, depth + 1)
    # What the parent is proved equal to, the child is not.
    return without(parent.choose([(variant, span) for variant in variants]), {"equals"})


def _lay_over(below: Entries, body: Entries) -> Entries:
    """A body over a tree: merge, then `change`, `remove` and `insert` by the names in the tree."""
    problems = Problems()
    tree = merge(below, without(body, _EDITS))
    assert isinstance(tree, Entries)  # noqa: S101
    tree = Entries(tree.entries, body.span)
    for key, value in _items(body.get("change")):
        tree = _try(problems, tree, lambda tree, key=key, value=value: set_path(tree, key, value))
    for address in _listed(body.get("remove")):
        tree = _try(problems, tree, lambda tree, address=address: remove_row(tree, address))
    for edit in _listed(body.get("insert")):
        tree = _try(
            problems, tree, lambda tree, edit=edit: insert_rows(tree, _mapping(edit), problems)
        )
    problems.check()
    return tree


def _try(problems: Problems, tree: Entries, edit: Callable[[Entries], Entries]) -> Entries:
    """One edit; where it fails, the problem is kept and the tree stays."""
    try:
        return edit(tree)
    except SpecError as reason:
        problems.extend(reason.diagnostics)
        return tree


def _items(tree: Tree | None) -> list[tuple[Scalar, Tree]]:
    return [(entry.key, entry.value) for entry in entries_of(tree).values()]


def _listed(tree: Tree | None) -> Sequence[Tree]:
    return tree.items if isinstance(tree, Items) else ()


def _mapping(tree: Tree) -> Entries:
    assert isinstance(tree, Entries)  # noqa: S101  the skeleton lets nothing else through
    return tree


def _apply(tree: Entries, variant: Variant) -> Entries:
    if variant.body:
        tree = _lay_over(tree, variant.body)
    return set_all(tree, variant.cells)


def set_all(tree: Entries, cells: Sequence[tuple[Scalar, Tree]]) -> Entries:
    """Set values at paths, cells of a variant or `--set` options.

    Raises:
        SpecError: all that went wrong, E104 for a path that begins with no key of a spec.
    """
    problems = Problems()
    for path, value in cells:
        first = str(path.value).partition(".")[0]
        if first not in BODY or first in _EDITS:
            known = [key for key in BODY if key not in _EDITS]
            problems.add("E104", f"unknown key '{first}'", path.span, did_you_mean(first, known))
        else:
            tree = _try(
                problems, tree, lambda tree, path=path, value=value: set_path(tree, path, value)
            )
    problems.check()
    return tree


def _check_collisions(spec: Entries, variants: Sequence[Variant]) -> None:
    written: dict[str, tuple[Variant, Span]] = {}
    for variant in variants:
        own = dict(variant.writes(spec))
        for path, span in own.items():
            if path in written:
                other, there = written[path]
                shown = path.replace(f".{ROWS}.", ".")
                raise error(
                    "E203",
                    f"variants '{other.name}' and '{variant.name}' both write '{shown}'",
                    span,
                    f"'{other.name}' writes it in line {there.line}",
                )
        written |= {path: (variant, span) for path, span in own.items()}


def _axes(tree: Tree | None, problems: Problems) -> tuple[Mapping[str, Variant], ...]:
    """The axes of `variants`: a table, a mapping, or a list of those."""
    if tree is None:
        return ()
    axes: list[Mapping[str, Variant]] = []
    taken: dict[str, Variant] = {}
    for axis in tree.items if isinstance(tree, Items) else (tree,):
        if not isinstance(axis, Entries):
            problems.add(
                "E105",
                "an axis of variants is a table or a mapping from names to bodies",
                axis.span,
            )
            continue
        found = _table(axis, problems) if COLUMNS in axis.entries else _bodies(axis, problems)
        for variant in found:
            if variant.name in taken:
                first = taken[variant.name].span.line
                problems.add(
                    "E209",
                    f"variant '{variant.name}' stands twice, first in line {first}",
                    variant.span,
                )
            taken[variant.name] = variant
        axes.append({variant.name: variant for variant in found})
    return tuple(axes)


def _bodies(axis: Entries, problems: Problems) -> list[Variant]:
    found: list[Variant] = []
    for entry in axis.entries.values():
        name, body = _variant_name(entry.key, problems), entry.value
        if isinstance(body, Scalar) and body.value is None:
            body = Entries({}, body.span)
        if not isinstance(body, Entries):
            problems.add("E105", f"the body of variant '{name}' is a mapping", body.span)
            continue
        check_body(body, BODY, problems)
        if name and all(key in SKELETON for key in body.entries):
            found.append(Variant(name, entry.key.span, _named(body, problems)))
    return found


def _named(body: Entries, problems: Problems) -> Entries:
    """The body with named rows, unless a section is no table at all (reported already)."""
    fit = all(isinstance(body.get(section), Items | Entries | None) for section in SECTIONS)
    return with_named_rows(body, problems) if fit else body


def _table(axis: Entries, problems: Problems) -> list[Variant]:
    for key, entry in axis.entries.items():
        if key not in {COLUMNS, ROWS}:
            hint = did_you_mean(key, (COLUMNS, ROWS))
            problems.add(
                "E104", f"unknown key '{key}' in a table of variants", entry.key.span, hint
            )
    columns, rows = axis.get(COLUMNS), axis.get(ROWS)
    heads = [
        item
        for item in _listed(columns)
        if isinstance(item, Scalar) and isinstance(item.value, str)
    ]
    if (
        not isinstance(columns, Items)
        or len(heads) != len(columns.items)
        or [h.value for h in heads[:1]] != ["name"]
    ):
        problems.add(
            "E105",
            "a table of variants has columns: name first, then paths",
            (columns or axis).span,
        )
        return []
    if not isinstance(rows, Items):
        problems.add("E108", "the table of variants has no 'rows'", axis.entries[COLUMNS].key.span)
        return []
    return [variant for row in rows.items if (variant := _variant(row, heads, problems))]


def _variant(row: Tree, heads: Sequence[Scalar], problems: Problems) -> Variant | None:
    if not isinstance(row, Items) or len(row.items) != len(heads):
        names = ", ".join(str(head.value) for head in heads)
        count = f"has {len(row.items)} cells" if isinstance(row, Items) else "is not a list"
        message = f"the row {count}; it needs {len(heads)}"
        problems.add("E111", message, row.span, f"the columns are {names}; ~ leaves a cell unsaid")
        return None
    first, *cells = row.items
    name = _variant_name(first, problems)
    said = [
        (head, cell)
        for head, cell in zip(heads[1:], cells, strict=True)
        if not (isinstance(cell, Scalar) and cell.value is None)
    ]
    return Variant(name, first.span, None, tuple(said)) if name else None


def _variant_name(tree: Tree, problems: Problems) -> str:
    value = tree.value if isinstance(tree, Scalar) else None
    if isinstance(value, str) and _VARIANT_NAME.fullmatch(value):
        return value
    hint = f'a name is text: write "{tree.span.text}"' if isinstance(value, int | float) else ""
    problems.add("E209", "a variant's name is letters, digits, _ . and -", tree.span, hint)
    return ""


__all__ = ["Entry", "Open", "Opened", "Variant", "open_spec", "set_all"]
