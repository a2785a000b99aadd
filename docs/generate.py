"""Writes the pages that are made from the program: `python docs/generate.py`.

`blocks.md` comes from the parameter classes, `errors.md` from the wrong specs of tests/bad.
"""  # noqa: INP001  a script

import re
from collections.abc import Callable, Container, Iterator, Mapping
from inspect import getdoc, getmodule
from pathlib import Path
from textwrap import fill
from typing import Any

from archspec import BLOCKS
from archspec.ops import FUNCTIONS as WORDS
from archspec.parameters import (
    ANTIALIAS,
    FUNCTION,
    PADDING,
    ROUNDING,
    Convolutional,
    Document,
    Expansion,
    Init,
    Kind,
    Norm,
    Object,
    Parameter,
    Part,
    RowKeys,
    Shortcut,
    SqueezeExcite,
    parameters_of,
)
from archspec.scaling import Rounding

DOCS = Path(__file__).parent
BAD = DOCS.parent / "tests" / "bad"

BLOCKS_HEAD = """\
# The blocks

A row of a table names a block and says its parameters. This page is made from the parameter
classes by `docs/generate.py`; the same words are in the JSON Schema that `archspec schema` prints
and editors complete by.

Shapes are (height, width, channels); the batch is never written. The default is what holds where
neither the row, nor its table, nor `defaults` says anything ([rule 3](language.md#3-look-up));
**required** means that one of them must. The default `none` is "off". A parameter that takes a
mapping has fields, which stand [below](#mappings); a scalar in its place is the first field. Every
value may also be `~` ([rule 2](language.md#2-not-said-and-off)) or a cycle, and every number a ramp
([rule 8](language.md#8-ramps-and-cycles)). `archspec blocks NAME` prints a table as well, also of a
[block of your own](own_blocks.md).
"""
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Convolutions": (
        "conv",
        "depthwise_separable",
        "multiscale_separable",
        "forked_stem",
    ),
    "Widen, filter, narrow, add": (
        "inverted_residual",
        "fused_inverted_residual",
        "uib",
        "convnext",
        "faster",
        "ghost",
        "star",
    ),
    "Narrow or keep, filter, widen, add": (
        "basic",
        "bottleneck",
        "preactivation_basic",
        "preactivation_bottleneck",
    ),
    "Join and share out channels": (
        "densely_connected",
        "transition",
        "fire",
        "one_shot_aggregation",
        "shuffle_unit",
    ),
    "Trained as sums, collapsed for inference": (
        "rep_conv",
        "rep_separable",
        "rep_ghost",
        "rep_vit",
    ),
    "With attention between pixels or channels": (
        "efficientvit",
        "mobile_mqa",
        "mobilevit",
        "split_depthwise_attention",
    ),
    "The end of a net": (
        "global_pool",
        "flatten",
        "dropout",
        "fully_connected",
        "classifier",
        "distilled_classifier",
    ),
    "Boxes and masks": (
        "ssd_extra",
        "ssd",
        "aspp",
        "lraspp",
        "concat",
        "resize",
    ),
    "Single operations": (
        "activation",
        "blur",
        "norm",
        "pool",
        "rescaling",
        "standardize",
    ),
}
"""Kind of block → the blocks of this kind, as the index has them."""
COMMON = """\
## Every block of convolutions

A block with parts, and `conv`, say for all of their convolutions:
"""
SHARED = (
    ("norm", Norm, parameters_of(Norm)),
    ("se", SqueezeExcite, parameters_of(SqueezeExcite)),
    ("expansion", Expansion, parameters_of(Expansion)),
    ("rounding", Rounding, ROUNDING.parameters),
    ("init", Init, parameters_of(Init)),
    ("part", Part, parameters_of(Part)),
    ("shortcut", Shortcut, parameters_of(Shortcut)),
)
"""Mappings that several blocks take: name, class, fields."""

EVERY_ROW = """\
Beside these `block`, `name` ([rule 12](language.md#12-names)) and `inputs`
([rule 13](language.md#13-taps)).
"""
FUNCTIONS = """\
`hard_sigmoid` is min(max(x + 3, 0), 6) / 6 and `hard_swish` x times that; `swish` is
x · sigmoid(x); `gelu` is exact, `gelu_tanh` its approximation; `leaky_relu` has slope 0.01;
`softmax` is over the channels.
"""
PADDINGS = """\
## Paddings

With k the kernel's extent (dilation counted), s the stride and n the size of the image:

| word | pixels before and after |
|---|---|
| `same` | so that ⌈n / s⌉ positions fit, the odd pixel after (TensorFlow) |
| `symmetric` | ⌊(k - 1) / 2⌋ before and after (PyTorch) |
| `even` | k - s in all at every n, as `same` where s divides n (Keras MobileNet V1) |
| `ceil` | none before; after, what the last window lacks that begins in the image (`ceil_mode`) |
| `valid` | none |

## Antialiasing

Where a block has `antialias` and a stride, its window takes every pixel, and this the stride:

| word | what it does |
|---|---|
| `blur` | the filter 1 2 1 by 1 2 1, over 16; the image mirrored at its border (arXiv:1904.11486) |
| `blur_zero` | the same, with zeros beyond the border |
| `average` | the mean of stride x stride pixels, those of an incomplete window left out |
"""

