"""A row between others, for blocks that read more than one of them."""

import archspec
import pytest

NET = """
    classes: 3
    stages:
      - {block: conv, channels: 16, kernel: 1}
      - {block: conv, channels: 8, kernel: 1, stride: 2}
    head: [{ROW, name: x}]
"""


@pytest.fixture
def unfolded_of_two(load):
    """Nodes and outputs of a row behind `large`, 32x32x16, and `small`, 16x16x8."""

    def unfolded(row: str) -> list[str]:
        graph = archspec.to_graph(load(NET.replace("ROW", row)))
        lines = [line.strip().replace("head.x.", "") for line in str(graph).splitlines()[2:]]
        names = {"s1.1.conv": "large", "s2.1.conv": "small"}
        for name, short in names.items():
            lines = [line.replace(name, short) for line in lines]
        return [line for line in lines if not line.startswith(("large =", "small ="))]

    return unfolded
