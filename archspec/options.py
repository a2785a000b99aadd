"""What an exported file may be: the options of the command, and the form that they mean."""

from collections.abc import Callable, Mapping, Sequence
from reprlib import repr as brief
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, cast

from archspec.api import Path
from archspec.errors import did_you_mean, error
from archspec.parameters import MAX_SIZE

# Each of these takes a tenth of a second, which commands that export nothing need not spend.
if TYPE_CHECKING:
    from archspec.backends.onnx import Form
    from archspec.backends.onnx.form import Layout, Target
    from archspec.passes.detections import Convention
    from archspec.passes.scores import Scores

OPSET = 17
"""The ONNX operators that every runtime of the last years knows."""

INT8_OPSETS = range(13, 28)
"""Those whose QuantizeLinear ONNX Runtime 1.32 has."""

Size: TypeAlias = int | tuple[int, int] | Literal["dynamic"]
"""Of images: a side of a square, height and width, or any."""

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]


class Options(TypedDict, total=False):
    """What an exported file is to be; each is an option of the command too.

    Args:
        opset: version of the ONNX operators, 13 to the newest; 17.
        batch: number of images; "dynamic" for any, which is so unless the file is for phones.
        size: of the images, in the stead of the spec's; "dynamic" for any.
        layout: of images, in and out; "nchw".
        precision: of weights and arithmetic, inputs and outputs are float32 all the same; "fp32".
        calibrate: for int8, a folder of pictures or a .npy file of images.
        float_until: for int8, the row or node up to which all stays in float32; chosen if none is.
        target: "any", or "mobile" for what accelerators of phones run as a whole.
        preprocess: whether the file takes uint8 RGB and normalizes it as the spec says.
        outputs: rows, parts or nodes to give in the stead of the spec's outputs, each under its
            own name, or under another as in `c3=s3`.
        scores: what a classifier gives; None for what the spec says.
        decoded: whether a detector gives boxes and scores in the stead of what it predicts.
        nms: whether it gives detections, boxes of which the like are suppressed.
        convention: how it says these, "default" or "tf_od".
        labels: a text file with the name of each class, which go into the metadata.
        external_data: whether the weights go into a file beside it; above 2 GiB they always do.
        via: "direct" or "tf2onnx".
        check: whether to run the file and compare before it appears; True.
        progress: told how many calibrating images are done, and how many there are.
    """

    opset: int
    batch: int | Literal["dynamic"] | None
    size: Size | None
    layout: "Layout"
    precision: Precision
    calibrate: Path | None
    float_until: str | None
    target: "Target"
    preprocess: bool
    outputs: Sequence[str]
    scores: "Scores | None"
    decoded: bool
    nms: bool
    convention: "Convention | None"
    labels: Path | None
    external_data: bool
    via: str
    check: bool
    progress: Callable[[int, int], None] | None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return value is None or value == "dynamic" or _is_number(value)


def _is_size(value: object) -> bool:
    sides = _items(value)
    if sides is None:
        return _is_count(value)
    return len(sides) == 2 and all(map(_is_number, sides))  # noqa: PLR2004  height and width


def _are_rows(value: object) -> bool:
    rows = _items(() if value is None else value)
    return rows is not None and all(isinstance(row, str) for row in rows)


def _items(value: object) -> Sequence[object] | None:
    return cast("Sequence[object]", value) if isinstance(value, tuple | list) else None


_WANTED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "opset": (_is_number, "a whole number"),
    "batch": (_is_count, "a whole number, or 'dynamic'"),
    "size": (_is_size, "a whole number, height and width, or 'dynamic'"),
    "outputs": (_are_rows, "a list of rows"),
    "scores": (lambda value: value in (None, "logits", "softmax"), "'logits' or 'softmax'"),
    "convention": (
        lambda value: value in (None, "default", "tf_od"),
        "'default' or 'tf_od'",
    ),
    "via": (lambda value: isinstance(value, str), "'direct' or 'tf2onnx'"),
}
"""Option → whether a value can be one, and what is one; other words are refused where they mean
something."""


def need_known(options: Options) -> None:
    """Refuse options that there are not, and values that are none, as Python would.

    Raises:
        TypeError: see above.
    """
    for name, value in options.items():
        if name not in Options.__annotations__:
            hint = did_you_mean(name, Options.__annotations__)
            raise TypeError(f"there is no option '{name}'" + (f"; {hint}" if hint else ""))
        can_be, wanted = _WANTED.get(name, (None, ""))
        if can_be and not can_be(value):
            raise TypeError(f"{name} is {brief(value)}; wanted: {wanted}")


