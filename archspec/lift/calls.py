"""The config of a model, with all models in it, as layers called one after the other."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archspec.errors import error, quoted
from archspec.graph import INPUT
from archspec.lift.said import Value, is_list, is_object
from archspec.lift.structure import (
    Config,
    Key,
    Read,
    bad,
    key_of,
    list_of,
    object_of,
    plain,
    reads_in,
    size_of,
    structure,
    tensor_of,
    tensors_in,
    tips,
)

MOST = 100_000
"""Calls of a model, those in the models in it included; the largest nets have some thousands."""
ITEMS = 200
"""Of a config, which count as one call more; layers have some fifty."""
DEEPEST = 32
"""So deep models may lie in each other."""
IMAGE = "InputLayer"
MODELS = {
    ("keras", "Sequential"),
    ("keras", "Functional"),
    ("keras.src.models.functional", "Functional"),
    ("keras.src.models.sequential", "Sequential"),
}
"""Module and class of what is a model and nothing more."""


class Call(NamedTuple):
    """One layer, or one operation, applied once.

    Args:
        name: of the layer, after those of the models it lies in: `outer.inner`.
        kind: its class, `Conv2D`, of operations of `keras.ops` with `ops.` before it.
        settings: of its config.
        args: what it is called with, values of other calls as `Read`.
        named: what it is called with by name.
        place: names of the models that it lies in, and its own: where a file has its arrays.
    """

    name: str
    kind: str
    settings: Config
    args: tuple[Value, ...]
    named: Mapping[str, Value]
    place: tuple[str, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The calls whose values it reads, in order."""
        return tuple(reads_in([*self.args, *self.named.values()]))


class Net(NamedTuple):
    """A model.

    Args:
        name: its own.
        shape: of what it reads, the batch included, unknown sizes None.
        calls: each after those that it reads; what the model reads they call `IMAGE`.
        outputs: name → call.
    """

    name: str
    shape: tuple[int | None, ...]
    calls: tuple[Call, ...]
    outputs: Mapping[str, str]


def unroll(config: Value) -> Net:
    """The calls of a model that its outputs come from.

    Raises:
        SpecError: E442, it is no config of a model; E443, of another class of models; E444, it
            has several inputs; E447, it is too large, too deep or reads itself.
    """
    config = object_of(config, "the config")
    if _class_of(config) not in MODELS:
        kind = quoted(config.get("class_name"))
        raise error(
            "E443",
            f"the model is of the class {kind}, whose code is not in the file",
            hint="a Functional or Sequential model can be lifted",
        )
    unroller = _Unroller()
    model = _Model(config, (), unroller)
    inputs = model.inputs()
    if len(inputs) != 1:
        raise error("E444", f"the model has {len(inputs)} inputs, not one image")
    found = model.run([Read(IMAGE)])
    name = config["config"].get("name")
    return Net(
        name if isinstance(name, str) else "model",
        model.shape(),
        tuple(unroller.calls),
        _named(found),
    )


