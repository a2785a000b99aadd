"""The proof that a graph computes the same function as a model of keras.applications."""

import json
import logging
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.backends.keras import emit, keras, read_weights, write_weights
from archspec.backends.reference import RULES
from archspec.errors import Span, did_you_mean, error, quoted
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import BatchNorm, Rescale, Shape, ShapeError
from archspec.proof.bounds import FLOAT64
from archspec.weights.foreign import assign, functions, placed
from archspec.weights.random import draw

SEED = 20261122
MANY_VALUES = 1 << 26
"""In a net, for one image: half a gigabyte."""
IMAGENET = "imagenet"
"""Keras loads these weights before they are replaced; some nets have a layer only with them."""
CALL = re.compile(r"(?P<name>\w+)(\((?P<arguments>[^()]*)\))?")
ARGUMENTS: Mapping[str, str] = {
    "alpha": r"[0-7](\.[0-9]+)?",
    "depth_multiplier": "[1-8]",
    "dropout": r"0(\.[0-9]+)?",
    "dropout_rate": r"0(\.[0-9]+)?",
    "include_preprocessing": "True|False",
    "minimalistic": "True|False",
    "weights": IMAGENET,
}
"""What a call may say, and the pattern of its values."""
NEVER = "(?!)"
LOGGER = logging.getLogger("tensorflow")

Size: TypeAlias = tuple[int, int]
"""Height and width of an image."""
# Keras has no types of its own.
Model: TypeAlias = Any
applications: Any = keras.applications
config: Any = keras.config
operations: Any = keras.ops
Conv2D: Any = keras.layers.Conv2D
Normalization: Any = keras.layers.Normalization
Rescaling: Any = keras.layers.Rescaling


@dataclass(frozen=True, slots=True)
class Proof:
    """How far a graph is from another model, with the same arrays and the same images.

    Args:
        function: the call that made the other model.
        differences: of the logits, max|a - b| / std(b), by the size of the images.
    """

    function: str
    differences: Mapping[Size, float]

    @property
    def difference(self) -> float:
        """The largest; NaN if one is."""
        return float(np.max(list(self.differences.values())))

    @property
    def holds(self) -> bool:
        """Whether both compute the same function."""
        return self.difference <= FLOAT64


def prove(graph: Graph, function: str, sizes: Sequence[Size], span: Span | None = None) -> Proof:
    """Compare a graph with a model of keras.applications, both in float64.

    All arrays are random, the statistics of batch norm about right, and they go to the other
    model by name. For each size the graph is inferred anew.

    Args:
        graph: its output `output`, or else its last node, are logits (classes,).
        function: `EfficientNetB0` or `MobileNetV2(alpha=1.0)`; it is read, never evaluated.
        sizes: of the images; with `weights=imagenet` Keras builds only the graph's own.
        span: where the call stands.

    Raises:
        SpecError: E440, `function` is of another kind; E441, Keras refuses it; E504 to E506, the
            arrays of the other model are not those of the graph; E301, a size is too small.
    """
    name, arguments = _parse(function, span)
    height, width, channels = graph.input
    weights = _lively(_resized(graph, (*min(sizes, key=prod), channels)))
    if IMAGENET in arguments.values():
        sizes = [(height, width)]
    differences: dict[Size, float] = {}
    with _float64():
        for size in sizes:
            resized = _resized(graph, (*size, channels))
            try:
                other = _reference(resized, name, arguments)
            except Exception as reason:  # a failed download is no subclass
                message = f"keras.applications refuses {function} at {size}: {reason}"
                raise error("E441", message, span) from reason
            _share(weights, resized, other, name)
            differences[size] = _difference(emit(resized, weights), other, resized)
    return Proof(function, differences)


def _parse(function: str, span: Span | None) -> tuple[str, dict[str, Any]]:
    """The name and the arguments of a call, if the name and every argument are known."""
    call = CALL.fullmatch(function)
    name = call["name"] if call else function
    if not call or name not in functions():
        hint = did_you_mean(name, functions()) or f"known are {', '.join(functions())}"
        raise error("E440", f"cannot compare with {quoted(function)}", span, hint)
    arguments: dict[str, Any] = {}
    for argument in filter(None, (call["arguments"] or "").split(",")):
        word, _, value = (part.strip() for part in argument.partition("="))
        if not re.fullmatch(ARGUMENTS.get(word, NEVER), value):
            message = f"cannot compare with {quoted(function)}: bad {quoted(argument.strip())}"
            hint = "" if word in ARGUMENTS else did_you_mean(word, ARGUMENTS)
            raise error("E440", message, span, hint)
        arguments[word] = value if value == IMAGENET else json.loads(value.lower())
    return name, arguments


def _resized(graph: Graph, image: Shape) -> Graph:
    """The same nodes for images of another size, up to the logits."""
    build = GraphBuilder(graph.name, image)
    for node in graph.nodes:
        try:
            build.add(node.name, node.op, node.inputs, node.row, node.span)
        except ShapeError as reason:
            message = f"{node.name} at {image[0]}x{image[1]}: {reason}"
            raise error("E301", message, node.span) from reason
    return build.build({"output": graph.outputs.get("output", graph.nodes[-1].name)})


