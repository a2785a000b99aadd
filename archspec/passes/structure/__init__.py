"""What the passes do to a graph, whatever its arrays hold: graph in, graph out, without numpy."""

from archspec.graph import Graph
from archspec.passes.structure.absorb import absorbed
from archspec.passes.structure.collapse import collapsed
from archspec.passes.structure.gates import gated
from archspec.passes.structure.merge import merged
from archspec.passes.structure.pads import padded
from archspec.passes.structure.prune import pruned


def deployed(graph: Graph, *, any_size: bool = False) -> Graph:
    """The graph that `passes.pipeline.deployed` gives, whatever the arrays.

    Requires: nothing.
    Ensures: the same nodes and outputs. A factor or an offset that is computed from the statistics
        of a Standardize is NaN here, and taken to be neither 0 nor 1.

    Args:
        graph: as it was lowered.
        any_size: whether outputs must be equal for images of every size.
    """
    graph = padded(pruned(graph), any_size=any_size)
    for step in collapsed(graph, any_size=any_size):
        graph = step.graph
    return absorbed(merged(gated(graph))).graph
