"""Arrays for a graph: from a file or drawn, by key `node/array`, in Keras layout."""

import re
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from archspec.errors import error
from archspec.graph import Graph
from archspec.weights.random import draw

RANDOM = "random:"


def load(source: str, graph: Graph) -> dict[str, NDArray[Any]]:
    """All arrays of a graph from what `--weights` was given.

    Args:
        source: `random:SEED`, or the path of a weight file.
        graph: what the arrays are for.

    Raises:
        SpecError: E501 to E507, the file cannot be read or does not fit; E508, bad seed.
    """
    if not source.startswith(RANDOM):
        from archspec.weights.store import read  # noqa: PLC0415  h5py takes a tenth of an export

        return read(Path(source), graph)
    seed = source.removeprefix(RANDOM)
    if not re.fullmatch(r"[0-9]{1,18}", seed):
        raise error("E508", f"the seed of {source!r} is no whole number", hint="as in random:0")
    return draw(graph, int(seed))
