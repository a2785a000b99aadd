"""A Keras model from outside: a function of images, and its layers as they are called."""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple, TypeAlias

from archspec.errors import error

# Keras has no types of its own.
Layer: TypeAlias = Any
Model: TypeAlias = Any
Tensor: TypeAlias = Any
Hear: TypeAlias = Callable[[str, Tensor], Tensor]
"""Path of a layer and what it computed → what to go on with."""

_IMAGE = 3  # height, width, channels
_PATH = "/"


class Size(NamedTuple):
    """Height, width and channels of the images that a model takes; none where any goes."""

    height: int | None
    width: int | None
    channels: int


@dataclass(frozen=True)
class Net:
    """A Keras model as a function of images.

    Args:
        model: functional, Sequential, or a class of its own.
        size: of the images that it takes.
        order: of the outputs by name, where it is not the model's.
    """

    model: Model
    size: Size
    order: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The model's own name."""
        return self.model.name

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """What the model makes of images (batch, h, w, c), by name.

        The names are the keys of a dict, else those that Keras has for several outputs; `output`
        is an only one.
        """
        from archspec.backends.keras import keras  # noqa: PLC0415

        tree: Any = keras.tree
        given = getattr(self.model, "input", images) if self._is_graph() else images
        results = self.model(tree.pack_sequence_as(given, [images]), training=False)
        found = tree.flatten_with_path(results)
        values = [value for _, value in found]
        named = [_PATH.join(map(str, path)) for path, _ in found]
        if not isinstance(results, Mapping):
            named = self._names(len(values))
        outputs = dict(zip(named, values, strict=True))
        return {name: outputs[name] for name in self.order or outputs}

    def _names(self, count: int) -> Sequence[str]:
        if count == 1:
            return ["output"]
        names = list(getattr(self.model, "output_names", ()))
        is_fit = len(set(names)) == len(names) == count
        return names if is_fit else [f"output_{place}" for place in range(count)]

    def _is_graph(self) -> bool:
        return bool(getattr(self.model, "inputs", None))

    @contextmanager
    def hearing(self, hear: Hear) -> Generator[None]:
        """While it lasts, `hear` is called with the result of each layer, in the order of calls.

        The path of a layer is its name behind those of the layers around it, without the model:
        `backbone/stem`. The second call of a shared layer is `stem#2`.
        """
        around: list[str] = []
        calls: Counter[str] = Counter()

        def heard(layer: Layer) -> Callable[..., Tensor]:
            call = layer.call

            @wraps(call)
            def wrapped(*args: object, **kwargs: object) -> Tensor:
                path = _PATH.join([*around[-1:], layer.name])
                calls[path] += 1
                path = path if calls[path] == 1 else f"{path}#{calls[path]}"
                around.append(path)
                try:
                    return hear(path, call(*args, **kwargs))
                finally:
                    around.pop()

            return wrapped

        layers = self.layers()
        for layer in layers:
            object.__setattr__(layer, "call", heard(layer))
        try:
            yield
        finally:
            for layer in layers:
                object.__delattr__(layer, "call")

    def layers(self) -> Sequence[Layer]:
        """All layers inside the model, each once, layers of layers too."""
        return self.model._flatten_layers(include_self=False)  # noqa: SLF001  nothing else has all


def size_of(model: Model, size: Sequence[int] | None) -> Size:
    """What images a model takes; `size`, (h, w) or (h, w, c), fills in what it leaves open.

    Raises:
        SpecError: E434, it takes something else than one image, or not such images.
    """
    shape = _shape(model)
    if shape is None:
        if size is None:
            message = f"model '{model.name}' does not say what images it takes"
            raise error("E434", message, hint="give their size")
        shape = (None, None, size[2] if len(size) == _IMAGE else _IMAGE)
    if len(shape) != _IMAGE or shape[2] is None:
        raise error("E434", f"model '{model.name}' takes {_text(shape)}, not an image (h, w, c)")
    given = (*size, *shape[len(size) :]) if size else shape
    if any(own not in {None, other} for own, other in zip(shape, given, strict=True)):
        message = f"model '{model.name}' takes images of {_text(shape)}, not {_text(given)}"
        raise error("E434", message)
    return Size(given[0], given[1], given[2] or shape[2])


def _text(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"


def _shape(model: Model) -> tuple[int | None, ...] | None:
    """What Keras knows of the input, batch left out; none for a model that was never built."""
    inputs = getattr(model, "inputs", None)
    if inputs and len(inputs) > 1:
        raise error("E434", f"model '{model.name}' takes {len(inputs)} inputs, not one image")
    if inputs:
        return tuple(inputs[0].shape)[1:]
    built: Mapping[str, Any] = getattr(model, "_build_shapes_dict", None) or {}
    shapes: list[Any] = list(built.values())
    return tuple(shapes[0][1:]) if len(shapes) == 1 else None
