"""The words that a row may say: kinds of values, and the objects that several blocks share.

A block's parameter class is a frozen dataclass whose fields are made by `parameter`. The JSON Schema, the messages,
the look-up and the documentation are all derived from it.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias

from archspec.ops import FUNCTIONS
from archspec.scaling import Mode, Rounding, Whole as WholeBefore

MAX_CHANNELS = 1 << 17
MAX_REPEATS = 1024
MAX_CLASSES = 1 << 20
MAX_SIZE = 1 << 14

Window: TypeAlias = tuple[int, int]
Kernel: TypeAlias = tuple[Window, ...]
"""One window (h, w), or several that share the channels out among them."""

OFF = "none"


@dataclass(frozen=True)
class Kind:
    """What a value may be: the JSON Schema that checks it, the words for a message, the way to read it."""

    @property
    def wanted(self) -> str:
        """What a message says is wanted."""
        raise NotImplementedError

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema, draft-07 vocabulary."""
        raise NotImplementedError

    def read(self, value: Any) -> Any:  # noqa: ANN401  anything that the schema let through
        """The value as the parameter class holds it."""
        return value


@dataclass(frozen=True)
class Integer(Kind):
    """A whole number."""

    low: int
    high: int

    @property
    def wanted(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def read(self, value: Any) -> int:
        return int(value)


@dataclass(frozen=True)
class Number(Kind):
    """A number."""

    low: float
    high: float

    @property
    def wanted(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.low, "maximum": self.high}

    def read(self, value: Any) -> float:
        return float(value)


_FRACTION = r"^[0-9]{1,6}(\.[0-9]{1,6})?/[1-9][0-9]{0,5}(\.[0-9]{1,6})?$"


@dataclass(frozen=True)
class Ratio(Kind):
    """A number over 0, or a fraction such as `1/12`; computed as a float, as the authors' code does."""

    high: float

    @property
    def wanted(self) -> str:
        return f"a number over 0 up to {self.high:g}, or a fraction such as 1/12"

    @property
    def schema(self) -> dict[str, Any]:
        number = {"type": "number", "exclusiveMinimum": 0, "maximum": self.high}
        return {"anyOf": [number, {"type": "string", "pattern": _FRACTION}]}

    def read(self, value: Any) -> float:
        if isinstance(value, str):
            top, bottom = value.split("/")
            return float(top) / float(bottom)
        return float(value)


@dataclass(frozen=True)
class Word(Kind):
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def wanted(self) -> str:
        return "one of " + ", ".join(self.choices) if len(self.choices) > 1 else self.choices[0]

    @property
    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}


@dataclass(frozen=True)
class Flag(Kind):
    """True or false."""

    wanted = "true or false"  # pyright: ignore[reportAssignmentType]

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Either(Kind):
    """A value of one of two kinds."""

    first: Kind
    second: Kind

    @property
    def wanted(self) -> str:
        return f"{self.first.wanted}, or {self.second.wanted}"

    @property
    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.first.schema, self.second.schema]}


_WINDOW = r"^[1-9][0-9]{0,2}x[1-9][0-9]{0,2}$"
_MAX_KERNEL = 255
_SQUARE = re.compile(r"\d+")


@dataclass(frozen=True)
class KernelSize(Kind):
    """`3`, a rectangle `1x7` (height, width), or a mix `[3, 5, 7]` whose windows share the channels out."""

    mix: bool = True

    @property
    def wanted(self) -> str:
        return "a kernel: 3, a rectangle 1x7" + (", or a mix [3, 5, 7]" if self.mix else "")

    @property
    def schema(self) -> dict[str, Any]:
        square = {"type": "integer", "minimum": 1, "maximum": _MAX_KERNEL}
        one: dict[str, Any] = {"anyOf": [square, {"type": "string", "pattern": _WINDOW}]}
        if not self.mix:
            return one
        several = {"type": "array", "items": one, "minItems": 2, "maxItems": 16}
        return {"anyOf": [*one["anyOf"], several]}

    def read(self, value: Any) -> Kernel:
        values: list[Any] = value if isinstance(value, list) else [value]
        return tuple(_window(item) for item in values)


def _window(value: int | float | str) -> Window:
    if isinstance(value, str):
        height, width = value.split("x")
        return int(height), int(width)
    return int(value), int(value)


