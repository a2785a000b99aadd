"""The config of a model, with all models in it, as layers called one after the other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from archspec.errors import SpecError, error, quoted
from archspec.lift.said import Value, is_list, is_object

Config: TypeAlias = Mapping[str, Any]
"""An object of the JSON text."""
Key: TypeAlias = tuple[str, int]
"""A layer of a model, and which of its calls."""

MOST = 50_000
"""Calls of a model, those in the models in it included; the largest nets have some thousands."""
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
ELLIPSIS = "..."


class Read(NamedTuple):
    """A value that an earlier call gave: that of the call with this name."""

    name: str


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
        return tuple(_reads([*self.args, *self.named.values()]))


class Net(NamedTuple):
    """A model.

    Args:
        name: its own.
        image: what it reads.
        shape: of that, the batch included, unknown sizes None.
        calls: each after those that it reads.
        outputs: name → call.
    """

    name: str
    image: str
    shape: tuple[int | None, ...]
    calls: tuple[Call, ...]
    outputs: Mapping[str, str]


def unroll(config: Value) -> Net:
    """The calls of a model that its outputs come from.

    Raises:
        SpecError: E442, it is no config of a model; E443, of another class of models; E444, it
            has several inputs; E447, it is too large, too deep or reads itself.
    """
    config = _object(config, "the config")
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
        IMAGE,
        model.shape(),
        tuple(unroller.calls),
        _named(found, unroller),
    )


class _Unroller:
    """What all models in a model share: the calls so far, each under a name of its own."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.names: dict[str, int] = {IMAGE: 1}
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps > MOST:
            raise error("E447", f"the model has more than {MOST} layers")

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
        self.config = _object(config.get("config"), "the config of a model")
        layers = [_object(layer, "a layer") for layer in _list(self.config.get("layers"))]
        self.in_a_row = "input_layers" not in self.config
        self.layers = {_name_of(layer): layer for layer in layers}
        if len(self.layers) < len(layers):
            raise _bad("two layers of a model have the same name")
        self.done: dict[Key, Value] = {}

    def inputs(self) -> Sequence[Key]:
        """The keys of its inputs."""
        if not self.in_a_row:
            return [key for key, _ in _tips(_structure(self.config["input_layers"], _key))]
        first = next(iter(self.layers), "")
        return [(first if self._kind(first) == IMAGE else "", 0)]

    def shape(self) -> tuple[int | None, ...]:
        """What its first input is said to be, the batch included."""
        name = self.inputs()[0][0]
        shape = self.config.get("build_input_shape")
        if name:
            shape = _object(self._layer(name).get("config"), name).get("batch_shape")
        if not is_list(shape):
            return ()
        return tuple(size if isinstance(size, int) else None for size in _list(shape))

    def run(self, given: Sequence[Read]) -> Value:
        """What it gives where its inputs are `given`, as nested lists and objects of `Read`."""
        keys = self.inputs()
        if len(keys) != len(given):
            raise _bad(f"{'.'.join(self.place)} has {len(keys)} inputs and is given {len(given)}")
        self.done.update(zip(keys, given, strict=True))
        if self.in_a_row:
            return self._row(given[0])
        return self._filled(_structure(self.config.get("output_layers"), self._leaf))

    def _row(self, value: Value) -> Value:
        for name in self.layers:
            if self._kind(name) != IMAGE:
                value = self._called(name, [value], {})
        return value

    def _leaf(self, leaf: Value) -> tuple[Key, int]:
        """Which output of which call; Keras counts calls of functional models from one here."""
        (name, number), place = _key(leaf)
        first = self._kind(name) == "Functional"
        return (name, number - first), place

    def _filled(self, outputs: Value) -> Value:
        """The same structure with values."""
        for key, _ in _tips(outputs):
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
        nodes = _list(self._layer(name).get("inbound_nodes"))
        if not 0 <= number < len(nodes):
            raise _bad(f"there is no call {number} of {quoted(name)}")
        return _object(nodes[number], f"a call of {quoted(name)}")

    def _tensors(self, key: Key) -> Sequence[tuple[Key, int]]:
        node = self._node(key)
        return [*_tensors([node.get("args", []), node.get("kwargs", {})])]

    def _arguments(self, key: Key) -> tuple[Sequence[Value], Config]:
        node = self._node(key)
        args = self._parsed(_list(node.get("args", [])))
        return args, self._parsed(_object(node.get("kwargs", {}), "kwargs"))

    def _parsed(self, value: Value) -> Value:
        """Arguments with `Read` where tensors are."""
        if is_list(value):
            return [self._parsed(item) for item in value]
        tensor = _tensor(value)
        if tensor:
            return self._value(*tensor)
        if is_object(value):
            return {name: self._parsed(item) for name, item in value.items()}
        return value

    def _value(self, key: Key, place: int) -> Read:
        found = [*_tips(self.done[key])]
        if not 0 <= place < len(found):
            raise _bad(f"{quoted(key[0])} has no output {place}")
        return found[place]

    def _called(self, name: str, args: Sequence[Value], named: Config) -> Value:
        """What a layer gives; a model is called layer by layer."""
        self.unroller.step()
        layer = self._layer(name)
        place = (*self.place, name)
        if _class_of(layer) in MODELS:
            return _Model(layer, place, self.unroller).run([*_tips([*args])])
        settings = _object(layer.get("config"), quoted(name))
        full = ".".join(place).replace("/", ".")
        return self.unroller.add(
            Call(
                full, kind_of(layer), plain(settings), tuple(map(plain, args)), plain(named), place
            )
        )

    def _layer(self, name: str) -> Config:
        if name not in self.layers:
            raise _bad(f"there is no layer {quoted(name)}")
        return self.layers[name]

    def _kind(self, name: str) -> str:
        return kind_of(self.layers[name]) if name in self.layers else ""

    def _full(self, name: str) -> str:
        return ".".join((*self.place, name))


