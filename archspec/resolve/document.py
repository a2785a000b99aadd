"""`extends`, `variants` and `--set`: from a file to one tree in which nothing refers elsewhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from archspec.errors import Diagnostic, Problems, Span, SpecError, did_you_mean, error, quoted
from archspec.resolve.edit import insert_rows, remove_row, set_path
from archspec.resolve.references import Choice, references_of
from archspec.resolve.rows import Memo, equals_of
from archspec.resolve.search import axes_of_search, check_axes
from archspec.resolve.tree import (
    ROWS,
    check_dead_text,
    entries_of,
    merge,
    rows_of,
    with_named_rows,
    without,
)
from archspec.resolve.variants import Variant, axes_of
from archspec.schema import EDITS, check_document
from archspec.source import Entries, Entry, Items, Scalar, Tree
from archspec.spec import SECTIONS, Axis
from archspec.zoo import split

Open: TypeAlias = Callable[[str, Span], Tree]
"""Gives the tree of the spec that an `extends` names, or raises `SpecError`."""

MAX_EXTENDS = 16
EQUALS = "equals"
SIZE = "input"
"""What a later axis may say again: a net that is published at several sizes has one by itself."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A spec file with its parents merged in, before variants.

    Args:
        tree: the merged tree.
        axes: its own variants, one mapping an axis.
        references: what choices of variants are proved equal to.
        search: the space that it spans.
        problems: what is wrong with the file; the rest of it is in the tree, to be checked too.
        memo: rows resolved so far, for variants that share them.
    """

    tree: Entries
    axes: tuple[Mapping[str, Variant], ...]
    references: Mapping[Choice, Entries] = field(default_factory=dict[Choice, Entries])
    search: tuple[Axis, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    memo: Memo = field(default_factory=Memo, repr=False, compare=False)

    def choose(
        self, chosen: Sequence[tuple[str, Span | None]], place: Span | None = None
    ) -> Entries:
        """The tree with at most one variant of each axis applied, in the order of the axes.

        Args:
            chosen: names of variants, each with the place that asks for it.
            place: what asks for the spec, where none of them does.

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
        self._check_stages(ordered, next((span for _name, span in chosen), place))
        _check_collisions(self.tree, ordered)
        tree = self.tree
        for variant in ordered:
            tree = _apply(tree, variant)
        if own := self.references.get(tuple(variant.name for variant in ordered)):
            said = Entries({EQUALS: Entry(Scalar(EQUALS, own.span), own)}, own.span)
            tree = _lay_over(tree, said, Problems())
        return tree

    def _check_stages(self, chosen: Sequence[Variant], place: Span | None) -> None:
        bringing = self._bringing_stages()
        there = "stages" in self.tree.entries or any(item.name in bringing for item in chosen)
        if there or not bringing or self.problems:
            return
        raise error(
            "E202",
            "the spec has no stages of its own; choose a variant",
            place or self.tree.span,
            f"one of {', '.join(bringing)}",
        )

    def _bases(self) -> list[Choice]:
        """The spec by itself, or with each variant that brings stages if it has none."""
        if "stages" in self.tree.entries:
            return [()]
        return [(name,) for name in self._bringing_stages()] or [()]

    def _bringing_stages(self) -> list[str]:
        variants = (variant for axis in self.axes for variant in axis.values())
        return [
            variant.name
            for variant in variants
            if variant.body and "stages" in variant.body.entries
        ]

    def named(self) -> Iterator[tuple[Choice, Mapping[str, str]]]:
        """Each sample that is proved equal to something, and to what: library → implementation."""
        for choice in self.samples():
            if found := equals_of(self.choose([(name, None) for name in choice])):
                yield choice, found

    def published(self) -> Iterator[Choice]:
        """The samples that are proved equal to something, or all where none is."""
        yield from [choice for choice, _ in self.named()] or self.samples()

    def samples(self) -> Iterator[tuple[str, ...]]:
        """Choices that use each variant, beside one that brings stages if the file has none.

        Then all others that are proved equal to something.
        """
        bases = self._bases()
        others = [
            (number, name)
            for number, axis in enumerate(self.axes)
            for name in axis
            if (name,) not in bases
        ]
        axis_of = {name: number for number, axis in enumerate(self.axes) for name in axis}
        found = list(bases)
        for base in bases:
            taken = {axis_of[name] for name in base}
            found += [(*base, name) for number, name in others if number not in taken]
        yield from dict.fromkeys((*found, *self.references))