@dataclass(frozen=True)
class Numbers(Kind):
    """A number, or a list of them with one for each channel."""

    wanted = "a number or a list of numbers"  # pyright: ignore[reportAssignmentType]

    @property
    def schema(self) -> dict[str, Any]:
        one = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _FRACTION}]}
        return {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1, "maxItems": 64}]}

    def read(self, value: Any) -> tuple[float, ...]:
        values: list[Any] = value if isinstance(value, list) else [value]
        return tuple(Ratio(0).read(item) for item in values)


@dataclass(frozen=True)
class Object(Kind):
    """A mapping with known fields, or a scalar that stands for its leading one.

    Args:
        type: the dataclass that holds it.
        on: when there is one: "leading", the leading field is said; "said", any field is;
            "always", unless it is `none`.
        fields: its parameters by name where the class does not carry them.
    """

    type: type[Any]
    on: Literal["leading", "said", "always"] = "leading"
    fields: "Mapping[str, Parameter] | None" = field(default=None, hash=False)

    @property
    def parameters(self) -> "Mapping[str, Parameter]":
        """The fields by name; the first is the leading one."""
        return parameters_of(self.type) if self.fields is None else self.fields

    @property
    def leading(self) -> str:
        """The field that a scalar stands for."""
        return next(iter(self.parameters))

    @property
    def wanted(self) -> str:
        return f"{self.parameters[self.leading].wanted} (its {self.leading}), or a mapping"

    @property
    def schema(self) -> dict[str, Any]:
        properties = {name: parameter.schema for name, parameter in self.parameters.items()}
        mapping = {"type": "object", "properties": properties, "additionalProperties": False}
        return {"if": {"type": "object"}, "then": mapping, "else": self.parameters[self.leading].schema}


