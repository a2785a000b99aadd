"""One small graph for each way to use an op: every back end must agree with the reference."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import (
    FUNCTIONS,
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Dense,
    Dropout,
    DropPath,
    Flatten,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    Multiply,
    Op,
    Padding,
    Pool,
    Rescale,
    Shape,
    Slice,
    Standardize,
)

PADDINGS: tuple[Padding, ...] = ("same", "symmetric", "even", "valid")


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
    yield (8, 8, 6), Convolution((3, 3), channels=4, groups=2, bias=True)
    yield (8, 8, 6), Convolution((1, 1), channels=9, groups=3)
    yield (9, 8, 4), Convolution((3, 3), 2, channels=12, groups=4, bias=True)  # multiplier 3
    yield (9, 8, 1), Convolution((3, 3), 1, channels=5)
    yield (1, 1, 7), Convolution((1, 1), channels=3, bias=True)
    yield (2, 3, 4), Convolution((5, 5), 2, channels=4, groups=4)  # larger than the image


def _others() -> Iterator[tuple[Shape, Op]]:
    for kind, stride, padding in product(("max", "average"), (1, 2, 3), PADDINGS):
        yield (11, 8, 3), Pool((3, 3), stride, padding, type=kind)
    for kind in ("max", "average"):
        yield (7, 7, 4), Pool((7, 7), 7, "same", type=kind)
        yield (12, 9, 2), Pool((2, 4), 2, "same", type=kind)
        yield (6, 5, 4), GlobalPool(kind)
    for function in FUNCTIONS:
        yield (5, 4, 6), Activation(function)
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
    yield (4, 5, 6), Add()
    yield (4, 5, 6), Concat()


def _vectors() -> Iterator[tuple[Op, ...]]:
    """What follows a flattened image."""
    for op in (Dense(5), Dense(5, bias=False), Slice(2, 9), BatchNorm(), LayerNorm()):
        yield (op,)
    for function in FUNCTIONS:
        yield (Dense(7), Activation(function))
    yield Dense(6), GroupNorm(groups=3)
    yield Dense(6), Rescale((2.0, 1.0, 3.0, 4.0, 5.0, 6.0), (0.5,))
    yield Dense(6), Standardize()
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


def _rows() -> Iterator[tuple[str, Graph]]:
    for image, op in (*_convolutions(), *_others()):
        yield f"{op} of {'x'.join(map(str, image))}", chain(image, op)
    for image, ops in product(((3, 2, 4), (1, 1, 12), (3, 4, 1)), _vectors()):
        text = ", ".join(map(str, ops))
        yield f"flatten, {text} of {'x'.join(map(str, image))}", chain(image, Flatten(), *ops)
    yield from _joined()


GRAPHS = dict(_rows())
"""Name → graph of one output, `output`."""