ERRORS_HEAD = """\
# Errors

Everything that is wrong with a spec is reported at once, each problem with its code, its place, the
cell that is at fault and, where there is one, the cure. `archspec check --format json` and
`--format github` say the same to machines. The exit status is 0 where all is fine, 1 where the
spec, the model or the weights are wrong, 2 where the call is wrong.

This page is made by `docs/generate.py`. Each example is the first of its code in
[tests/bad](../tests/bad), where there are more, each with the whole spec.
"""
WIDTH = 100
WIDEST = 130
"""A message that is longer is no example."""

KINDS = {
    "E1": "Source and words",
    "E2": "What values mean together",
    "E3": "Shapes",
    "E4": "Models",
    "E5": "Weights",
    "E6": "Budgets, sweeps and pages",
    "E7": "Data sets, training and detections",
}
MEANINGS = {
    "E100": "a file cannot be read",
    "E101": "a file is not UTF-8, or holds a character that YAML does not allow",
    "E102": "a file is not YAML",
    "E103": "what a spec does not use: tags, merge keys, several documents, keys that are no words",
    "E104": "a key, a parameter or a row that nobody knows",
    "E105": "a value of the wrong kind",
    "E106": "a key or a column stands twice",
    "E107": "too large, too deep, or aliases that expand without end",
    "E108": "something that must be said is missing",
    "E109": "a number that a spec cannot hold",
    "E110": "a file cannot be written",
    "E111": "a row has not as many cells as there are columns",
    "E112": "a block that does not exist",
    "E120": "a file of `--blocks` fails, or has no block",
    "E201": "`extends` leads nowhere, or in a circle",
    "E202": "a variant that does not exist, or cannot be chosen here",
    "E203": "two axes of variants write the same path",
    "E204": "a path or an edit addresses nothing",
    "E205": "two parameters that exclude each other, said in one place",
    "E206": "a computed width is not whole and no rounding is said",
    "E207": "a table's default that every row overrides",
    "E208": "a ramp leaves the range of its parameter, or is not whole",
    "E209": "a name of a row or a variant that is none, or is taken",
    "E210": "a whole column with another number of values than there are rows",
    "E211": "a computed number is absurdly large, or nothing is left",
    "E212": "`repeats` outside of `stages`",
    "E213": "two paths of a `search` set the same",
    "E214": "a value stands twice on one path of a `search`",
    "E215": "a range of a `search` that is none, is empty or too long",
    "E216": "a net costs more than its budget",
    "E217": "a path of a `search` that lies in `budget`",
    "E301": "the image does not fit: too small, not divisible, not an image",
    "E302": "a block cannot do what its parameters say with this input",
    "E303": "a tap that is not there, or is not one value",
    "E304": "`output_stride` reaches a block that has no dilation",
    "E305": "feature maps that are no images, or grow",
    "E306": "default boxes for another number of feature maps, none, or too many",
    "E307": "a spec without the block `ssd`, of which default boxes are asked",
    "E401": "Keras has no layer for a node",
    "E402": "Keras is set to put the channels first",
    "E403": "the name of a model file says no format",
    "E404": "TensorFlow, Keras or tf2onnx is needed and not installed",
    "E410": "an opset that cannot be emitted",
    "E411": "a batch size that is none",
    "E412": "more weights than an ONNX file holds",
    "E413": "an output has the name of the input",
    "E414": "a way to ONNX, a layout, a precision or a target that does not exist",
    "E415": "the name of an ONNX file does not end with .onnx",
    "E416": "a net that depends on the size of the image, which may be any",
    "E417": "logits or softmax of a net that gives no vector",
    "E418": "pixels to be normalized in a way that is not said, or does not fit",
    "E419": "an option that the way via tf2onnx does not have",
    "E420": "the model breaks the rules of ONNX",
    "E421": "ONNX Runtime refuses the model",
    "E422": "an output is not finite; the weights are to blame",
    "E423": "ONNX Runtime and the reference differ",
    "E424": "options of a file that do not go together",
    "E425": "weights for a Keras model file, which has its own",
    "E426": "an option that needs a graph, of a Keras model that gives none",
    "E427": "int8 without images, or images without int8",
    "E428": "a file that is to be exported to itself",
    "E430": "an opset that tf2onnx does not emit",
    "E431": "tf2onnx leaves operators of TensorFlow in the model",
    "E432": "tf2onnx fails",
    "E433": "a Keras model file that Keras cannot load",
    "E434": "a Keras model that does not take one image, or takes others",
    "E435": "a layer computes in bfloat16, which ONNX Runtime does not",
    "E436": "boxes are suppressed softly, which ONNX has no word for",
    "E440": "`equals` names a model that cannot be compared with",
    "E441": "the library refuses to build what `equals` names",
    "E442": "a Keras model file cannot be read, or is none of Keras 3",
    "E443": "layers of a Keras model that cannot be lifted",
    "E444": "a setting of a Keras layer that cannot be lifted",
    "E445": "a Keras model file lacks arrays that its own config asks for",
    "E446": "the size of the images of a Keras model is not known, or another",
    "E447": "a Keras model that is too large, too deep, or reads itself",
    "E450": "calibration images that cannot be read",
    "E451": "a folder without pictures to calibrate with",
    "E452": "too few images to calibrate with",
    "E453": "calibration images that are no .npy array",
    "E454": "a .npy array of another shape or type than the net's images",
    "E455": "a calibration image that is not finite",
    "E456": "pictures have other channels than the net's images",
    "E457": "a model that cannot be quantised",
    "E458": "no row or node of that name to stay in float32 up to",
    "E460": "the name of a LiteRT file does not end with `.tflite`",
    "E461": "there is no such precision of LiteRT files",
    "E462": "the images to calibrate int8 with are missing or do not fit",
    "E463": "TensorFlow cannot convert the net to LiteRT",
    "E464": "LiteRT refuses the model",
    "E465": "an output of a LiteRT model is not finite; the weights are to blame",
    "E466": "LiteRT and the reference differ",
    "E468": "rounding hides whether LiteRT and the reference agree",
    "E469": "an option that does not go with a LiteRT file",
    "E470": "a file to measure is not ONNX",
    "E471": "ONNX Runtime refuses a model to measure",
    "E472": "an input of a model to measure has a dimension that may be anything",
    "E473": "a model to measure takes another number of images",
    "E474": "an input of a model to measure has a type that is not drawn",
    "E475": "an input of a model to measure is larger than the memory",
    "E480": "an ONNX file that cannot be read",
    "E481": "an ONNX file without a spec in it",
    "E482": "labels that cannot be read, or are not as many as the classes",
    "E501": "a weight file cannot be read",
    "E502": "a weight file with an unknown suffix",
    "E503": "a weight file that is damaged, or no weight file",
    "E504": "weights lack arrays of the model",
    "E505": "weights hold arrays that the model does not have",
    "E506": "weights hold arrays of other shapes",
    "E507": "weights that are not finite numbers",
    "E508": "the seed of `random:SEED` is no whole number",
    "E509": "a row of `--reset` that does not exist or has no weights",
    "E510": "a conformance vector cannot be read, or is none",
    "E511": "there is nothing to compare with: a spec without `equals`",
    "E512": "`equals` names an implementation that has no vector",
    "E513": "another count of parameters than the implementation has",
    "E514": "a process of `verify --all` was ended from outside",
    "E620": "a sweep of a spec in which nothing varies",
    "E622": "a sweep of more points than are tried, or than can be numbered",
    "E623": "a process of a sweep was ended from outside",
    "E624": "what is kept beside the result is of another sweep",
    "E625": "a front of columns that are not there, or hold no numbers",
    "E626": "the name of a result file says no format",
    "E627": "a file that is no result of a sweep",
    "E628": "a Dask cluster that is not there, is lost, or has another version of archspec",
    "E640": "a report or a diagram is to be written to a file with another ending",
    "E650": "the port of `watch` is taken, or not for this user",
    "E651": "a block of `--blocks` fails on the page of `watch`",
    "E700": "a folder that is no data set, or cannot be read",
    "E701": "a data set with another number of classes than the net",
    "E702": "a file of labels or of names of classes that is broken, or one of several",
    "E703": "a label that is none of the classes",
    "E704": "nothing of a data set is left to train or to validate with",
    "E705": "a data set for another task than the net's",
    "E706": "a picture or a mask that has changed since it was looked at",
    "E720": "a folder holds a run of something else",
    "E721": "the state of a run is damaged",
    "E722": "a file of `--weights` has nothing for any row of the net",
    "E723": "a net that does not take pictures",
    "E724": "the loss of a run is no finite number any more",
    "E725": "a net without weights to train",
    "E726": "TF_CONFIG does not say which processes there are",
    "E727": "devices that cannot share a batch equally",
    "E728": "`early_stop` without pictures to give a score",
    "E729": "processes that do not train the same",
    "E730": "a process that others wait for is gone",
    "E731": "a net without an output that could be trained",
    "E740": "options of a detector's file that do not go together",
    "E741": "detections of a net that gives no boxes and scores",
    "E750": "a file whose pictures and outputs are not said in it, or are no pictures and classes",
    "E751": "a picture that does not decode, or is not there",
    "E752": "two pictures that would be drawn to one file, or one over itself",
}
"""Code → what is wrong, in a few words."""


