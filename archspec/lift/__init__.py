"""Keras model files as graphs, without Keras: config and arrays of a `.keras` archive.

The inverse of the Keras back end, for the models that it emits and for those of others.
"""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from archspec.errors import cause, error
from archspec.graph import Graph
from archspec.lift.arrays import read
from archspec.lift.calls import unroll
from archspec.lift.draft import lift_net
from archspec.weights.formats import DAMAGE, FormatError
from archspec.weights.formats.hdf5 import config

__all__ = ["Lifted", "lift"]

LARGEST = 1 << 26
"""Bytes of a config; those of the largest nets have two million."""


@dataclass(frozen=True)
class Lifted:
    """What a model file holds.

    Args:
        graph: its nodes named as the layers are, `outer.inner` in models in models.
        weights: an array for each key of `graph.weights`.
    """

    graph: Graph
    weights: Mapping[str, NDArray[Any]]


def lift(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> Lifted:
    """Read a Keras 3 model file. Nothing in it is evaluated.

    Args:
        path: of a `.keras` archive.
        size: height and width of the images, where the model leaves them open.

    Raises:
        SpecError: E442, the file cannot be read or is no Keras archive; E443, layers that cannot
            be lifted; E444, settings of theirs that our ops cannot say; E445, arrays are missing
            or have other shapes; E446, the size of the images is not known; E447, the model is
            too large, too deep, or reads itself.
    """
    path = Path(path)
    with _intact(path):
        said = json.loads(config(path, LARGEST))
    try:
        graph, sources = lift_net(unroll(said), size)
    except RecursionError as reason:
        raise error("E447", f"what {str(path)!r} says lies in itself too deep") from reason
    with _intact(path):
        return Lifted(graph, read(path, graph, sources))


@contextmanager
def _intact(path: Path) -> Generator[None]:
    """Say what is wrong with a file that is none, or no archive."""
    try:
        with path.open("rb"):
            pass
    except (OSError, ValueError) as reason:
        raise error("E442", f"cannot read {str(path)!r}: {cause(reason)}") from reason
    try:
        yield
    except DAMAGE as reason:
        why = f": {reason}" if isinstance(reason, FormatError) else ""
        raise error("E442", f"{str(path)!r} is no intact Keras 3 archive{why}") from reason
