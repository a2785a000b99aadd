"""The blur by itself."""

import pytest


@pytest.mark.parametrize(
    ("said", "node"),
    [
        ("", "head.x = blur (in) : 16x16x16"),
        (", size: 5, stride: 1", "head.x = blur size=5 stride=1 (in) : 32x32x16"),
    ],
)
def test_it_is_one_op(said, node, unfolded):
    assert unfolded(f"block: blur{said}") == [node]