def blocks() -> str:
    """The page of the blocks, their parameters, and what every row may say."""
    parts = [BLOCKS_HEAD, *_index()]
    parts += [line for name in BLOCKS for line in _block(name)]
    parts += [COMMON, _table(parameters_of(Convolutional))]
    parts += [
        "## Every row\n",
        "Whatever its block, a row may say:\n",
        _table(parameters_of(RowKeys)),
    ]
    parts += [EVERY_ROW, "## Beside the tables\n", _table(dict(_flat(parameters_of(Document))))]
    parts += ["## Mappings\n"]
    for name, cls, fields in SHARED:
        parts += [f"### The mapping `{name}`\n", f"{_first_line(cls)}\n", *_fields(cls, fields)]
    parts += ["## Functions\n", f"{fill(_words(FUNCTION), WIDTH)}.\n", FUNCTIONS, PADDINGS]
    return "\n".join(parts)


def _index() -> Iterator[str]:
    """The blocks by kind.

    Raises:
        ValueError: GROUPS does not name each block once.
    """
    named = [name for names in GROUPS.values() for name in names]
    if sorted(named) != sorted(BLOCKS):
        raise ValueError(sorted({*named} ^ {*BLOCKS}) or sorted(named))
    for kind, names in GROUPS.items():
        yield f"| {kind} | |\n|---|---|"
        yield from (
            f"| [`{name}`](#{name}) | {_first_line(BLOCKS[name].parameters)} |" for name in names
        )
        yield ""


