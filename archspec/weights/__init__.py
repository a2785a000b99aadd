"""Arrays for a graph: from a file or drawn, by key `node/array`, in Keras layout."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from archspec.errors import did_you_mean, error
from archspec.graph import Graph
from archspec.weights.random import draw

if TYPE_CHECKING:
    from archspec.weights.store import Loaded

RANDOM = "random:"
FRESH = 0
"""The seed of what is drawn anew."""


def load(
    source: str, graph: Graph, reset: Sequence[str] = ()
) -> "Loaded | dict[str, NDArray[Any]]":
    """All arrays of a graph from what `--weights` was given.

    Args:
        source: `random:SEED`, or the path of a weight file.
        graph: what the arrays are for.
        reset: rows whose arrays are drawn anew, whatever the file has for them.

    Raises:
        SpecError: E501 to E507, the file cannot be read or does not fit; E508, bad seed;
            E509, there is no such row.
    """
    if not source.startswith(RANDOM):
        from archspec.weights.store import read  # noqa: PLC0415  h5py takes a tenth of an export

        return read(Path(source), graph, redrawn(graph, reset))
    seed = source.removeprefix(RANDOM)
    if not re.fullmatch(r"[0-9]{1,18}", seed):
        raise error("E508", f"the seed of {source!r} is no whole number", hint="as in random:0")
    return draw(graph, int(seed))


def keys_of(graph: Graph, rows: Sequence[str]) -> frozenset[str]:
    """The keys of all arrays of some rows, `head.classifier` or `classifier`.

    Raises:
        SpecError: E509, there is no such row, or it has no arrays.
    """
    known = {
        node.row: node.row.rpartition(".")[2] for node in graph.nodes if graph.weights_of(node)
    }
    for name in rows:
        if name not in known and name not in known.values():
            hint = did_you_mean(name, {*known, *known.values()})
            raise error("E509", f"no row '{name}' of {graph.name} has weights", hint=hint)
    chosen = {path for path, name in known.items() if {path, name} & set(rows)}
    return frozenset(
        f"{node.name}/{array}"
        for node in graph.nodes
        if node.row in chosen
        for array in graph.weights_of(node)
    )


def redrawn(graph: Graph, rows: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """The arrays of some rows, drawn as `random:0` draws them.

    Raises:
        SpecError: E509, there is no such row, or it has no arrays.
    """
    keys = keys_of(graph, rows)
    fresh = draw(graph, FRESH) if keys else {}
    return {key: fresh[key] for key in graph.weights if key in keys}