@dataclass(frozen=True)
class Parameter:
    """One field of a parameter class.

    Args:
        kind: what it may be.
        doc: what it means, with its unit.
        default: when nobody says it; `REQUIRED` when somebody must. None is "off".
        off: whether `none` may be said.
        count: an absolute number of channels; it scales with `scaling.width`.
        inherits: what an object's field takes from the block's parameter of the same name where it is not said:
            everything, or only the details (all but the leading field).
        own: only the row, or a block of this name in the table or `defaults`, can say it.
        part_defaults: for a part, what its fields are where nobody says them.
    """

    kind: Kind
    doc: str
    default: Any
    off: bool = False
    count: bool = False
    inherits: Literal["nothing", "all", "details"] = "nothing"
    own: bool = False
    part_defaults: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)

    @property
    def required(self) -> bool:
        """Whether somebody must say it."""
        return self.default is dataclasses.MISSING

    @property
    def wanted(self) -> str:
        """What a message says is wanted."""
        return self.kind.wanted + (", or none" if self.off else "")

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of all the forms: the value, `none`, `~`, a ramp, a cycle."""
        forms = [self.kind.schema, *([{"const": OFF}] if self.off else []), {"type": "null"}]
        if not isinstance(self.kind, Object):
            forms += [CYCLE_SCHEMA]
        if isinstance(self.kind, Integer | Number | Ratio):
            forms += [RAMP_SCHEMA]
        return {"description": self.doc, "anyOf": forms}


CYCLE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "the values in turn, block after block",
    "properties": {"cycle": {"type": "array", "minItems": 1, "maxItems": 64}},
    "required": ["cycle"],
    "additionalProperties": False,
}
RAMP_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "a line over the blocks: by a step, to an end that is reached, or upto one that is not",
    "properties": {name: {"type": "number"} for name in ("from", "step", "to", "upto")},
    "required": ["from"],
    "oneOf": [{"required": [name]} for name in ("step", "to", "upto")],
    "additionalProperties": False,
}


def parameter(  # noqa: PLR0913  one keyword for each thing a parameter can be
    kind: Kind,
    doc: str,
    default: Any = dataclasses.MISSING,  # noqa: ANN401
    *,
    off: bool = False,
    count: bool = False,
    inherits: Literal["nothing", "all", "details"] = "nothing",
    own: bool = False,
) -> Any:  # noqa: ANN401  it stands for a field of any type
    """A field of a parameter class; `default=None` makes it something that is off until it is said."""
    said = Parameter(kind, doc, default, off or default is None, count, inherits, own)
    return field(default=default, metadata={"parameter": said})


def part(doc: str, **defaults: Any) -> Any:  # noqa: ANN401
    """A field that is a convolution of the block; what it does not say, the block's parameter of the same name says.

    Args:
        doc: which convolution it is.
        defaults: fields that do not follow the block, and what they are where nobody says them. `kernel` and
            `groups` follow only where they are named here as "block".
    """
    fixed = {"kernel": ((1, 1),), "groups": 1, **defaults}
    fixed = {name: value for name, value in fixed.items() if value != "block"}
    said = Parameter(Object(Part, "always"), doc, None, off=True, part_defaults=fixed)
    return field(default=None, metadata={"parameter": said})


@cache
def parameters_of(cls: type[Any]) -> Mapping[str, Parameter]:
    """The parameters of a class by the word that a spec says, in order (`as_` holds what `as` says)."""
    return {
        item.name.rstrip("_"): item.metadata["parameter"]
        for item in dataclasses.fields(cls)
        if "parameter" in item.metadata
    }


def _words(alias: Any) -> tuple[str, ...]:  # noqa: ANN401
    return tuple(alias.__args__)


ROUNDING = Object(
    Rounding,
    "said",
    {
        "mode": Parameter(Word(_words(Mode)), "to which multiple: the nearest, ties up or to even; down; up", "half_up"),
        "divisor": Parameter(Integer(1, 1024), "the result is a multiple of it", 1),
        "keep": Parameter(Number(0, 1), "a result below this share of the value goes up by one divisor", 0.0),
        "floor": Parameter(Integer(0, MAX_CHANNELS), "the least result; 0 stands for the divisor", 0),
        "integer": Parameter(Word(_words(WholeBefore)), "what is done to the product before", "none"),
    },
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Init:
    """How a kernel starts: variance scaling."""

    distribution: Literal["uniform", "normal", "truncated_normal"] = parameter(
        Word(("uniform", "normal", "truncated_normal")), "how it is drawn", "uniform"
    )
    scale: float = parameter(Ratio(1e3), "the variance is scale / fan", 1.0)
    fan: Literal["in", "out", "average"] = parameter(
        Word(("in", "out", "average")), "inputs, outputs or their mean for one unit", "average"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Norm:
    """A normalization."""

    type: Literal["batch", "layer", "group"] = parameter(
        Word(("batch", "layer", "group")), "over the batch, the channels, or groups of channels"
    )
    epsilon: float = parameter(Number(0, 1), "added to the variance", 1e-3)
    momentum: float = parameter(
        Number(0, 1), "share of the old statistics kept at each step (Keras's sense, 1 - PyTorch's)", 0.99
    )
    groups: int = parameter(Integer(1, MAX_CHANNELS), "groups of channels (group only)", 32)


PADDING = Word(("same", "symmetric", "even", "valid"))
BIAS = Either(Flag(), Word(("auto",)))
NORM = Object(Norm)
INIT = Object(Init, "said")


FUNCTION = Word(FUNCTIONS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One convolution of a block, with its norm and activation."""

    kernel: Kernel = parameter(KernelSize(), "height and width of the window", ((1, 1),))
    groups: int | None = parameter(
        Integer(1, MAX_CHANNELS), "slices of the channels, each by itself; else one for each channel", 1
    )
    bias: bool | Literal["auto"] = parameter(BIAS, "auto: a bias where there is no norm", "auto")
    norm: Norm | None = parameter(NORM, "after the convolution", None)
    activation: Any = parameter(FUNCTION, "after the norm", None)
    padding: Any = parameter(PADDING, "how the image is padded", "same")
    rounding: Rounding | None = parameter(ROUNDING, "how its computed width is rounded", None)
    init: Init | None = parameter(INIT, "how its kernel starts", None)
    l2: float = parameter(Number(0, 1), "factor of the L2 penalty on its kernel", 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolutional:
    """What every block made of convolutions says for all of them; a part may say otherwise."""

    norm: Norm | None = parameter(NORM, "after each convolution", None)
    activation: Any = parameter(FUNCTION, "after each norm", None)
    bias: bool | Literal["auto"] = parameter(BIAS, "auto: a bias where there is no norm", "auto")
    padding: Any = parameter(PADDING, "how the image is padded", "same")
    init: Init | None = parameter(INIT, "how kernels start", None)
    l2: float = parameter(Number(0, 1), "factor of the L2 penalty on kernels", 0.0)

    def as_part(self, kernel: Kernel, groups: int = 1) -> Part:
        """The part of a block that is a single convolution."""
        shared = {item.name: getattr(self, item.name) for item in dataclasses.fields(Convolutional)}
        return Part(kernel=kernel, groups=groups, **shared)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expansion:
    """A hidden width as a ratio of another width."""

    ratio: float = parameter(Ratio(64), "hidden width over the width that it is a ratio of")
    of: Any = parameter(
        Either(Word(("input", "output")), Integer(1, MAX_CHANNELS)),
        "the block's input, its output, or a count of channels",
        "input",
        count=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SqueezeExcite:
    """Squeeze-excite: global mean, two 1×1 convolutions, a gate (Hu et al. 2017, arXiv:1709.01507)."""

    ratio: float = parameter(Ratio(4), "width between the two convolutions over that of `of`")
    of: Literal["input", "hidden", "output"] = parameter(
        Word(("input", "hidden", "output")), "the width that it is a ratio of", "hidden"
    )
    rounding: Rounding | None = parameter(ROUNDING, "how that width is rounded", None)
    activation: Any = parameter(FUNCTION, "between the two; else the block's", None, inherits="all")
    gate: Any = parameter(FUNCTION, "on what multiplies the image", "sigmoid")
    norm: Norm | None = parameter(NORM, "after the first convolution", None, inherits="details")
    position: Literal["after_activation", "before_activation"] = parameter(
        Word(("after_activation", "before_activation")),
        "after or before the activation of the convolution that it follows",
        "after_activation",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RowKeys:
    """What every row may say, whatever its block."""

    repeats: int = parameter(Integer(1, MAX_REPEATS), "how often the block stands, one after the other", 1)
    width: Literal["scaled", "up", "fixed"] = parameter(
        Word(("scaled", "up", "fixed")), "whether scaling.width applies; up: never below what is written", "scaled"
    )
    depth: Literal["scaled", "fixed"] = parameter(
        Word(("scaled", "fixed")), "whether scaling.depth applies", "scaled"
    )
    rounding: Rounding | None = parameter(ROUNDING, "of this row's counts, instead of scaling.rounding.channels", None)


@dataclass(frozen=True)
class ImageSize(Kind):
    """`224` is [224, 224, 3]; a list is [height, width, channels]."""

    wanted = f"a size from 1 to {MAX_SIZE}, or [height, width, channels]"  # pyright: ignore[reportAssignmentType]

    @property
    def schema(self) -> dict[str, Any]:
        size = {"type": "integer", "minimum": 1, "maximum": MAX_SIZE}
        return {"anyOf": [size, {"type": "array", "items": size, "minItems": 3, "maxItems": 3}]}

    def read(self, value: Any) -> tuple[int, ...]:
        values: list[Any] = value if isinstance(value, list) else [value, value, 3]
        return tuple(int(item) for item in values)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScalingRounding:
    """How scaled numbers become whole."""

    channels: Rounding | None = parameter(ROUNDING, "of counts of channels; without it they must come out whole", None)
    repeats: Literal["ceil", "half_even"] = parameter(Word(("ceil", "half_even")), "of repeats", "ceil")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """Width and depth of the whole net."""

    width: float = parameter(Number(1e-3, 1e3), "factor on every count of channels", 1.0)
    depth: float = parameter(Number(1e-3, 1e3), "factor on every row's repeats", 1.0)
    rounding: ScalingRounding = parameter(
        Object(ScalingRounding, "always"), "how scaled numbers become whole", ScalingRounding()
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputStrideKeys:
    """Strides in exchange for dilation."""

    at: int = parameter(Integer(1, 1024), "the stride of the whole net that is not exceeded")
    dilate: Literal["at_once", "after"] = parameter(
        Word(("at_once", "after")), "the block that loses its stride is dilated at once, or those after it", "at_once"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What a spec says beside its tables."""

    input: tuple[int, int, int] = parameter(ImageSize(), "height, width and channels of the image")
    classes: int = parameter(Integer(1, MAX_CLASSES), "width of the classifier", 1000)
    scaling: Scaling = parameter(Object(Scaling, "always"), "width and depth", Scaling())
    output_stride: OutputStrideKeys | None = parameter(
        Object(OutputStrideKeys), "strides in exchange for dilation", None
    )