def _fields(cls: type[Any], fields: Mapping[str, Parameter]) -> Iterator[str]:
    """The table of a mapping; what it has of a part is not said again."""
    if cls is not Part and issubclass(cls, Part):
        yield "It says what a [part](#the-mapping-part) says, and:\n"
        fields = {key: value for key, value in fields.items() if key not in parameters_of(Part)}
    yield _table(fields)


def _first_line(cls: type[Any]) -> str:
    return (getdoc(cls) or "").partition("\n")[0]


def _block(name: str) -> Iterator[str]:
    cls = BLOCKS[name].parameters
    common = parameters_of(Convolutional) if issubclass(cls, Convolutional) else {}
    every = {key: value for key, value in parameters_of(cls).items() if key not in common}
    slots: tuple[tuple[str, str], ...] = getattr(cls, "ONE_OF", ())
    yield f"## {name}\n"
    yield f"{_paragraphs(cls)}\n"
    fields = {key: value for key, value in every.items() if value.part_defaults is None}
    yield _table(fields, dict(slots)) if fields else "It has no parameters.\n"
    if common:
        yield "And those of [every block of convolutions](#every-block-of-convolutions).\n"
    for first, second in slots:
        yield f"`{first}` and `{second}` exclude each other: the nearer one holds.\n"
    if parts := {key: value for key, value in every.items() if value.part_defaults is not None}:
        yield "Its [parts](#the-mapping-part), and what in them does not follow the block:\n"
        yield "| part | which it is | by itself |\n|---|---|---|"
        for key, part in parts.items():
            yield f"| `{key}` | {_part(part)} | {_own(part, set(fields))} |"
        yield ""


def _paragraphs(cls: type[Any]) -> str:
    """The text of the block's file, each paragraph and the source filled anew."""
    text = (getdoc(getmodule(cls)) or "").replace("\nSource:", "\n\nSource:")
    return "\n\n".join(fill(" ".join(part.split()), WIDTH) for part in text.split("\n\n"))


def _part(part: Parameter) -> str:
    """Which convolution it is; a link where it is more than a part."""
    assert isinstance(part.kind, Object)  # noqa: S101  as `part` makes it
    if part.kind.type is Part:
        return part.doc
    name = next(name for name, cls, _ in SHARED if cls is part.kind.type)
    return f"{part.doc} ([a mapping](#the-mapping-{name}))"