def _named(found: Value, unroller: _Unroller) -> Mapping[str, str]:
    """Output names: the keys of a dict, `output` for a single one, else names of layers."""
    if isinstance(found, Read):
        return {"output": found.name}
    if is_object(found):
        pairs: dict[str, Value] = {str(name): item for name, item in found.items()}
        return {
            name if len(values) == 1 else f"{name}_{place}": value.name
            for name, item in pairs.items()
            for values in [[*_tips(item)]]
            for place, value in enumerate(values)
        }
    values = [*_tips(found)]
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


def plain(value: Value) -> Value:
    """What Keras wraps, without its wrapper: arrays, tuples, `...`, slices as lists of three."""
    if is_list(value):
        return [plain(item) for item in value]
    if not is_object(value):
        return value
    kind, config = value.get("class_name"), value.get("config")
    if kind == "__ellipsis__":
        return ELLIPSIS
    if kind == "__numpy__" and is_object(config):
        return config.get("value")
    if kind == "__slice__" and is_object(config):
        return [config.get(end) for end in ("start", "stop", "step")]
    if kind == "__tuple__":
        return plain(value.get("items"))
    return {name: plain(item) for name, item in value.items()}


def _tensor(value: Value) -> tuple[Key, int] | None:
    if not is_object(value) or value.get("class_name") != "__keras_tensor__":
        return None
    config = _object(value.get("config"), "a tensor")
    return _key(config.get("keras_history"))


def _tensors(value: Value) -> Sequence[tuple[Key, int]]:
    tensor = _tensor(value)
    if tensor:
        return [tensor]
    return [found for item in _items(value) for found in _tensors(item)]


def _reads(value: Value) -> Sequence[str]:
    if isinstance(value, Read):
        return [value.name]
    return [found for item in _items(value) for found in _reads(item)]


def _items(value: Value) -> Sequence[Value]:
    if is_object(value):
        return [*value.values()]
    return value if is_list(value) else []


def _key(leaf: Value) -> tuple[Key, int]:
    """A layer, which of its calls, and which output of that."""
    if not is_list(leaf, 3):
        raise _bad(f"{quoted(leaf)} is no place of a tensor")
    name, number, place = leaf
    if not isinstance(name, str) or type(number) is not int or type(place) is not int:
        raise _bad(f"{quoted(leaf)} is no place of a tensor")
    return (name, number), place


def _structure(value: Value, leaf: Callable[[Value], tuple[Key, int]]) -> Value:
    """Nested lists and objects of places of tensors."""
    if is_list(value, 3) and isinstance(value[0], str):
        return leaf(value)
    if is_object(value):
        return {str(name): _structure(item, leaf) for name, item in value.items()}
    return [_structure(item, leaf) for item in _list(value)]


def _tips(value: Value) -> Sequence[Value]:
    """What lies in nested lists and objects, the keys of which Keras sorts."""
    if is_object(value):
        return [tip for _, item in sorted(value.items()) for tip in _tips(item)]
    if is_list(value):
        return [tip for item in value for tip in _tips(item)]
    return [value]


def _name_of(layer: Config) -> str:
    name = layer.get("name")
    if name is None:
        name = _object(layer.get("config"), "a layer").get("name")
    if not isinstance(name, str) or not name:
        raise _bad(f"{quoted(name)} is no name of a layer")
    return name


def _object(value: Value, what: str) -> Config:
    if not is_object(value):
        raise _bad(f"{what} is no object")
    return value


def _list(value: Value) -> Sequence[Value]:
    if not is_list(value):
        raise _bad(f"{quoted(value)} is no list")
    return value


def _bad(why: str) -> SpecError:
    return error("E442", f"the config is not one that Keras 3 writes: {why}")
