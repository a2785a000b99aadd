"""The pieces that the config of a Keras model is made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from archspec.errors import SpecError, error, quoted
from archspec.lift.said import Value, is_list, is_object

Config: TypeAlias = Mapping[str, Any]
"""An object of the JSON text."""
Key: TypeAlias = tuple[str, int]
"""A layer of a model, and which of its calls."""
ELLIPSIS = "..."
WRAPPED: Mapping[str, Callable[[Config], Value]] = {
    "__ellipsis__": lambda _: ELLIPSIS,
    "__numpy__": lambda config: config.get("value"),
    "__slice__": lambda config: [config.get(end) for end in ("start", "stop", "step")],
}
"""What JSON has no word for: class → its value here."""


class Read(NamedTuple):
    """A value that an earlier call gave: that of the call with this name."""

    name: str


def plain(value: Value) -> Value:
    """What Keras wraps, without its wrapper: arrays, tuples, `...`, slices as lists of three."""
    if is_list(value):
        return [plain(item) for item in value]
    if not is_object(value):
        return value
    kind, config = value.get("class_name"), value.get("config")
    if kind == "__tuple__":
        return plain(value.get("items"))
    if isinstance(kind, str) and kind in WRAPPED and is_object(config):
        return WRAPPED[kind](config)
    return {name: plain(item) for name, item in value.items()}


def tensor_of(value: Value) -> tuple[Key, int] | None:
    """The call that a tensor comes from, and its place; None for what is no tensor."""
    if not is_object(value) or value.get("class_name") != "__keras_tensor__":
        return None
    config = object_of(value.get("config"), "a tensor")
    return key_of(config.get("keras_history"))


def tensors_in(value: Value) -> Sequence[tuple[Key, int]]:
    """All tensors in nested lists and objects."""
    tensor = tensor_of(value)
    if tensor:
        return [tensor]
    return [found for item in _items(value) for found in tensors_in(item)]


def reads_in(value: Value) -> Sequence[str]:
    """All calls that are read in nested lists and objects."""
    if isinstance(value, Read):
        return [value.name]
    return [found for item in _items(value) for found in reads_in(item)]


def _items(value: Value) -> Sequence[Value]:
    if is_object(value):
        return [*value.values()]
    return value if is_list(value) else []


def key_of(leaf: Value) -> tuple[Key, int]:
    """A layer, which of its calls, and which output of that."""
    if not is_list(leaf, 3):
        raise bad(f"{quoted(leaf)} is no place of a tensor")
    name, number, place = leaf
    if not isinstance(name, str) or type(number) is not int or type(place) is not int:
        raise bad(f"{quoted(leaf)} is no place of a tensor")
    return (name, number), place


def structure(value: Value, leaf: Callable[[Value], tuple[Key, int]]) -> Value:
    """Nested lists and objects of places of tensors."""
    if is_list(value, 3) and isinstance(value[0], str):
        return leaf(value)
    if is_object(value):
        return {str(name): structure(item, leaf) for name, item in value.items()}
    return [structure(item, leaf) for item in list_of(value)]


def tips(value: Value) -> Sequence[Value]:
    """What lies in nested lists and objects, the keys of which Keras sorts."""
    if is_object(value):
        return [tip for _, item in sorted(value.items()) for tip in tips(item)]
    if is_list(value):
        return [tip for item in value for tip in tips(item)]
    return [value]


def object_of(value: Value, what: str) -> Config:
    """A value that must be an object."""
    if not is_object(value):
        raise bad(f"{what} is no object")
    return value


def list_of(value: Value) -> Sequence[Value]:
    """A value that must be a list."""
    if not is_list(value):
        raise bad(f"{quoted(value)} is no list")
    return value


def bad(why: str) -> SpecError:
    """What is said of a config that Keras would not read either."""
    return error("E442", f"the config is not one that Keras 3 writes: {why}")


def size_of(value: Value) -> int:
    """How many things lie in nested lists and objects."""
    return 1 + sum(map(size_of, _items(value)))