def _own(part: Parameter, of_block: Container[str]) -> str:
    """The fields of a part that do not follow the block; `of_block` are its parameters."""
    said = {
        key: _value(value)
        for key, value in (part.part_defaults or {}).items()
        if not (value is None and (key == "group_width" or (key == "groups" and key in of_block)))
    }
    own = [
        "a group for each channel" if (key, value) == ("groups", "none") else f"`{key}: {value}`"
        for key, value in said.items()
    ]
    return ", ".join(own)


def _flat(parameters: Mapping[str, Parameter], path: str = "") -> Iterator[tuple[str, Parameter]]:
    """The parameters by path, with the fields of those mappings that have no table of their own."""
    for name, parameter in parameters.items():
        kind = parameter.kind
        if isinstance(kind, Kind) or kind.on != "always":
            yield f"{path}{name}", parameter
        if isinstance(kind, Object) and kind.parameters is not ROUNDING.parameters:
            yield from _flat(kind.parameters, f"{path}{name}.")


def _table(parameters: Mapping[str, Parameter], instead: Mapping[str, str] | None = None) -> str:
    """A line for each parameter; `instead` are those that another one may stand for."""
    lines = ["| parameter | value | default | meaning |", "|---|---|---|---|"]
    for name, parameter in parameters.items():
        default = _default(parameter, (instead or {}).get(name))
        meaning = parameter.doc + ("; scales with `scaling.width`" if parameter.count else "")
        if parameter.own:
            meaning += "; `defaults` for all blocks do not reach it"
        lines.append(f"| `{name}` | {_kind(parameter)} | {default} | {meaning} |")
    return "\n".join([*lines, ""])


def _kind(parameter: Parameter) -> str:
    kind, off = parameter.kind, ", or `none`" if parameter.off else ""
    if isinstance(kind, Kind):
        return _wanted(kind) + off
    name = next((name for name, _, fields in SHARED if fields is kind.parameters), None)
    mapping = f"[a mapping](#the-mapping-{name})" if name else "a mapping"
    return f"{mapping}, or its `{kind.leading}`{off}"


def _wanted(kind: Kind) -> str:
    """What a value may be; words as they are written."""
    links = {
        FUNCTION: "[a function](#functions)",
        PADDING: "[a padding](#paddings)",
        ANTIALIAS: "[a word](#antialiasing)",
    }
    if kind in links:
        return links[kind]
    words = kind.schema.get("enum", ())
    if set(WORDS) < set(words):
        others = ", ".join(f"`{word}`" for word in words if word not in WORDS)
        return f"{others}, or {links[FUNCTION]}"
    return _words(kind) or kind.wanted


def _words(kind: Kind) -> str:
    return ", ".join(f"`{word}`" for word in kind.schema.get("enum", ()))


def _default(parameter: Parameter, instead: str | None) -> str:
    if parameter.required:
        return f"**required**, or `{instead}`" if instead else "**required**"
    return f"`{_value(parameter.default)}`"


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        values = [_value(item) for item in value]
        return values[0] if len(set(values)) == 1 else f"[{', '.join(values)}]"
    return str(value)


def errors() -> str:
    """The page of the codes, each with an example where a spec can bring it about."""
    parts = [ERRORS_HEAD]
    for prefix, kind in KINDS.items():
        examples = {code: _example(code) for code in MEANINGS if code.startswith(prefix)}
        parts += [f"## {prefix}xx: {kind}\n", "| code | what is wrong |\n|---|---|"]
        parts += [
            f"| {f'[{code}](#{code.lower()})' if example else code} | {MEANINGS[code]} |"
            for code, example in examples.items()
        ]
        parts += [""]
        parts += [
            f"### {code}\n\n```text\n{example}\n```\n"
            for code, example in examples.items()
            if example
        ]
    return "\n".join(parts)


def _example(code: str) -> str:
    """The first problem of this code in tests/bad, as it is printed; "" without one."""
    for path in sorted(BAD.glob(f"{code}-*.txt")):
        for problem in re.split(r"\n(?! )", path.read_text(encoding="utf-8").rstrip("\n")):
            if f" {code} " in f" {problem}" and max(map(len, problem.splitlines())) <= WIDEST:
                return problem
    return ""


PAGES: Mapping[str, Callable[[], str]] = {"blocks.md": blocks, "errors.md": errors}
"""Page → what it says."""


if __name__ == "__main__":
    for page, text in PAGES.items():
        (DOCS / page).write_text(text(), encoding="utf-8")
