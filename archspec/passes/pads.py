"""Merge pads into the windows that read them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from archspec.graph import Graph
from archspec.passes.structure.pads import padded

Weights: TypeAlias = Mapping[str, NDArray[Any]]


def pads(graph: Graph, weights: Weights, *, any_size: bool = False) -> tuple[Graph, Weights]:
    """Let each convolution or pool pad by itself what a Pad before it pads.

    Zeros go into a convolution, and into a mean that counts what is padded; zeros around what is
    never negative, and minus infinity, into a maximum.

    Requires: nothing.
    Ensures: a Pad is left only where it is read twice or is an output itself; where its value is
        neither zero nor, before a maximum, minus infinity; where a pool pads in another way, or
        a maximum has a window of nothing but padding; before a window that pads by the size of
        the image, if that may be any; and before other ops. The window keeps its name; outputs are
        the same, weights are untouched.

    Args:
        graph: to change.
        weights: its arrays.
        any_size: whether outputs must be the same for images of every size.
    """
    return padded(graph, any_size=any_size), weights
