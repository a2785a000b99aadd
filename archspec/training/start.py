"""The weights that a run starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from archspec.errors import error
from archspec.graph import Graph
from archspec.weights import RANDOM, keys_of
from archspec.weights import load as load_arrays
from archspec.weights.store import read_fitting


@dataclass(frozen=True)
class First:
    """The weights that a run starts from.

    Args:
        arrays: by key; what is not there starts as its initializer says.
        digest: differs where they do.
        words: where they come from.
    """

    arrays: Mapping[str, NDArray[Any]]
    digest: str
    words: str


def first(source: str | None, graph: Graph, reset: Sequence[str]) -> First:
    """The weights that `--weights` and `--reset` stand for.

    A file may be that of another net: the rows of which it has every array, in the right shape,
    start from it, the others from their initializers.

    Raises:
        SpecError: E501 to E503, the file cannot be read; E508, bad seed; E509, no such row to be
            reset; E722, nothing in the file fits.
    """
    if source is None:
        return First({}, "", "the initializers of the spec")
    if source.startswith(RANDOM):
        return First(load_arrays(source, graph), source, source)
    fresh = keys_of(graph, reset)
    found = {key: value for key, value in read_fitting(source, graph).items() if key not in fresh}
    if not found:
        raise error("E722", f"'{source}' has no weights of a whole row of {graph.name}")
    rows = {node.row: None for node in graph.nodes if graph.weights_of(node)}
    kept = {graph.named[key.rpartition("/")[0]].row for key in found}
    new = [row for row in rows if row not in kept]
    words = f"{source}, {len(kept)} of {len(rows)} rows"
    if new:
        words += f"; new: {', '.join(new)}"
    digest = sha256(Path(source).read_bytes()).hexdigest()
    return First(found, f"{digest} {sorted(fresh)}", words)
