"""From a located tree to a spec with nothing left to decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archspec.errors import Diagnostic, Problems, Span, SpecError
from archspec.resolve.document import Open, Opened, open_spec, set_all
from archspec.resolve.rows import Memo, budget_of, resolve_tree
from archspec.resolve.search import check_axes, distinct, numbers
from archspec.source import Entries, Scalar, Tree
from archspec.spec import Axis, Budget, Spec

MAX_TRIED = 1 << 10
"""Values that are tried in all, of axes none of whose values can be set."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A spec whose variants are chosen, in which values may be set again and again.

    Args:
        tree: merged, variants applied.
        variants: the names chosen, in the order of the axes.
        blocks: block name → parameter class.
        problems: what is wrong with the file.
    """

    tree: Entries
    variants: tuple[str, ...]
    blocks: Mapping[str, type[Any]]
    problems: tuple[Diagnostic, ...]

    @property
    def budget(self) -> Budget | None:
        """What it may cost, also where it is no spec until more is set."""
        return budget_of(self.tree)

    def at(self, cells: Sequence[tuple[Scalar, Tree]], memo: Memo | None = None) -> Spec:
        """The resolved spec with values set at paths.

        Raises:
            SpecError: everything that is wrong, all at once as far as it can be told.
        """
        known = Memo() if memo is None else memo
        tree = set_all(self.tree, cells)
        return resolve_tree(tree, self.variants, self.blocks, known, self.problems)


def settle(
    opened: Opened,
    blocks: Mapping[str, type[Any]],
    variants: Sequence[tuple[str, Span | None]] = (),
    settings: Sequence[tuple[Scalar, Tree]] = (),
) -> Settled:
    """An opened file with variants chosen and values set.

    Args:
        opened: the file with its parents merged in.
        blocks: block name → parameter class.
        variants: names to choose, at most one of an axis, with the place that asks for them.
        settings: paths and values to set last (`--set`).

    Raises:
        SpecError: a variant or a path is wrong.
    """
    tree = set_all(opened.choose(variants), settings)
    chosen = {name for name, _span in variants}
    ordered = tuple(name for axis in opened.axes for name in axis if name in chosen)
    return Settled(tree, ordered, blocks, opened.problems)


def resolve(
    opened: Opened,
    blocks: Mapping[str, type[Any]],
    variants: Sequence[tuple[str, Span | None]] = (),
    settings: Sequence[tuple[Scalar, Tree]] = (),
) -> Spec:
    """The resolved spec of an opened file; arguments as of `settle`.

    Raises:
        SpecError: everything that is wrong, all at once as far as it can be told.
    """
    return settle(opened, blocks, variants, settings).at((), opened.memo)


def check_values(base: Settled, axes: Sequence[Axis], problems: Problems) -> None:
    """Check that each axis has a value that can be set by itself; a sweep counts those that cannot.

    Where that would take too long, or the base itself is no spec, an axis passes.
    """
    left = MAX_TRIED
    try:
        base.at(())
    except SpecError:
        return
    for axis in axes:
        wrong: SpecError | None = None
        for value in axis.values[:left]:
            try:
                base.at([(Scalar(axis.path, axis.span), value)])
            except SpecError as reason:
                wrong = wrong or reason
                left -= 1
            else:
                break
        else:
            if wrong and left:
                problems.extend(wrong.diagnostics)


__all__ = [
    "Open",
    "Opened",
    "Settled",
    "check_axes",
    "check_values",
    "distinct",
    "numbers",
    "open_spec",
    "resolve",
    "settle",
]