class _Unroller:
    """What all models in a model share: the calls so far, each under a name of its own."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.names: dict[str, int] = {IMAGE: 1, INPUT: 1}
        self.steps = 0

    def step(self, work: int) -> None:
        """Count what there is to do, so that models that call each other come to an end."""
        self.steps += work
        if self.steps > MOST:
            raise error("E447", f"the model has more than {MOST} layers, or as much as they say")

    def add(self, call: Call) -> Read:
        """Append a call; a name that is taken gets a number."""
        name, number = call.name, self.names.get(call.name, 0)
        while name in self.names:
            number += 1
            name = f"{call.name}_{number}"
        self.names[call.name] = number
        self.names[name] = 1
        self.calls.append(call._replace(name=name))
        return Read(name)


class _Model:
    """One model while it is called once."""

    def __init__(self, config: Config, place: tuple[str, ...], unroller: _Unroller) -> None:
        if len(place) > DEEPEST:
            raise error("E447", f"models lie in each other more than {DEEPEST} deep")
        self.place = place
        self.unroller = unroller
        self.config = object_of(config.get("config"), "the config of a model")
        layers = [object_of(layer, "a layer") for layer in list_of(self.config.get("layers"))]
        unroller.step(len(layers))
        self.in_a_row = "input_layers" not in self.config
        self.layers = {_name_of(layer): layer for layer in layers}
        if len(self.layers) < len(layers):
            raise bad("two layers of a model have the same name")
        self.done: dict[Key, Value] = {}

    def inputs(self) -> Sequence[Key]:
        """The keys of its inputs."""
        if not self.in_a_row:
            return [key for key, _ in tips(structure(self.config["input_layers"], key_of))]
        first = next(iter(self.layers), "")
        return [(first if self._kind(first) == IMAGE else "", 0)]

    def shape(self) -> tuple[int | None, ...]:
        """What its first input is said to be, the batch included."""
        name = self.inputs()[0][0]
        shape = self.config.get("build_input_shape")
        if name:
            shape = object_of(self._layer(name).get("config"), name).get("batch_shape")
        if not is_list(shape):
            return ()
        return tuple(size if isinstance(size, int) else None for size in list_of(shape))

    def run(self, given: Sequence[Read]) -> Value:
        """What it gives where its inputs are `given`, as nested lists and objects of `Read`."""
        keys = self.inputs()
        if len(keys) != len(given):
            raise bad(f"{'.'.join(self.place)} has {len(keys)} inputs and is given {len(given)}")
        self.done.update(zip(keys, given, strict=True))
        if self.in_a_row:
            return self._row(given[0])
        return self._filled(structure(self.config.get("output_layers"), self._leaf))

    def _row(self, value: Value) -> Value:
        for name in self.layers:
            if self._kind(name) != IMAGE:
                value = self._called(name, [value], {})
        return value

    def _leaf(self, leaf: Value) -> tuple[Key, int]:
        """Which output of which call; Keras counts calls of functional models from one here."""
        (name, number), place = key_of(leaf)
        first = self._kind(name) == "Functional"
        return (name, number - first), place

    def _filled(self, outputs: Value) -> Value:
        """The same structure with values."""
        for key, _ in tips(outputs):
            self._settle(key)

        def fill(tip: Value) -> Value:
            if is_object(tip):
                return {name: fill(item) for name, item in tip.items()}
            if is_list(tip):
                return [fill(item) for item in tip]
            return self._value(*tip)

        return fill(outputs)

    def _settle(self, wanted: Key) -> None:
        """Make the calls that a call reads, and the call, without recursion: nets are long."""
        stack, opened = [wanted], set[Key]()
        while stack:
            key = stack[-1]
            if key in self.done:
                stack.pop()
                continue
            missing = [read for read, _ in self._tensors(key) if read not in self.done]
            if opened & set(missing) or (missing and key in opened):
                raise error("E447", f"{self._full(key[0])} reads itself")
            if missing:
                opened.add(key)
                stack.extend(reversed(missing))
            else:
                args, named = self._arguments(key)
                self.done[key] = self._called(key[0], args, named)

    def _node(self, key: Key) -> Config:
        name, number = key
        nodes = list_of(self._layer(name).get("inbound_nodes"))
        if not 0 <= number < len(nodes):
            raise bad(f"there is no call {number} of {quoted(name)}")
        return object_of(nodes[number], f"a call of {quoted(name)}")

    def _tensors(self, key: Key) -> Sequence[tuple[Key, int]]:
        node = self._node(key)
        return [*tensors_in([node.get("args", []), node.get("kwargs", {})])]

    def _arguments(self, key: Key) -> tuple[Sequence[Value], Config]:
        node = self._node(key)
        args = self._parsed(list_of(node.get("args", [])))
        kwargs = object_of(node.get("kwargs", {}), "kwargs")
        return args, {name: self._parsed(value) for name, value in kwargs.items()}

    def _parsed(self, value: Value) -> Value:
        """Arguments with `Read` where tensors are."""
        if is_list(value):
            return [self._parsed(item) for item in value]
        tensor = tensor_of(value)
        if tensor:
            return self._value(*tensor)
        if is_object(value):
            return {name: self._parsed(item) for name, item in value.items()}
        return value

    def _value(self, key: Key, place: int) -> Read:
        found = [*tips(self.done[key])]
        if not 0 <= place < len(found):
            raise bad(f"{quoted(key[0])} has no output {place}")
        return found[place]

    def _called(self, name: str, args: Sequence[Value], named: Config) -> Value:
        """What a layer gives; a model is called layer by layer."""
        layer = self._layer(name)
        place = (*self.place, name)
        if _class_of(layer) in MODELS:
            given = tips([*args, named.get("inputs", [])])
            return _Model(layer, place, self.unroller).run([*given])
        self.unroller.step(1 + size_of(layer) // ITEMS)
        settings = object_of(layer.get("config"), quoted(name))
        return self.unroller.add(
            Call(
                ".".join(place).replace("/", "."),
                kind_of(layer),
                {key: plain(value) for key, value in settings.items()},
                tuple(map(plain, args)),
                {key: plain(value) for key, value in named.items()},
                place,
            )
        )

    def _layer(self, name: str) -> Config:
        if name not in self.layers:
            raise bad(f"there is no layer {quoted(name)}")
        return self.layers[name]

    def _kind(self, name: str) -> str:
        return kind_of(self.layers[name]) if name in self.layers else ""

    def _full(self, name: str) -> str:
        return ".".join((*self.place, name))


def _named(found: Value) -> Mapping[str, str]:
    """Output names: the keys of a dict, `output` for a single one, else names of layers."""
    if isinstance(found, Read):
        return {"output": found.name}
    if is_object(found):
        pairs: dict[str, Value] = {str(name): item for name, item in found.items()}
        return {
            name if len(values) == 1 else f"{name}_{place}": value.name
            for name, item in pairs.items()
            for values in [[*tips(item)]]
            for place, value in enumerate(values)
        }
    values = [*tips(found)]
    if len(values) == 1:
        return {"output": values[0].name}
    return {value.name: value.name for value in values}


def kind_of(layer: Config) -> str:
    """The class of a layer, of operations with `ops.`, of what is not Keras's with its module."""
    module, name = _class_of(layer)
    if module.startswith(("keras.src.ops.", "keras.ops")):
        return f"ops.{name}"
    if module.split(".")[0] == "keras":
        return name
    registered = layer.get("registered_name")
    return registered if isinstance(registered, str) and ">" in registered else f"{module}.{name}"


def _class_of(layer: Config) -> tuple[str, str]:
    module, name = layer.get("module"), layer.get("class_name")
    return module if isinstance(module, str) else "", name if isinstance(name, str) else ""


def _name_of(layer: Config) -> str:
    name = layer.get("name")
    if name is None:
        name = object_of(layer.get("config"), "a layer").get("name")
    if not isinstance(name, str) or not name:
        raise bad(f"{quoted(name)} is no name of a layer")
    return name
