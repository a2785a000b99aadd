"""What differs beside the tables: the image and what is done to it, classes, strides, outputs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isclose

from archspec.comparison.changes import Change, changes
from archspec.comparison.places import Places
from archspec.lower import OUTPUT
from archspec.spec import Normalization, Spec, Tap

_EXACT = 1e-12
"""To which two normalizations do the same, whose numbers come from other ones."""


def beside(before: Spec, after: Spec, ours: Places, theirs: Places) -> Iterator[Change]:
    """What differs beside the tables; a budget is no part of the net."""
    yield from changes("input", [before.input], [after.input])
    yield from changes("classes", [before.classes], [after.classes])
    yield from _normalizations(before, after)
    yield from changes("output_stride", [before.output_stride], [after.output_stride])
    yield from _outputs(before, after, ours, theirs)


def _normalizations(before: Spec, after: Spec) -> Iterator[Change]:
    ours, theirs = before.normalization, after.normalization
    if ours and theirs:
        ours, theirs = _brief(ours), _brief(theirs)
        if _does_the_same(ours, theirs):
            return
    yield from changes("normalization", [ours], [theirs])


def _brief(normalization: Normalization) -> Normalization:
    """The same with one number where all channels have the same one."""
    mean, std = (
        values[:1] if len(set(values)) == 1 else values
        for values in (normalization.mean, normalization.std)
    )
    return replace(normalization, mean=mean, std=std)


def _does_the_same(ours: Normalization, theirs: Normalization) -> bool:
    """Whether each channel comes to the same, whatever the numbers are said in."""
    if ours.order != theirs.order:
        return False
    for mine, yours in zip(ours.affine(), theirs.affine(), strict=True):
        count = max(len(mine), len(yours))
        each = zip(mine * (count // len(mine)), yours * (count // len(yours)), strict=True)
        if not all(isclose(one, other, rel_tol=_EXACT) for one, other in each):
            return False
    return True


def _outputs(before: Spec, after: Spec, ours: Places, theirs: Places) -> Iterator[Change]:
    if not before.outputs and not after.outputs:
        return  # each gives its last row, whatever that is
    old, new = _taps(before), _taps(after)
    for name in dict.fromkeys((*old, *new)):
        was, is_ = old.get(name), new.get(name)
        if not was or not is_ or ours.of(was).isdisjoint(theirs.of(is_)):
            yield Change(f"outputs.{name}", was and was.path, is_ and is_.path)


def _taps(spec: Spec) -> Mapping[str, Tap]:
    return spec.outputs or {OUTPUT: Tap(spec.rows[-1].path)}
