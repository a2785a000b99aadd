"""Keras models with random arrays, saved by Keras, and what is lifted from the files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from zipfile import ZipFile

import numpy as np
from archspec.backends.reference import Reference
from archspec.deploy.check import check
from archspec.deploy.export import direct
from archspec.lift import Lifted, lift


@contextmanager
def in_float64():
    """Have Keras build what computes, and is saved, in float64."""
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        keras.utils.clear_session()


def layers(model) -> Iterator:
    """The layers of a model and of those in it."""
    for layer in model.layers:
        yield from layers(layer) if hasattr(layer, "layers") else [layer]


def randomise(model, seed: int = 0):
    """The same model with arrays of which each matters; statistics are positive."""
    random = np.random.default_rng(seed)
    for layer in layers(model):
        for variable in layer.weights:
            shape = variable.shape
            if variable.name in {"gamma", "moving_variance", "variance"}:
                array = random.uniform(0.5, 1.5, shape)
            elif "kernel" in variable.name:
                fan = np.prod(shape[:2] if "depthwise" in variable.name else shape[:-1])
                array = random.normal(0, (2 / fan) ** 0.5, shape)
            elif variable.dtype.startswith("float"):
                array = random.normal(0, 0.2, shape)
            else:
                continue
            variable.assign(array)
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()  # it computes with constants made from its arrays
    return model


def lifted(model, folder, size=None) -> Lifted:
    """What is lifted from the file that Keras saves a model as."""
    path = folder / "model.keras"
    model.save(path)
    return lift(path, size)


def gap(model, found: Lifted) -> float:
    """max|a - b| / std(b) of the outputs of a graph and of the model, in float64."""
    from archspec.proof.applications import _adjust

    for layer in layers(model):
        _adjust(layer)  # constants that Keras rounds to float32
    images = np.random.default_rng(1).normal(size=(2, *found.graph.input))
    ours = Reference(found.graph, found.weights, "float64")(images)
    theirs = model(images, training=False)
    if not isinstance(theirs, dict):
        values = theirs if isinstance(theirs, list | tuple) else [theirs]
        theirs = dict(zip(ours, values, strict=True))
    assert ours.keys() == theirs.keys()
    gaps = []
    for name, value in theirs.items():
        array = np.array(value)
        assert ours[name].shape == array.shape
        gaps.append(np.abs(ours[name] - array).max() / (array.std() or 1))
    return max(gaps)


def check_onnx(found: Lifted) -> None:
    """Have ONNX Runtime agree with the reference, the graph having gone through all passes."""
    weights = {key: array.astype(np.float32) for key, array in found.weights.items()}
    agreement = check(direct(found.graph, weights), found.graph, weights)
    assert agreement.difference <= agreement.bound


def rewrite(source, target, change) -> None:
    """Copy an archive, its config changed in place by `change`, or replaced by what that gives."""
    with ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config = change(config) or config
    members["config.json"] = json.dumps(config).encode()
    whole = BytesIO()
    with ZipFile(whole, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    target.write_bytes(whole.getvalue())
