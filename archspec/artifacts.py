"""What is made of a spec with Keras, and what gives it weights."""

import os
from collections.abc import Mapping, Sequence
from reprlib import repr as brief
from typing import TYPE_CHECKING, TypeAlias

from archspec.api import Blocks, Path, Reference, to_graph
from archspec.backends import framework
from archspec.graph import Graph

if TYPE_CHECKING:
    import keras
    import numpy as np

    from archspec.weights.store import Loaded

Weights: TypeAlias = "Path | Mapping[str, np.ndarray] | keras.Model"
"""`random:SEED`, a weight file of any kind, arrays by key, or a Keras model."""

UNTRAINED = "random:0"


def compile(  # noqa: A001  the word of the field
    spec: Reference,
    *,
    weights: "Weights | None" = None,
    reset: Sequence[str] = (),
    deploy: bool = False,
    blocks: Blocks | None = None,
) -> "keras.Model":
    """A `keras.Model` of stock layers, trainable unless it is to be deployed.

    Args:
        spec: what to build.
        weights: what it starts with; None for the spec's initializers.
        reset: rows that start with the spec's initializers whatever the file has: `classifier`.
        deploy: whether it goes through the passes of a deployed model: dropout is gone, batch norm
            is folded, parallel convolutions are one.
        blocks: as in `load`; a loaded spec has them already.

    Raises:
        SpecError: the spec is wrong; E5xx, the weights do not fit it.
    """
    with framework("a Keras model"):
        from archspec.backends import keras as backend  # noqa: PLC0415

    net = to_graph(spec, blocks=blocks)
    model = _trainable(net, weights, reset)
    if not deploy:
        return model
    from archspec.passes.pipeline import deployed  # noqa: PLC0415

    return backend.emit(*deployed(net, backend.read_weights(model)))


def _trainable(net: Graph, weights: "Weights | None", reset: Sequence[str]) -> "keras.Model":
    from archspec.backends import keras as backend  # noqa: PLC0415

    if weights is None:
        return backend.emit(net)
    from archspec.weights import keys_of  # noqa: PLC0415

    found, initial = arrays(weights, net, reset), keys_of(net, reset)
    model = backend.emit(net)
    own = backend.read_weights(model) if initial else {}
    backend.write_weights(model, {**found, **{key: own[key] for key in initial}})
    return model


def save(
    spec: Reference,
    path: Path,
    weights: "Weights | None" = None,
    *,
    reset: Sequence[str] = (),
    deploy: bool = False,
    blocks: Blocks | None = None,
) -> "keras.Model":
    """Build the Keras model and write it; it is given back.

    `.keras` is all of it, `.safetensors` the weights alone, a folder a SavedModel.

    Raises:
        SpecError: as `compile`; E4xx, the file cannot be written or is of no known kind.
    """
    with framework("a Keras model"):
        from archspec.backends import keras as backend  # noqa: PLC0415

    model = compile(spec, weights=weights, reset=reset, deploy=deploy, blocks=blocks)
    backend.save(model, path)
    return model


def load_weights(
    spec: Reference, path: Path, *, reset: Sequence[str] = (), blocks: Blocks | None = None
) -> "Loaded":
    """The arrays of a spec by key, from a file of any kind, and where each comes from.

    Args:
        spec: what the arrays are for.
        path: a .safetensors, .keras, .weights.h5, .h5, .pth or .pt file with the names of archspec,
            timm, torchvision or keras.applications.
        reset: rows whose arrays are drawn anew, and need not be in the file: `classifier`.
        blocks: as in `load`; a loaded spec has them already.

    Returns:
        a mapping from `node/array` to arrays in Keras layout, with an attribute `coverage`.

    Raises:
        SpecError: E501 to E507, the file does not fit; E509, there is no such row.
    """
    from archspec.weights import redrawn  # noqa: PLC0415
    from archspec.weights.store import read  # noqa: PLC0415

    net = to_graph(spec, blocks=blocks)
    return read(path, net, redrawn(net, reset))


def arrays(weights: Weights, net: Graph, reset: Sequence[str] = ()) -> "Mapping[str, np.ndarray]":
    """The arrays of a graph by key, wherever they come from, those of the rows `reset` drawn anew.

    Raises:
        SpecError: E5xx, a file that cannot be read, arrays that are missing, surplus or misshapen.
        TypeError: it is nothing that has weights.
    """
    from archspec.weights import load as load_arrays  # noqa: PLC0415
    from archspec.weights import redrawn  # noqa: PLC0415
    from archspec.weights.fit import fit  # noqa: PLC0415

    if isinstance(weights, str | os.PathLike):
        return load_arrays(os.fspath(weights), net, reset)
    if isinstance(weights, Mapping):
        return fit({**weights, **redrawn(net, reset)}, net)
    if not hasattr(weights, "layers"):
        wanted = "a file, random:SEED, arrays by key, or a Keras model"
        raise TypeError(f"weights are {brief(weights)}; wanted: {wanted}")
    from archspec.backends.keras import read_weights  # noqa: PLC0415

    return fit({**read_weights(weights), **redrawn(net, reset)}, net, "the model")