def _lively(graph: Graph) -> dict[str, NDArray[Any]]:
    """Random arrays with which every activation sees small values and large ones.

    Without that the cap of a ReLU6 might never be reached, and a net without it would pass. So
    the statistics of batch norm are about those of the net's own values, as after training, and
    its factors go from 1 to 3.
    """
    weights = draw(graph, SEED)
    values = {INPUT: _images(graph)}
    last_reader = {name: node for node in graph.nodes for name in node.inputs}
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        own = {name: weights[f"{node.name}/{name}"] for name in graph.weights_of(node)}
        # What is changed in place here is what is returned.
        if isinstance(node.op, BatchNorm):
            axes = tuple(range(inputs[0].ndim - 1))
            own["gamma"] *= 2
            own["moving_mean"] += inputs[0].mean(axes)
            own["moving_variance"] *= inputs[0].var(axes)
        values[node.name] = RULES[type(node.op)](node.op, inputs, own)
        for name in set(node.inputs):
            if last_reader[name] is node:
                del values[name]
    return weights


def _reference(graph: Graph, name: str, arguments: Mapping[str, Any]) -> Model:
    """The model of keras.applications for the images and classes of a graph, without softmax."""
    model = getattr(applications, name)(
        **{"weights": None, **arguments},
        classifier_activation=None,
        input_shape=graph.input,
        classes=graph.shapes[graph.outputs["output"]][-1],
    )
    for layer in model.layers:
        _adjust(layer)
    return model


def _adjust(layer: Any) -> None:  # noqa: ANN401  Keras has no types
    """Have a layer compute the same with constants of all digits and in reasonable time.

    Python's numbers would be rounded to float32. A convolution with groups TensorFlow compiles on
    a processor, and what comes of that takes a hundred times as long as a depthwise one.
    """
    if isinstance(layer, Rescaling):
        layer.scale = np.float64(layer.scale)
    if isinstance(layer, Normalization) and layer.input_mean is not None:
        layer.mean = np.reshape(np.float64(layer.input_mean), layer.mean.shape)
        layer.variance = np.reshape(np.float64(layer.input_variance), layer.mean.shape)
    if isinstance(layer, Conv2D) and layer.kernel.shape[2] == 1 < layer.groups == layer.filters:

        def depthwise(images: object, kernel: object) -> object:
            filters = operations.transpose(kernel, (0, 1, 3, 2))  # one input channel a group
            how = {"dilation_rate": layer.dilation_rate, "data_format": layer.data_format}
            return operations.depthwise_conv(images, filters, layer.strides, layer.padding, **how)

        layer.convolution_op = depthwise


def _share(weights: Mapping[str, NDArray[Any]], graph: Graph, other: Model, name: str) -> None:
    """Give the arrays of a graph to the other model, if they are all that it has."""
    theirs = read_weights(other)
    shapes = {key: array.shape for key, array in theirs.items()}
    known = assign(shapes, graph, [functions()[name]])
    found = placed(known, shapes, graph, name)
    write_weights(
        other, {key: weights[ours].reshape(shapes[key]) for ours, key in found.theirs.items()}
    )


def _images(graph: Graph) -> NDArray[np.float64]:
    """Two images, of pixels from 0 to 255 where the graph begins by rescaling them."""
    generator = np.random.default_rng(SEED)
    if any(isinstance(node.op, Rescale) for node in graph.readers[INPUT]):
        return generator.uniform(0, 255, (2, *graph.input))
    return generator.standard_normal((2, *graph.input))


def _difference(ours: Model, theirs: Model, graph: Graph) -> float:
    """max|a - b| / std(b) of the logits."""
    a, b = (_logits(model, graph) for model in (ours, theirs))
    with np.errstate(all="ignore"):  # whatever comes of numbers too large is no proof
        return float(np.abs(a - b).max() / b.std()) if a.shape == b.shape else inf


def _logits(model: Model, graph: Graph) -> NDArray[np.float64]:
    """What a model makes of the images for a graph.

    A call keeps every value until it ends, 16 GB for EfficientNet-B7; a compiled function does
    not, but takes a second more to begin.
    """
    if sum(prod(node.shape) for node in graph.nodes) < MANY_VALUES:
        return np.array(model(_images(graph)))
    model.jit_compile = False
    return model.predict_on_batch(_images(graph))


@contextmanager
def _float64() -> Generator[None]:
    """Have Keras compute in float64 whatever is built inside, and keep TensorFlow's advice back."""
    before, advice = (config.floatx(), config.dtype_policy()), LOGGER.level
    LOGGER.setLevel(logging.ERROR)
    config.set_floatx("float64")
    config.set_dtype_policy("float64")
    try:
        yield
    finally:
        LOGGER.setLevel(advice)
        config.set_floatx(before[0])
        config.set_dtype_policy(before[1])