def form_of(options: Options) -> "Form":
    """The form of an ONNX file.

    Raises:
        SpecError: E410, E411, E414 and E424, no file can be so.
    """
    from archspec.backends.onnx import Form  # noqa: PLC0415

    target, precision = options.get("target", "any"), options.get("precision", "fp32")
    opset = options.get("opset", OPSET)
    if precision == "int8":
        _need_int8(opset, external_data=options.get("external_data", False))
    elif options.get("float_until") is not None:
        raise error("E424", "'--float-until' is about int8 files")
    batch = options.get("batch")
    if batch is None:
        batch = "dynamic" if target == "any" else 1
    return Form(
        opset=opset,
        batch=None if batch == "dynamic" else batch,
        any_size=options.get("size") == "dynamic",
        layout=options.get("layout", "nchw"),
        precision="fp32" if precision == "int8" else precision,
        pixels=options.get("preprocess", False),
        target=target,
    )


def boxes_given(options: Options) -> "Convention | Literal['decoded'] | None":
    """What the file of a detector gives; None: what it gives by itself.

    Raises:
        SpecError: E740, options that do not go together.
    """
    ways = [name for name in ("nms", "decoded") if options.get(name)]
    others = [name for name in ("outputs", "scores") if ways and options.get(name)]
    if others or len(ways) > 1:
        one, other = (*ways, *others)[:2]
        raise error("E740", f"'{flag(one)}' does not go with '{flag(other)}'")
    convention = options.get("convention")
    if convention and ways != ["nms"]:
        raise error("E740", "'--convention' is about the detections of '--nms'")
    if ways == ["decoded"]:
        return "decoded"
    return (convention or "default") if ways else None


def need_images(options: Options) -> None:
    """Refuse int8 without images, and images without int8.

    Raises:
        SpecError: E427.
    """
    if bool(options.get("calibrate")) != (options.get("precision") == "int8"):
        raise error("E427", "int8 needs images: '--precision int8 --calibrate PATH'")


def _need_int8(opset: int, *, external_data: bool) -> None:
    if opset > INT8_OPSETS[-1]:
        span = f"{INT8_OPSETS[0]} to {INT8_OPSETS[-1]}"
        raise error("E424", f"int8 files are of opset {span}, not {opset}")
    if external_data:
        raise error("E424", "an int8 file has its weights in it")


def litert_form(options: Options) -> "Form":
    """The form of a LiteRT file: there is nothing to choose.

    Raises:
        SpecError: E469, an option of ONNX files is said.
    """
    from archspec.backends.onnx import Form  # noqa: PLC0415

    idle = {"opset": OPSET, "layout": "nchw", "target": "any", "via": "direct"}
    said: Mapping[str, Any] = {**idle, **options}
    others = [name for name, value in idle.items() if said[name] != value]
    others += [name for name in _OF_ONNX if said.get(name)]
    if said.get("precision") == "int8" and said.get("decoded"):
        raise error("E469", "a LiteRT file of int8 does not go with '--decoded'")
    others += ["size dynamic"] if said.get("size") == "dynamic" else []
    if others:
        hint = "'--decoded' gives boxes and scores" if others[0] == "nms" else ""
        raise error("E469", f"a LiteRT file does not go with '{flag(others[0])}'", hint=hint)
    return Form(layout="nhwc")


_OF_ONNX = ("preprocess", "external_data", "float_until", "nms")
"""Options of ONNX files."""


def sides(options: Options) -> tuple[int, int] | None:
    """Height and width of the images, where they are said.

    Raises:
        SpecError: E105, no image can be so large.
    """
    size = options.get("size")
    if size is None or size == "dynamic":
        return None
    height, width = (size, size) if isinstance(size, int) else size
    if not (0 < height <= MAX_SIZE and 0 < width <= MAX_SIZE):
        wanted = f"sides of 1 to {MAX_SIZE}"
        raise error("E105", f"images of {height}x{width} pixels; wanted: {wanted}")
    return height, width


def flag(name: str) -> str:
    """An option as the command line has it."""
    return f"--{name.replace('_', '-')}"
