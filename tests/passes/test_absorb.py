import numpy as np
import pytest
from archspec.backends.reference import emit
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import Activation, Convolution, Rescale
from archspec.passes.absorb import absorb
from tests.parity import arrays, chain, images


@pytest.mark.parametrize(
    "convolution",
    [
        Convolution((3, 3), 2, channels=8),
        Convolution((3, 3), channels=8, groups=2),
        Convolution((3, 3), channels=8, groups=4),  # depthwise, two filters each
    ],
)
@pytest.mark.parametrize("scale", [(0.5,), (0.5, -1.0, 2.0, 3.0)])
def test_the_factor_goes_into_the_kernel_and_the_offset_stays(convolution, scale):
    graph = chain((5, 6, 4), Rescale(scale, (0.25, 1.0, -1.0, 0.0)), convolution)
    weights = arrays(graph, dtype="float64")
    small, fewer = absorb(graph, weights)
    assert [node.name for node in small.nodes] == ["n0.shift", "n1"]
    (shift, _) = small.nodes
    assert shift.op.scale == (1.0,)
    expected = emit(graph, weights, "float64")(images(graph))["output"]
    actual = emit(small, fewer, "float64")(images(graph))["output"]
    assert np.abs(actual - expected).max() <= 1e-12 * expected.std()


def test_a_rescaling_that_does_not_shift_is_gone():
    graph = chain((4, 4, 3), Rescale((1 / 255,)), Convolution((3, 3)))
    small, _ = absorb(graph, arrays(graph))
    assert [(node.name, node.inputs) for node in small.nodes] == [("n1", (INPUT,))]


def test_what_others_read_what_is_0_and_what_no_convolution_reads_stays():
    build = GraphBuilder("net", (4, 4, 3))
    both = build.add("both", Rescale((2.0,)), [INPUT])
    build.add("first", Convolution((1, 1)), [both])
    zero = build.add("zero", Rescale((0.0, 1.0, 2.0)), [both])
    last = build.add("last", Convolution((1, 1)), [zero])
    act = build.add("act", Activation("relu"), [build.add("other", Rescale((2.0,)), [last])])
    graph = build.build({"a": "first", "b": act})
    weights = arrays(graph)
    assert absorb(graph, weights) == (graph, weights)
