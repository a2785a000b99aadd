"""Which arrays of one net fit another: by their names, and by the rows that they belong to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from archspec.comparison.align import Pair
from archspec.graph import Graph
from archspec.ops import Shape, Weight

Fit: TypeAlias = Literal["all", "some", "none", ""]


class Misfit(NamedTuple):
    """An array of B that A has not, or has in another shape, which is None where it has not."""

    array: str
    shape: Shape
    before: Shape | None


@dataclass(frozen=True, slots=True)
class Weights:
    """Which arrays of B are in A, of one name and shape.

    Args:
        arrays: of B.
        numbers: in those.
        fitting_arrays: that are in A.
        fitting_numbers: in those.
        foreign_arrays: of those that fit, the ones that belong to another row in A, which happens
            to have the name that this one has.
        matched_arrays: for which the same row of A, whatever its name, has one of the same shape.
        matched_numbers: in those.
        rows: row of B that has arrays → how many are in A.
        misfits: the arrays that are not.
    """

    arrays: int
    numbers: int
    fitting_arrays: int
    fitting_numbers: int
    foreign_arrays: int
    matched_arrays: int
    matched_numbers: int
    rows: Mapping[str, Fit]
    misfits: tuple[Misfit, ...]


def weights_of(before: Graph, after: Graph, pairs: Sequence[Pair]) -> Weights:
    """Which arrays of B are in A, rows being paired."""
    shapes = {key: weight.shape for key, weight in before.weights.items()}
    homes = {pair.after.path: pair for pair in pairs if pair.after}
    arrays = [_Array(key, weight, homes[row]) for row, key, weight in _arrays(after)]
    owners = {key: row for row, key, _ in _arrays(before)}
    fitting = [array for array in arrays if shapes.get(array.key) == array.shape]
    matched = [array for array in arrays if shapes.get(array.there) == array.shape]
    fits = {array.key for array in fitting}
    rows: dict[str, list[bool]] = {}
    for array in arrays:
        rows.setdefault(array.row, []).append(array.key in fits)
    return Weights(
        arrays=len(arrays),
        numbers=sum(array.size for array in arrays),
        fitting_arrays=len(fitting),
        fitting_numbers=sum(array.size for array in fitting),
        foreign_arrays=sum(array.home != owners[array.key] for array in fitting),
        matched_arrays=len(matched),
        matched_numbers=sum(array.size for array in matched),
        rows={row: _fit(found) for row, found in rows.items()},
        misfits=tuple(
            Misfit(array.key, array.shape, shapes.get(array.key))
            for array in arrays
            if array.key not in fits
        ),
    )


class _Array(NamedTuple):
    """An array of B."""

    key: str
    weight: Weight
    pair: Pair

    @property
    def row(self) -> str:
        """Its row."""
        assert self.pair.after is not None  # noqa: S101
        return self.pair.after.path

    @property
    def home(self) -> str:
        """The same row of A, "" if there is none."""
        return self.pair.before.path if self.pair.before else ""

    @property
    def there(self) -> str:
        """What it is called if its row has the name that it has in A."""
        old, new = self.pair.before, self.pair.after
        assert new is not None  # noqa: S101
        return f"{old.prefix}{self.key.removeprefix(new.prefix)}" if old else ""

    @property
    def shape(self) -> Shape:
        return self.weight.shape

    @property
    def size(self) -> int:
        return self.weight.size


def _arrays(graph: Graph) -> Iterator[tuple[str, str, Weight]]:
    for node in graph.nodes:
        for name, weight in graph.weights_of(node).items():
            yield node.row, f"{node.name}/{name}", weight


def _fit(found: Sequence[bool]) -> Fit:
    return "all" if all(found) else "some" if any(found) else "none"
