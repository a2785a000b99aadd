"""Weights under the names of other libraries: which table fits a file, and what goes where."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.ops import Shape
from archspec.weights.fit import refuse
from archspec.weights.foreign.layouts import converted, keras_shapes, shapes
from archspec.weights.foreign.names import (
    JOINED,
    LIBRARIES,
    Library,
    Table,
    functions,
    names,
    tables,
)

__all__ = [
    "LIBRARIES",
    "Assignment",
    "Library",
    "Table",
    "assign",
    "fitting",
    "functions",
    "placed",
    "tables",
]

COUNTER = "num_batches_tracked"
"""How many batches batch norm has seen, which PyTorch stores and nothing reads."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What goes where.

    Args:
        table: whose names they are.
        theirs: our key → the name in the file.
        expected: our key → what it would be called, for those that the file lacks.
        ignored: names of theirs that carry nothing: counters of batches.
        surplus: names of theirs that go nowhere.
    """

    table: Table
    theirs: Mapping[str, str]
    expected: Mapping[str, str]
    ignored: tuple[str, ...]
    surplus: tuple[str, ...]


def assign(found: Collection[str], graph: Graph, candidates: Iterable[Table]) -> Assignment:
    """What each array of a graph is called in a file, by the table that fits the file best.

    Args:
        found: the names in the file.
        graph: what the arrays are for.
        candidates: tables to choose from.
    """
    ordered = dict.fromkeys(found)
    best = max(
        (_assignment(ordered, graph, table) for table in candidates),
        key=lambda known: (len(known.theirs), -len(known.surplus)),
        default=None,
    )
    assert best is not None  # noqa: S101  every library has tables
    return best


def _assignment(found: Mapping[str, None], graph: Graph, table: Table) -> Assignment:
    theirs: dict[str, str] = {}
    expected: dict[str, str] = {}
    for key, choices in names(graph, table).items():
        name = next((name for choice in choices for name in _present(choice, found)), None)
        if name is None:
            expected[key] = choices[0]
        else:
            theirs[key] = name
    taken = {piece for name in theirs.values() for piece in name.split(JOINED)}
    rest = [name for name in found if name not in taken]
    ignored = tuple(name for name in rest if name.endswith(COUNTER))
    surplus = tuple(name for name in rest if not name.endswith(COUNTER))
    return Assignment(table, theirs, expected, ignored, surplus)


def _present(choice: str, found: Mapping[str, None]) -> Iterable[str]:
    """The name, if it is there; one with `*` is a pattern, for a name that Keras makes up."""
    if "*" not in choice:
        return (choice,) if all(name in found for name in choice.split(JOINED)) else ()
    return (name for name in found if fnmatchcase(name, choice))


@dataclass(frozen=True, slots=True)
class Placed:
    """The arrays of a file under foreign names, each with its place in a graph.

    Args:
        graph: what they are for.
        table: whose names they are.
        theirs: our key → the name in the file, or several with JOINED between them.
        ignored: names in the file that carry nothing that a graph needs.
    """

    graph: Graph
    table: Table
    theirs: Mapping[str, str]
    ignored: tuple[str, ...]

    def array(self, key: str, read: Callable[[str], NDArray[Any]]) -> NDArray[Any]:
        """What the file has for a key, in Keras layout; `read` gives what it has under a name."""
        pieces = [read(name) for name in self.theirs[key].split(JOINED)]
        values = np.concatenate(pieces) if len(pieces) > 1 else pieces[0]
        if self.table.library == "keras":
            return values.reshape(self.graph.weights[key].shape)
        node, _, array = key.rpartition("/")
        return converted(values, self.graph, self.graph.named[node], array)


def placed(
    known: Assignment,
    found: Mapping[str, Shape],
    graph: Graph,
    source: str,
    reset: Collection[str] = (),
) -> Placed:
    """Where each array of a file goes, if they are exactly those of a graph.

    Args:
        known: what `assign` found.
        found: name in the file → shape.
        graph: what the arrays are for.
        source: what messages call the file.
        reset: keys that the file need not have, and whatever it has for them does not matter.

    Raises:
        SpecError: E504, arrays are missing; E505, others are there; E506, shapes differ.
    """
    table = known.table
    missing = [
        f"{key} ({known.expected[key]})" if key in known.expected else key
        for key in graph.weights
        if key not in known.theirs and key not in reset
    ]
    theirs = {key: name for key, name in known.theirs.items() if key not in reset}
    differing = [
        f"{name} is {list(shape)} and not {list(wanted[0])}"
        for key, name in theirs.items()
        for shape, wanted in [(_joined(found, name), _shapes(graph, key, table))]
        if shape not in wanted
    ]
    lacking = f"{len(missing)} of the {len(graph.weights)} arrays of"
    refuse(
        ("E504", f"{source} lacks {lacking} {graph.name}", missing),
        (
            "E505",
            f"{source} holds {len(known.surplus)} that {graph.name} does not have",
            known.surplus,
        ),
        ("E506", f"{source} holds {len(differing)} in another shape than {graph.name}", differing),
    )
    return Placed(graph, table, theirs, known.ignored)


def fitting(known: Assignment, found: Mapping[str, Shape], graph: Graph) -> Placed:
    """Where each array of a file goes that a graph has in its shape; all others go nowhere."""
    theirs = {
        key: name
        for key, name in known.theirs.items()
        if _joined(found, name) in _shapes(graph, key, known.table)
    }
    return Placed(graph, known.table, theirs, known.ignored)


def _joined(found: Mapping[str, Shape], name: str) -> Shape:
    """The shape of an array, or of several joined along their outputs, PyTorch's first axis."""
    pieces = [found[part] for part in name.split(JOINED)]
    if len(pieces) == 1:
        return pieces[0]
    if len({piece[1:] for piece in pieces}) > 1 or not all(pieces):
        return ()
    return (sum(piece[0] for piece in pieces), *pieces[0][1:])


def _shapes(graph: Graph, key: str, table: Table) -> tuple[Shape, ...]:
    node, _, array = key.rpartition("/")
    possible = keras_shapes if table.library == "keras" else shapes
    return tuple(possible(graph, graph.named[node], array))
