"""`archspec.compile` and keras.applications, taking turns; prints what they cost as JSON."""  # noqa: INP001

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import archspec
import keras
from measure import Cost, call, in_turns

APPLICATIONS: Mapping[str, Callable[..., Any]] = {
    "mobilenet_v2": keras.applications.MobileNetV2,
    "mobilenet_v3:large": keras.applications.MobileNetV3Large,
    "efficientnet:b0": keras.applications.EfficientNetB0,
}


def main() -> None:
    """Print a list of [spec, application, our costs, their costs] after so many rounds."""
    rounds = int(sys.argv[1])
    found: list[tuple[str, str, list[Cost], list[Cost]]] = []
    for spec, application in APPLICATIONS.items():
        ours = partial(archspec.compile, spec)
        theirs = partial(application, weights=None, classifier_activation=None)
        if drawn(ours()) != drawn(theirs()):
            raise RuntimeError(f"{spec} does not start as keras.applications has it")
        costs = in_turns({"ours": partial(built, ours), "theirs": partial(built, theirs)}, rounds)
        found.append((spec, application.__name__, costs["ours"], costs["theirs"]))
    sys.stdout.write(json.dumps(found))


def built(build: Callable[[], Any]) -> Cost:
    """The cost of building a model, what is left of the one before being cleared away first."""
    keras.utils.clear_session()
    return call(build)


def drawn(model: keras.Model) -> list[tuple[Any, ...]]:
    """What each layer with a kernel draws, and how."""
    return [
        ([tuple(weight.shape) for weight in layer.weights], type(drawing), drawing.get_config())
        for layer in model.layers
        for name in ("kernel_initializer", "depthwise_initializer")
        if (drawing := getattr(layer, name, None)) is not None
    ]


main()