def open_spec(tree: Tree, opener: Open, depth: int = 0) -> Opened:
    """Check a file, merge what it extends under it, and list its variants.

    Raises:
        SpecError: the file is no mapping, or its parent is wrong; other problems stay in `Opened`.
    """
    problems = Problems()
    sound = check_document(tree, problems)
    body = with_named_rows(without(sound, {"extends", "variants", "search"}), problems)
    axes = axes_of(sound.get("variants"), problems)
    below = Entries({}, tree.span)
    if isinstance(tree, Entries) and (extends := tree.get("extends")) is not None:
        below = _parent(extends, opener, depth, problems)
    references = references_of(body.get(EQUALS), axes, problems)
    if references.always is not None:
        equals = Entry(body.entries[EQUALS].key, references.always)
        body = Entries({**body.entries, EQUALS: equals}, body.span)
    merged = _lay_over(below, body, problems)
    search = axes_of_search(sound.get("search"), problems)
    check_axes(merged, search, problems)
    return Opened(merged, axes, references.rows, search, problems.diagnostics)


def _parent(extends: Tree, opener: Open, depth: int, problems: Problems) -> Entries:
    text, span = extends.value if isinstance(extends, Scalar) else None, extends.span
    if not isinstance(text, str):
        raise SpecError(problems.diagnostics)
    name, variants = split(text)
    try:
        if depth >= MAX_EXTENDS:
            raise error("E201", f"more than {MAX_EXTENDS} specs extend one another", span)
        parent = open_spec(opener(name, span), opener, depth + 1)
        problems.extend(parent.problems)
        tree = parent.choose([(variant, span) for variant in variants], span)
    except SpecError as reason:
        problems.extend(reason.diagnostics)
        raise SpecError(problems.diagnostics) from reason
    # What the parent is proved equal to, the child is not.
    return without(tree, {EQUALS})


def _lay_over(below: Entries, body: Entries, problems: Problems) -> Entries:
    """A body over a tree: merge, then `change`, `remove` and `insert` by the names in the tree."""
    tree = merge(below, without(body, set(EDITS)))
    assert isinstance(tree, Entries)  # noqa: S101
    tree = Entries(tree.entries, body.span)
    tree = _set_all(tree, _items(body.get("change")), problems)
    for address in _listed(body.get("remove")):
        tree = _try(problems, tree, lambda tree, address=address: remove_row(tree, address))
    for edit in _listed(body.get("insert")):
        tree = _try(
            problems, tree, lambda tree, edit=edit: insert_rows(tree, _mapping(edit), problems)
        )
    for section in SECTIONS:
        table = body.get(section)
        if isinstance(table, Entries) and ROWS not in table.entries:
            check_dead_text(table, rows_of(tree, section), problems)
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
    problems = Problems()
    if variant.body:
        tree = _lay_over(tree, variant.body, problems)
    tree = _set_all(tree, variant.cells, problems)
    problems.check()
    return tree


def set_all(tree: Entries, cells: Sequence[tuple[Scalar, Tree]]) -> Entries:
    """Set values at paths: `--set` options.

    Raises:
        SpecError: all that went wrong.
    """
    problems = Problems()
    tree = _set_all(tree, cells, problems)
    problems.check()
    return tree


def _set_all(tree: Entries, cells: Sequence[tuple[Scalar, Tree]], problems: Problems) -> Entries:
    for path, value in cells:
        tree = _try(
            problems, tree, lambda tree, path=path, value=value: set_path(tree, path, value)
        )
    return tree


def _check_collisions(spec: Entries, variants: Sequence[Variant]) -> None:
    written: dict[str, tuple[Variant, Span]] = {}
    for variant in variants:
        own = {path: span for path, span in variant.writes(spec) if _is_of_the_net(path)}
        for path, span in own.items():
            if path in written and path != SIZE:
                other, there = written[path]
                raise error(
                    "E203",
                    f"variants '{other.name}' and '{variant.name}' both write '{path}'",
                    span,
                    f"'{other.name}' writes it in line {there.line}",
                )
        # Who writes a whole writes over each piece of it; who writes a piece leaves the rest.
        written |= {whole: (variant, own[path]) for path in own for whole in _wholes(path)}


def _is_of_the_net(path: str) -> bool:
    """Whether two axes may not both write it; of the rest the last axis decides."""
    return path.partition(".")[0] not in {EQUALS, "input"}


def _wholes(path: str) -> Iterator[str]:
    words = path.split(".")
    return (".".join(words[:count]) for count in range(1, len(words) + 1))


__all__ = ["Open", "Opened", "Variant", "open_spec", "set_all"]
