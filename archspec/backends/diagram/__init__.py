"""Graph → a picture of it, SVG: rows as bands, blocks in them, their parts, skips and branches."""

from archspec.backends.diagram.drawing import draw
from archspec.backends.diagram.flow import arrange
from archspec.graph import Graph

__all__ = ["emit"]


def emit(graph: Graph) -> str:
    """An SVG that stands alone: no script, nothing loaded, light or dark as its reader has it.

    What has the name of one part is one box; equal neighbors are drawn once, with their number. A
    value that comes from further away than the block before is named where it is read. The same
    graph gives the same bytes.
    """
    return draw(graph, arrange(graph))
