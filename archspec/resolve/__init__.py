"""From a located tree to a spec with nothing left to decide."""

from collections.abc import Mapping, Sequence
from typing import Any

from archspec.errors import Span
from archspec.resolve.document import Open, Opened, open_spec, set_all
from archspec.resolve.rows import resolve_tree
from archspec.source import Scalar, Tree
from archspec.spec import Spec


def resolve(
    opened: Opened,
    blocks: Mapping[str, type[Any]],
    variants: Sequence[tuple[str, Span | None]] = (),
    settings: Sequence[tuple[Scalar, Tree]] = (),
) -> Spec:
    """The resolved spec of an opened file.

    Args:
        opened: the file with its parents merged in.
        blocks: block name → parameter class.
        variants: names to choose, at most one of an axis, with the place that asks for them.
        settings: paths and values to set last (`--set`).

    Raises:
        SpecError: everything that is wrong, all at once as far as it can be told.
    """
    tree = set_all(opened.choose(variants), settings)
    chosen = {name for name, _span in variants}
    ordered = [name for axis in opened.axes for name in axis if name in chosen]
    return resolve_tree(tree, ordered, blocks, opened.memo, opened.problems)


__all__ = ["Open", "Opened", "open_spec", "resolve"]
