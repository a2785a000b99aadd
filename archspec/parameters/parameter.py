"""One field of a parameter class, and kinds that are objects of such fields."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Literal

from archspec.parameters.kinds import OFF, Kind


@dataclass(frozen=True, eq=False)
class Object:
    """A mapping with known fields, or a scalar that stands for its leading one.

    Args:
        type: the dataclass that holds it.
        on: when there is one: "leading", the leading field is said; "said", any field is;
            "always", unless it is `none`.
        fields: its parameters by name where the class does not carry them.
    """

    type: type[Any]
    on: Literal["leading", "said", "always"] = "leading"
    fields: "Mapping[str, Parameter] | None" = None

    @cached_property
    def parameters(self) -> "Mapping[str, Parameter]":
        """The fields by name; the first is the leading one."""
        return parameters_of(self.type) if self.fields is None else self.fields

    @cached_property
    def leading(self) -> str:
        """The field that a scalar stands for."""
        return next(iter(self.parameters))

    @property
    def wanted(self) -> str:
        """What a message says is wanted."""
        return f"{self.parameters[self.leading].wanted} (its {self.leading}), or a mapping"

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of both forms."""
        properties = {name: parameter.schema for name, parameter in self.parameters.items()}
        mapping = {"type": "object", "properties": properties, "additionalProperties": False}
        return {
            "if": {"type": "object"},
            "then": mapping,
            "else": self.parameters[self.leading].schema,
        }


@dataclass(frozen=True, eq=False)
class Parameter:
    """One field of a parameter class.

    Args:
        kind: what it may be.
        doc: what it means, with its unit.
        default: when nobody says it; `REQUIRED` when somebody must. None is "off".
        off: whether `none` may be said.
        count: an absolute number of channels; it scales with `scaling.width`.
        inherits: what an object's field takes from the block's parameter of the same name where it
            is not said: everything, or only the details (all but the leading field).
        own: only the row, or a block of this name in the table or `defaults`, can say it.
        part_defaults: for a part, what its fields are where nobody says them; None for all else.
    """

    kind: Kind | Object
    doc: str
    default: Any
    off: bool = False
    count: bool = False
    inherits: Literal["nothing", "all", "details"] = "nothing"
    own: bool = False
    part_defaults: Mapping[str, Any] | None = None

    @property
    def required(self) -> bool:
        """Whether somebody must say it."""
        return self.default is dataclasses.MISSING

    @property
    def wanted(self) -> str:
        """What a message says is wanted."""
        return self.kind.wanted + (", or none" if self.off else "")

    def read(self, said: object) -> Any:  # noqa: ANN401
        """A checked value as the parameter class holds it, None for `none`."""
        assert isinstance(self.kind, Kind)  # noqa: S101  objects are read field by field
        return None if said == OFF and self.off else self.kind.read(said)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of all the forms: the value, `none`, `~`, a ramp, a cycle."""
        forms = [self.kind.schema, *([{"const": OFF}] if self.off else []), {"type": "null"}]
        if isinstance(self.kind, Kind):
            forms += [CYCLE_SCHEMA, *([RAMP_SCHEMA] if self.kind.bounds else [])]
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
    "description": "a line over the blocks: by a step, to an end, or upto one not reached",
    "properties": {name: {"type": "number"} for name in ("from", "step", "to", "upto")},
    "required": ["from"],
    "oneOf": [{"required": [name]} for name in ("step", "to", "upto")],
    "additionalProperties": False,
}


def parameter(  # noqa: PLR0913  one keyword for each thing that a parameter can be
    kind: Kind | Object,
    doc: str,
    default: Any = dataclasses.MISSING,  # noqa: ANN401
    *,
    off: bool = False,
    count: bool = False,
    inherits: Literal["nothing", "all", "details"] = "nothing",
    own: bool = False,
) -> Any:  # noqa: ANN401  it stands for a field of any type
    """A field of a parameter class; with `default=None` it is off until it is said."""
    said = Parameter(kind, doc, default, off or default is None, count, inherits, own)
    return field(default=default, metadata={"parameter": said})


@cache
def parameters_of(cls: type[Any]) -> Mapping[str, Parameter]:
    """The parameters of a class in order, by the word that a spec says (`as_` holds `as`)."""
    return {
        item.name.rstrip("_"): item.metadata["parameter"]
        for item in dataclasses.fields(cls)
        if "parameter" in item.metadata
    }
