"""A net that every pass has something to do with, and how to look at an ONNX model."""

from archspec.errors import Source, Span
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import (
    Activation,
    Add,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalPool,
    Multiply,
    Rescale,
    Standardize,
)


def net() -> Graph:
    """Every kind of node that a pass takes out."""
    build = GraphBuilder("net", (8, 9, 3))
    value = build.add("scale", Rescale((1 / 127.5,), (-1.0,)), [INPUT])
    value = build.add("standard", Standardize(), [value])
    value = build.add("stem.conv", Convolution((3, 3), 2, channels=4), [value])
    skip = build.add("stem.norm", BatchNorm(), [value])
    value = build.add("stem.act", Activation("relu6"), [skip])
    span = Span(Source("net.yaml", "stages:\n  - {block: conv}\n"), 2, 5, 2, 18)
    depthwise = Convolution((3, 3), channels=4, groups=4)
    value = build.add("s1.conv", depthwise, [value], span=span)
    value = build.add("s1.norm", BatchNorm(), [value], span=span)
    value = build.add("s1.drop", Dropout(0.2), [value])
    value = build.add("s1.add", Add(), [skip, value])
    value = build.add("pool", GlobalPool(), [value])
    value = build.add("flat", Flatten(), [value])
    value = build.add("drop", Dropout(0.2), [value])
    value = build.add("logits", Dense(5), [value])
    return build.build({"logits": value, "features": "s1.add"})


def chaos() -> Graph:
    """x → 4 x (1 - x) over and over, which doubles each difference each time."""
    build = GraphBuilder("chaos", (4, 4, 64))
    value = build.add("conv", Convolution((1, 1), channels=4), [INPUT])
    value = build.add("sigmoid", Activation("sigmoid"), [value])
    for turn in range(30):
        other = build.add(f"t{turn}.other", Rescale((-4.0,), (4.0,)), [value])
        value = build.add(f"t{turn}.times", Multiply(), [value, other])
    return build.build({"output": value})


def names() -> Graph:
    """Outputs that share a node, and one that is called like another node."""
    build = GraphBuilder("names", (4, 4, 3))
    first = build.add("first", Convolution((3, 3), channels=4), [INPUT])
    second = build.add("second", Activation("tanh"), [first])
    pooled = build.add("pooled", GlobalPool(), [second])
    flat = build.add("flat", Flatten(), [pooled])
    build.add("output", Dense(2), [flat])
    return build.build({"second": "first", "output": "output", "twice": "output"})


def shapes(infos) -> dict[str, list[int | str]]:
    return {
        info.name: [
            dimension.dim_param or dimension.dim_value
            for dimension in info.type.tensor_type.shape.dim
        ]
        for info in infos
    }
