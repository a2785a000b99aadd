"""Whether arrays are those of a graph: each of them, no others, of its shapes, and numbers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.errors import Diagnostic, SpecError, quoted
from archspec.graph import Graph
from archspec.ops import Shape

SHOWN = 10
"""So many keys a message names; the rest it counts."""
LONGEST = 400
"""Characters of a key that are shown; longer ones no net has."""


def fit(
    arrays: Mapping[str, NDArray[Any]], graph: Graph, source: str = "the mapping"
) -> dict[str, NDArray[Any]]:
    """Arrays that are exactly those of a graph, in its order, as float32 or float64.

    Args:
        arrays: by key, of any numeric type; 64 bits stay, all else becomes float32.
        graph: what the arrays are for.
        source: what messages call the lot of them, a path as the user gave it.

    Raises:
        SpecError: E504 to E506, as `check_shapes`; E507, there is NaN, infinity or no number.
    """
    check_shapes({key: np.shape(array) for key, array in arrays.items()}, graph, source)
    return finite({key: arrays[key] for key in graph.weights}, source)


def finite(arrays: Mapping[str, NDArray[Any]], source: str) -> dict[str, NDArray[Any]]:
    """Arrays as float32 or float64, if they are numbers.

    Raises:
        SpecError: E507, there is NaN, infinity or no number.
    """
    found = {key: _floating(np.asarray(array)) for key, array in arrays.items()}
    broken = [key for key, array in found.items() if not np.isfinite(array).all()]
    where = f"{len(broken)} of its {len(found)} arrays"
    refuse(("E507", f"{source} holds what is no finite number in {where}", broken))
    return found


def check_shapes(
    found: Mapping[str, Shape], graph: Graph, source: str, reset: Collection[str] = ()
) -> None:
    """Refuse arrays that are not exactly those of a graph less those of `reset`, by their shapes.

    Raises:
        SpecError: E504, arrays are missing; E505, others are there; E506, shapes differ.
    """
    wanted = {key: weight.shape for key, weight in graph.weights.items()}
    missing = [key for key in wanted if key not in found and key not in reset]
    surplus = [key for key in found if key not in wanted]
    differing = [
        f"{key} is {list(found[key])} and not {list(shape)}"
        for key, shape in wanted.items()
        if found.get(key, shape) != shape
    ]
    total = f"{len(missing)} of the {len(wanted)} arrays of"
    refuse(
        ("E504", f"{source} lacks {total} {graph.name}", missing),
        ("E505", f"{source} holds {len(surplus)} that {graph.name} does not have", surplus),
        ("E506", f"{source} holds {len(differing)} in another shape than {graph.name}", differing),
    )


def _floating(array: NDArray[Any]) -> NDArray[Any]:
    kind, size = array.dtype.kind, array.dtype.itemsize
    try:
        return array.astype(np.float64 if kind == "f" and size > 4 else np.float32, copy=False)  # noqa: PLR2004
    except (TypeError, ValueError):
        return np.full(array.shape, np.nan)


def refuse(*problems: tuple[str, str, Sequence[str]]) -> None:
    """Raise one error of all problems (code, message, culprits) that have a culprit."""
    found = [
        Diagnostic(code, f"{message}: {listed(culprits)}", None)
        for code, message, culprits in problems
        if culprits
    ]
    if found:
        raise SpecError(found)


def listed(culprits: Sequence[str]) -> str:
    """Names as a message shows them, the first of many."""
    rest = len(culprits) - SHOWN
    shown = (name if _is_plain(name) else quoted(name) for name in culprits[:SHOWN])
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _is_plain(name: str) -> bool:
    return name.isprintable() and len(name) <= LONGEST
