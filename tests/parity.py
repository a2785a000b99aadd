"""One small graph for each way to use an op: every back end must agree with the reference."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import (
    FUNCTIONS,
    Activation,
    Add,
    Attention,
    BatchNorm,
    Blur,
    ChannelAttention,
    ChannelConvolution,
    Concat,
    Convolution,
    Crop,
    DecodeBoxes,
    Dense,
    Dropout,
    DropPath,
    Flatten,
    FourierPositions,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    Level,
    LinearAttention,
    Multiply,
    Op,
    Pad,
    Padding,
    PixelNorm,
    Pool,
    Rescale,
    Resize,
    ResponseNorm,
    Rows,
    Scale,
    SeparableAttention,
    Shape,
    Shuffle,
    Slice,
    Standardize,
    UnitNorm,
)

PADDINGS: tuple[Padding, ...] = ("same", "symmetric", "even", "ceil", "valid")


def chain(image: Shape, *ops: Op) -> Graph:
    """A graph in which each op reads the one before, named by its place."""
    build = GraphBuilder("chain", image)
    value = INPUT
    for place, op in enumerate(ops):
        value = build.add(f"n{place}", op, [value])
    return build.build({"output": value})


def arrays(graph: Graph, seed: int = 0, dtype: str = "float32") -> dict[str, np.ndarray]:
    """Random weights; what divides is positive, and kernels keep the variance of what they read."""
    random = np.random.default_rng(seed)
    drawn = {}
    for key, weight in graph.weights.items():
        name = key.rsplit("/", 1)[1]
        if name in {"gamma", "variance", "moving_variance", "count"}:
            array = random.uniform(0.5, 1.5, weight.shape)
        elif name == "kernel":
            array = random.normal(0, weight.size**-0.5 * weight.shape[-1] ** 0.5, weight.shape)
        else:
            array = random.normal(0, 0.3, weight.shape)
        drawn[key] = np.asarray(array, dtype)
    return drawn


def images(graph: Graph, count: int = 2, seed: int = 1) -> np.ndarray:
    """Random images (count, h, w, c) in float64."""
    return np.random.default_rng(seed).normal(size=(count, *graph.input))


def _convolutions() -> Iterator[tuple[Shape, Op]]:
    for size, stride, padding in product((12, 13), (1, 2, 3), PADDINGS):
        image = (size, size + 2, 6)
        yield image, Convolution((3, 3), stride, padding, channels=4)
        yield image, Convolution((3, 3), stride, padding, channels=6, groups=6)
    for kernel, padding in product(((1, 1), (2, 2), (1, 3), (5, 3), (7, 7), (4, 5)), PADDINGS):
        yield (11, 8, 6), Convolution(kernel, 1, padding, channels=3, bias=True)
        yield (9, 10, 6), Convolution(kernel, 2, padding, channels=6, groups=6)
    for dilation, padding in product((2, 3), PADDINGS):
        yield (13, 15, 4), Convolution((3, 3), 1, padding, dilation, channels=5)
        yield (13, 15, 4), Convolution((3, 2), 1, padding, dilation, channels=4, groups=4)
    for around in (((0, 2), (1, 0)), ((3, 4), (2, 2))):
        yield (9, 8, 4), Convolution((3, 3), 2, around, channels=5)
        yield (9, 8, 4), Convolution((5, 4), 1, around, channels=4, groups=4)
    yield (9, 8, 4), Convolution((3, 3), 1, ((1, 3), (2, 2)), 2, channels=5)
    yield (8, 8, 6), Convolution((3, 3), channels=4, groups=2, bias=True)
    yield (8, 8, 6), Convolution((1, 1), channels=9, groups=3)
    yield (9, 8, 4), Convolution((3, 3), 2, channels=12, groups=4, bias=True)  # multiplier 3
    yield (9, 8, 1), Convolution((3, 3), 1, channels=5)
    yield (1, 1, 7), Convolution((1, 1), channels=3, bias=True)
    yield (2, 3, 4), Convolution((5, 5), 2, channels=4, groups=4)  # larger than the image


def _pools() -> Iterator[tuple[Shape, Op]]:
    for kind, stride, padding in product(("max", "average"), (1, 2, 3), PADDINGS):
        yield (11, 8, 3), Pool((3, 3), stride, padding, type=kind)
    for kind, stride, padding in product(("max", "average"), (1, 2), PADDINGS):
        yield (11, 8, 3), Pool((3, 2), stride, padding, type=kind, count_padding=True)
    for kind, counted in product(("max", "average"), (False, True)):
        around = ((0, 2), (1, 0))
        yield (11, 8, 3), Pool((3, 2), 2, around, type=kind, count_padding=counted)
    for kind in ("max", "average"):
        yield (7, 7, 4), Pool((7, 7), 7, "same", type=kind)
        yield (12, 9, 2), Pool((2, 4), 2, "same", type=kind)
        yield (6, 5, 4), GlobalPool(kind)


def _others() -> Iterator[tuple[Shape, Op]]:
    yield from _pools()
    for function in FUNCTIONS:
        yield (5, 4, 6), Activation(function)
    for slope in (0.3, 0.0, 1.5):
        yield (5, 4, 6), Activation("leaky_relu", slope)
    for image in ((4, 5, 6), (1, 1, 6)):
        yield image, BatchNorm(epsilon=1e-3)
        yield image, BatchNorm(epsilon=0.1)
        yield image, LayerNorm()
        yield image, GroupNorm(groups=2, epsilon=1e-3)
        yield image, Standardize()
        yield image, Flatten()
    yield (4, 5, 6), GroupNorm(groups=6)
    yield (4, 5, 6), GroupNorm(groups=1)
    yield (4, 5, 3), Rescale((1 / 127.5,), (-1.0,))
    yield (4, 5, 3), Rescale((2.0, 3.0, 0.5), (0.1, -0.2, 0.3))
    yield (4, 5, 3), Rescale((2.0, 3.0, 0.5), (0.25,))
    yield (4, 5, 3), Rescale((0.5,))
    yield (4, 5, 3), Rescale(offset=(0.5,))
    yield (4, 5, 3), Rescale()
    yield (4, 5, 6), Slice(1, 4)
    yield (4, 5, 6), Dropout(0.5)
    yield (4, 5, 6), DropPath(0.5)
    yield (4, 5, 6), UnitNorm()
    yield (4, 5, 6), FourierPositions(3, temperature=100.0)
    yield (4, 5, 1), FourierPositions()
    yield (4, 5, 12), LinearAttention(2, epsilon=1e-3)
    yield (4, 5, 9), LinearAttention()
    yield (4, 5, 6), Add()
    yield (4, 5, 6), Concat()


def _channels() -> Iterator[tuple[Shape, Op]]:
    for image, bias, groups in product(((4, 5, 6), (1, 1, 6)), (False, True), (None, 1, 3)):
        yield image, Scale(initial=1e-5, bias=bias, groups=groups)
    for about in ("zero", "mean"):
        yield (4, 5, 6), PixelNorm(epsilon=0.1, about=about)
        yield (1, 1, 6), PixelNorm(about=about)
    yield (4, 5, 6), ResponseNorm()
    yield (4, 5, 6), ResponseNorm(epsilon=0.1)
    for kernel in (1, 3, 5):
        yield (1, 1, 6), ChannelConvolution(kernel)
    yield (1, 1, 2), ChannelConvolution(7)  # longer than there are channels
    for groups in (1, 2, 3, 6):
        yield (4, 5, 6), Shuffle(groups)
    for size, stride in product((2, 3, 4, 5), (1, 2, 3)):
        yield (8, 9, 4), Blur(size, stride)
    yield (5, 5, 1), Blur()
    yield (7, 8, 2), Blur(border="zero")
    yield (4, 5, 3), Pad((1, 2), (0, 3))
    yield (4, 5, 3), Pad((1, 0), (2, 2), value=-0.5)
    yield (4, 5, 3), Pad()
    yield (4, 5, 3), Crop((1, 2), (0, 3))
    yield (4, 5, 3), Crop((1, 0))
    for mode in ("nearest", "bilinear", "align_corners"):
        for size in ((8, 15), (8, 10), (2, 3), (1, 7)):
            yield (4, 5, 3), Resize(mode, size)
        yield (4, 5, 3), Resize(mode, factor=(2, 3))


def _vectors() -> Iterator[tuple[Op, ...]]:
    """What follows a flattened image."""
    for op in (Dense(5), Dense(5, bias=False), Slice(2, 9), BatchNorm(), LayerNorm()):
        yield (op,)
    for function in FUNCTIONS:
        yield (Dense(7), Activation(function))
    yield Dense(6), GroupNorm(groups=3)
    yield Dense(6), Rescale((2.0, 1.0, 3.0, 4.0, 5.0, 6.0), (0.5,))
    yield Dense(6), Standardize()
    yield Dense(6), Scale(bias=True)
    yield Dense(6), Scale(bias=True, groups=1)
    yield Dropout(0.5), Dense(4)
    yield Activation("relu"), Dense(4)
    yield Flatten(), Dense(4)


def _joined() -> Iterator[tuple[str, Graph]]:
    """Ops of several inputs."""
    for name, op in (("add", Add()), ("multiply", Multiply()), ("concat", Concat())):
        build = GraphBuilder(name, (5, 4, 6))
        left = build.add("left", Convolution((3, 3), channels=4), [INPUT])
        right = build.add("right", Convolution((1, 1), channels=4), [INPUT])
        joined = build.add("joined", op, [left, right])
        yield f"{name} of two", build.build({"output": joined})
        build.shapes.pop(build.nodes.pop().name)
        if not isinstance(op, Multiply):
            joined = build.add("joined", op, [left, right, left])
            yield f"{name} of three", build.build({"output": joined})
    build = GraphBuilder("gate", (5, 4, 6))
    gate = build.add("gate", GlobalPool(), [INPUT])
    gate = build.add("sigmoid", Activation("hard_sigmoid"), [gate])
    joined = build.add("joined", Multiply(), [INPUT, gate])
    yield "multiply of an image and a gate", build.build({"output": joined})
    build = GraphBuilder("places", (5, 4, 6))
    places = build.add("places", Convolution((1, 1), channels=1), [INPUT])
    joined = build.add("joined", Multiply(), [INPUT, places])
    yield "multiply of an image and one of its places", build.build({"output": joined})
    for op in (Add(), Multiply(), Concat()):
        build = GraphBuilder("vectors", (2, 2, 3))
        flat = build.add("flat", Flatten(), [INPUT])
        left = build.add("left", Dense(5), [flat])
        right = build.add("right", Dense(5), [flat])
        joined = build.add("joined", op, [left, right])
        yield f"{op} of two vectors", build.build({"output": joined})
        build = GraphBuilder("square", (5, 4, 6))
        joined = build.add("joined", op, [INPUT, INPUT])
        yield f"{op} of a value and itself", build.build({"output": joined})


def _resized() -> Iterator[tuple[str, Graph]]:
    """An image at the size of another one that a pool or a blur makes of it."""
    ways = {
        "half": Convolution((1, 1), 2, channels=3),
        "third": Convolution((2, 2), 3, channels=3),
        "one row": Convolution((6, 1), 5, "valid", channels=3),
        "as it is": Convolution((1, 1), channels=3),
    }
    for (name, way), mode in product(ways.items(), ("nearest", "bilinear", "align_corners")):
        build = GraphBuilder("resized", (6, 8, 4))
        small = build.add("small", way, [INPUT])
        down = build.add("down", Resize(mode), [INPUT, small])
        down = build.add("thin", Convolution((1, 1), channels=3), [down])
        down = build.add("sum", Add(), [down, small])
        up = build.add("up", Resize(mode), [down, INPUT])
        yield f"resize mode={mode} to {name} and back", build.build({"output": up})


def _attentions() -> Iterator[tuple[str, Graph]]:
    """Ops whose inputs are queries, keys and values, each a convolution of the input."""
    image, half = (4, 6, 5), Pool((2, 2), 2, "same", type="average")
    for (heads, patch), keys in product(product((1, 3), (1, 2)), (12, 4)):
        if keys * heads >= 12:  # else keys are neither of all heads nor of one
            yield _attention(image, Attention(heads, patch), 12, keys, 6)
    yield _attention(image, Attention(3), 12, 12, 6, then=half)
    yield _attention(image, Attention(3), 12, 4, 7, then=half)
    yield _attention((4, 8, 5), Attention(2, patch=2), 12, 12, 6, then=half)
    for patch in (1, 2):
        yield _attention(image, SeparableAttention(patch), 1, 7, 7)
    for heads in (1, 3):
        yield _attention(image, ChannelAttention(heads), 6, 6, 6)


def _attention(image: Shape, op: Op, *widths: int, then: Op | None = None) -> tuple[str, Graph]:
    build = GraphBuilder("attention", image)
    names = ("query", "key", "value")
    inputs = [
        build.add(name, Convolution((1, 1), channels=width), [INPUT])
        for name, width in zip(names, widths, strict=True)
    ]
    if then:
        inputs[1:] = [build.add(f"{name}.less", then, [name]) for name in names[1:]]
    joined = build.add("joined", op, inputs)
    text = ", ".join("x".join(map(str, build.shapes[name])) for name in inputs)
    return f"{op} of {text}", build.build({"output": joined})


def _predicted() -> Iterator[tuple[str, Graph]]:
    """Rows of feature maps, and what is made of them."""
    for widths, size in (((4,), 4), ((8,), 4), ((8, 12, 12), 4), ((6, 9), 3)):
        build, maps = GraphBuilder("rows", (5, 6, 3)), list[str]()
        for number, width in enumerate(widths):
            op = Convolution((3, 3), number + 1, channels=width)
            maps.append(build.add(f"map{number}", op, [INPUT]))
        rows = build.add("rows", Rows(size), maps)
        yield f"{Rows(size)} of {len(widths)} maps of {widths[0]}", build.build({"output": rows})
        build.add("scores", Activation("softmax" if maps[1:] else "sigmoid"), [rows])
        some = build.add("some", Slice(1, size), ["scores"])
        yield f"scores of {len(widths)} maps of {widths[0]}", build.build({"output": some})
    levels = Level((5, 6), ((0.3, 0.2), (0.1, 0.6))), Level((3, 3), ((0.9, 0.8),))
    for order, limit in product(("yxhw", "xywh"), (None, 0.1)):
        build = GraphBuilder("boxes", (5, 6, 3))
        maps = [
            build.add("large", Convolution((3, 3), channels=8), [INPUT]),
            build.add("small", Convolution((3, 3), 2, channels=4), [INPUT]),
        ]
        op = DecodeBoxes(levels, order, (0.5, 0.4, 0.3, 0.2), limit)
        boxes = build.add("boxes", op, [build.add("rows", Rows(4), maps)])
        yield f"decode_boxes {order} up to {limit}", build.build({"output": boxes})


def _rows() -> Iterator[tuple[str, Graph]]:
    for image, op in (*_convolutions(), *_others(), *_channels()):
        yield f"{op} of {'x'.join(map(str, image))}", chain(image, op)
    for image, ops in product(((3, 2, 4), (1, 1, 12), (3, 4, 1)), _vectors()):
        text = ", ".join(map(str, ops))
        yield f"flatten, {text} of {'x'.join(map(str, image))}", chain(image, Flatten(), *ops)
    yield from _joined()
    yield from _attentions()
    yield from _resized()
    yield from _predicted()


GRAPHS = dict(_rows())
"""Name → graph of one output, `output`."""
