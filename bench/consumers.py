"""Measure what other runtimes do with exported files: `python bench/consumers.py` prints a table.

It wants an environment in which archspec, openvino and ai-edge-litert are installed. Each runtime
has one thread and one image; the time is that of the processor, as a share of what ONNX Runtime
takes with the file for any runtime.
"""  # noqa: INP001  scripts, no package

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import onnxruntime
import openvino
from ai_edge_litert.interpreter import Interpreter
from archspec.api import to_graph
from archspec.artifacts import UNTRAINED, arrays
from archspec.backends.onnx import Form
from archspec.backends.reference import Array, Reference, Weights
from archspec.deploy.check import random_images
from archspec.deploy.deviation import difference
from archspec.deploy.export import direct
from archspec.deploy.tflite import export_tflite
from archspec.graph import INPUT, Graph
from measure import call, in_turns, spread

NETS = (
    "mobilenet_v2",
    "mobilenet_v3:large",
    "mobilenet_v4:conv_small",
    "efficientnet:b0",
    "resnet",
)
ROUNDS = 21
RUNS = 5
"""Images one after the other that make a turn."""

Run: TypeAlias = Callable[[Array], Array]
"""Image (1, h, w, c) → the one output."""


class Case(NamedTuple):
    """A model in a runtime."""

    consumer: str
    package: str
    form: str
    run: Run


def main() -> None:
    """Print a line for each net, runtime and form."""
    show("net", "consumer", "form", "largest difference", "time", "quartiles", "one image")
    show(*["---"] * 7)
    for net in NETS:
        for line in measured(net):
            show(*line)


def measured(net: str) -> Iterator[tuple[str, ...]]:
    """The lines of a net."""
    graph = to_graph(net)
    weights = arrays(UNTRAINED, graph)
    images = random_images(graph, weights)
    truth = Reference(graph, weights)(images[:1])["output"]
    cases = list(consumers(graph, weights, images))
    turns = {str(place): partial(turn, case.run, images[:1]) for place, case in enumerate(cases)}
    costs = in_turns(turns, ROUNDS)
    for place, case in enumerate(cases):
        pairs = zip(costs[str(place)], costs["0"], strict=True)
        low, middle, high = spread([mine.cpu / first.cpu for mine, first in pairs])
        gap = difference(case.run(images[:1]), truth)
        consumer = f"{case.consumer} {version(case.package)}"
        takes = f"{median(cost.cpu for cost in costs[str(place)]) / RUNS * 1e3:.1f} ms"
        ratio = f"{middle:.2f}", f"{low:.2f} to {high:.2f}"
        yield f"`{net}`", consumer, case.form, f"{gap:.1e}", *ratio, takes


def turn(run: Run, image: Array) -> Any:  # noqa: ANN401  a Cost
    """What some runs cost."""

    def several() -> None:
        for _ in range(RUNS):
            run(image)

    return call(several)


def consumers(graph: Graph, weights: Weights, images: Array) -> Iterator[Case]:
    """Each runtime with each form that it is given; what the others are compared with first."""
    written = {"ONNX": Form(batch=1), "ONNX, mobile": Form(batch=1, target="mobile")}
    for form, said in written.items():
        data = direct(graph, weights, said).SerializeToString()
        yield Case("ONNX Runtime", "onnxruntime", form, in_onnx_runtime(data))
        yield Case("OpenVINO", "openvino", form, in_openvino(data))
    forms: Mapping[str, Mapping[str, Any]] = {
        "fp32": {},
        "int8": {"images": images},  # random ones: a figure of time, not of what int8 loses
    }
    with TemporaryDirectory() as folder:
        for form, options in forms.items():
            path = Path(folder) / f"{form}.tflite"
            export_tflite(graph, weights, path, precision=form, check=False, **options)
            try:
                yield Case("LiteRT", "ai-edge-litert", f"tflite, {form}", in_litert(path))
            except RuntimeError as reason:
                sys.stderr.write(f"LiteRT refuses {graph.name} in {form}: {reason}\n")


def in_onnx_runtime(data: bytes) -> Run:
    """One thread, all optimizations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda image: session.run(None, {INPUT: channels_first(image)})[0]


def in_openvino(data: bytes) -> Run:
    """One thread, in float32."""
    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(BytesIO(data)), "CPU", options)
    return lambda image: request(channels_first(image))[0]


def in_litert(path: Path) -> Run:
    """One thread, with XNNPACK."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(image: Array) -> Array:
        interpreter.set_tensor(given["index"], image)
        interpreter.invoke()
        return interpreter.get_tensor(found["index"])

    return run


def channels_first(image: Array) -> Array:
    """(1, h, w, c) → (1, c, h, w)."""
    return np.ascontiguousarray(image.transpose(0, 3, 1, 2))


def show(*cells: str) -> None:
    """Print a line of a table in Markdown."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


main()
