"""Variants of MobileNetV2, built and counted in Keras: `keras_sweep.py VARIANTS`, as JSON."""  # noqa: INP001

import json
import sys
from time import perf_counter

import archspec
import keras


def main() -> None:
    """Print how long it takes, and what is counted."""
    specs = [archspec.load("mobilenet_v2", set=said) for said in json.loads(sys.argv[-1])]
    archspec.compile(specs[0])  # what is done once for all
    began = perf_counter()
    params: list[int] = []
    for spec in specs:
        keras.utils.clear_session()
        model = archspec.compile(spec)
        params.append(
            sum(weight.size for weight in map(keras.ops.convert_to_numpy, model.trainable_weights))
        )
    found = {"seconds": perf_counter() - began, "params": params}
    sys.stdout.write(json.dumps(found))


main()
