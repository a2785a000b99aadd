"""The closed set of operations that a graph is made of: pure data with shape rules."""

from archspec.ops.combine import Add, Concat, Dense, Flatten, Multiply, Slice
from archspec.ops.op import Initializer, Op, Shape, ShapeError, Weight, kind
from archspec.ops.pointwise import (
    FUNCTIONS,
    Activation,
    BatchNorm,
    Dropout,
    DropPath,
    Function,
    GroupNorm,
    LayerNorm,
    Rescale,
    Standardize,
)
from archspec.ops.window import Convolution, GlobalPool, Padding, Pads, Pool, Window, pads

ALL: tuple[type[Op], ...] = (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Dense,
    DropPath,
    Dropout,
    Flatten,
    GlobalPool,
    GroupNorm,
    LayerNorm,
    Multiply,
    Pool,
    Rescale,
    Slice,
    Standardize,
)
"""Every op; a back end has one rule for each."""

__all__ = [
    "ALL",
    "FUNCTIONS",
    "Activation",
    "Add",
    "BatchNorm",
    "Concat",
    "Convolution",
    "Dense",
    "DropPath",
    "Dropout",
    "Flatten",
    "Function",
    "GlobalPool",
    "GroupNorm",
    "Initializer",
    "LayerNorm",
    "Multiply",
    "Op",
    "Padding",
    "Pads",
    "Pool",
    "Rescale",
    "Shape",
    "ShapeError",
    "Slice",
    "Standardize",
    "Weight",
    "Window",
    "kind",
    "pads",
]
