"""The pipeline wired: load → resolve → lower → a back end."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from reprlib import repr as brief
from typing import TYPE_CHECKING, Any, TypeAlias

from archspec.block import Block, Derivation
from archspec.blocks import Discovered
from archspec.errors import Source, Span, error
from archspec.graph import Graph
from archspec.lower import Lowered, lower
from archspec.ops import DecodeBoxes
from archspec.resolve import Opened, open_spec, resolve
from archspec.source import Scalar, Tree, dump, parse
from archspec.spec import Spec, Tap
from archspec.zoo import open_tree, split

if TYPE_CHECKING:
    from archspec.backends.cost import Cost, Precision

Blocks: TypeAlias = Mapping[str, Block]

BLOCKS: Blocks = Discovered()

Path: TypeAlias = str | os.PathLike[str]

Reference: TypeAlias = Spec | Path
"""A loaded spec, a zoo name or a path with variants, `mobilenet_v2:1.4`, `my/net.yaml`, or an ONNX
file that was exported from one."""

Opener: TypeAlias = Callable[[str, Span | None], Tree]
"""Gives the tree of a zoo name or a path; for what a spec extends, with the place that names it."""

ONNX = ".onnx"


class Parameters(Mapping[str, type[Any]]):
    """Block name → parameter class, each block imported when it is asked for."""

    def __init__(self, blocks: Mapping[str, Block]) -> None:
        self._blocks = blocks

    def __getitem__(self, name: str) -> type[Any]:
        return self._blocks[name].parameters

    def __contains__(self, name: object) -> bool:
        return name in tuple(self._blocks)

    def __iter__(self) -> Iterator[str]:
        return iter(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)


def load(
    reference: Path,
    *,
    set: Mapping[str, object] | None = None,  # noqa: A002  the word of the command line
    blocks: Blocks = BLOCKS,
    **overrides: object,
) -> Spec:
    """A spec with nothing left to decide.

    Args:
        reference: a zoo name or a path to a .yaml file, with variants: `mobilenet_v2:1.4`.
        set: path → value to set last, as `--set` does: `{"stages.s4.kernel": 5}`.
        blocks: the blocks that rows may name; `{**archspec.BLOCKS, "mine": block}` adds one.
        overrides: top-level keys to lay over the spec: `scaling={"width": 0.5}`.

    Raises:
        SpecError: everything that is wrong with the spec, each with its place.
    """
    said = {**overrides, **(set or {})}
    settings = [_setting(path, path, _as_yaml(path, value)) for path, value in said.items()]
    return load_with(reference, settings, blocks)


def load_with(
    reference: Path,
    settings: Sequence[tuple[Scalar, Tree]],
    blocks: Blocks = BLOCKS,
    opener: Opener = open_tree,
) -> Spec:
    """As `load`, with settings that know their places; `opener` reads it and what it extends."""
    opened, asked = open_reference(reference, opener)
    return replace(resolve(opened, Parameters(blocks), asked, settings), blocks=blocks)


def open_reference(
    reference: Path, opener: Opener = open_tree
) -> tuple[Opened, list[tuple[str, Span]]]:
    """The file, and the variants that are asked for with their places in what was asked."""
    text = os.fspath(reference)
    if text.endswith(ONNX):
        return open_spec(_exported(text), opener), []
    name, variants = split(text)
    source = Source("the call", text)
    column = len(name) + 2
    asked: list[tuple[str, Span]] = []
    for variant in variants:
        end = column + len(variant)
        asked.append((variant, Span(source, 1, column, 1, end)))
        column = end + 1
    return open_spec(opener(name, None), opener), asked


def _exported(path: str) -> Tree:
    """The tree of the spec that an ONNX file was exported from."""
    from archspec.deploy.metadata import read_spec  # noqa: PLC0415  onnx takes a tenth of a second

    return parse(read_spec(path), path)


def setting(text: str) -> tuple[Scalar, Tree]:
    """`path=value` of `--set`, both with their places.

    Raises:
        SpecError: E102, there is no `=`; E1xx, the value is not YAML.
    """
    path, _equals, value = text.partition("=")
    if not path or not value.strip():
        raise error("E102", f"'--set {text}' is not path=value")
    return _setting(f"--set {path}", path, value)


def _setting(name: str, path: str, value: str) -> tuple[Scalar, Tree]:
    source = Source(name, f"{path}={value}")
    return Scalar(path, Span(source, 1, 1, 1, len(path) + 1)), parse(value, name)


def _as_yaml(path: str, value: object) -> str:
    """A Python value as YAML, of which JSON is a part."""
    try:
        return dump(value, _as_list)
    except (RecursionError, TypeError, ValueError) as reason:
        wanted = "what YAML can hold: text, finite numbers, lists, mappings"
        raise error("E105", f"'{path}' is {brief(value)}; wanted: {wanted}") from reason


def _as_list(value: Any) -> Any:  # noqa: ANN401  whatever JSON does not know
    """The numbers and arrays of numpy as Python's, without importing it."""
    if not hasattr(value, "tolist"):
        raise TypeError
    return value.tolist()


def to_graph(spec: Reference, *, blocks: Blocks | None = None) -> Graph:
    """The graph that a spec stands for.

    Raises:
        SpecError: a width does not come out whole, shapes do not fit, a tap is not there.
    """
    return _lowered(spec, blocks).graph


def derivations(spec: Reference, *, blocks: Blocks | None = None) -> tuple[Derivation, ...]:
    """How the widths inside blocks were computed from other widths."""
    return _lowered(spec, blocks).derivations


def cost(
    spec: Reference,
    *,
    batch: int = 1,
    precision: "Precision" = "fp32",
    blocks: Blocks | None = None,
) -> "Cost":
    """What a net costs, per row and in all; no framework is loaded.

    Args:
        spec: loaded, or what `load` takes.
        batch: number of images.
        precision: of activations, "fp32", "fp16" or "int8".
        blocks: the blocks that rows may name.

    Raises:
        SpecError: as `to_graph`; E411, there is no image; E414, there is no such precision.
    """
    from archspec.backends import cost as backend  # noqa: PLC0415

    return backend.emit(to_graph(spec, blocks=blocks), batch=batch, precision=precision)


def default_boxes(
    spec: Reference, *, blocks: Blocks | None = None
) -> tuple[tuple[float, float, float, float], ...]:
    """The default boxes of a detector: x1, y1, x2, y2 as shares of the image.

    In the order of the rows of `box_deltas`: feature map, y, x, size.

    Raises:
        SpecError: as `to_graph`; E307, it has no block `ssd`.
    """
    whole = loaded(spec, blocks)
    op = decoder(whole)
    return tuple(
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        for x, y, width, height in op.default_boxes()
    )


def decoder(spec: Spec) -> DecodeBoxes:
    """What makes boxes of the output `box_deltas` of a detector.

    Raises:
        SpecError: as `to_graph`; E307, it has no block `ssd`.
    """
    row = spec.detector
    if row is None:
        raise error("E307", f"{spec.title} has no block 'ssd', which predicts boxes")
    value = f"{row.path}.boxes"
    graph = to_graph(replace(spec, outputs={"boxes": Tap(value)}))
    op = graph.named[value].op
    assert isinstance(op, DecodeBoxes)  # noqa: S101  the block makes it
    return op


def sized(spec: Spec, height: int, width: int) -> Spec:
    """The spec for images of another size."""
    image = (height, width, spec.input[2])
    return replace(spec, input=image, written=lambda: {**spec.document, "input": list(image)})


def loaded(spec: Reference, blocks: Blocks | None = None) -> Spec:
    """A spec, loaded if it is not yet, with the blocks that are given."""
    if not isinstance(spec, Spec):
        return load(spec, blocks=BLOCKS if blocks is None else blocks)
    return spec if blocks is None else replace(spec, blocks=blocks)


def _lowered(spec: Reference, blocks: Blocks | None) -> Lowered:
    whole = loaded(spec, blocks)
    known = frozenset(whole.blocks)
    for row in whole.rows:
        if row.block not in known:
            hint = "give the blocks that it was loaded with"
            raise error("E112", f"unknown block '{row.block}'", row.cell("block"), hint)
    return lower(whole, whole.blocks)


def json_schema(*, blocks: Blocks = BLOCKS) -> dict[str, Any]:
    """The JSON Schema of spec files, for editors."""
    from archspec.published import published  # noqa: PLC0415

    return published({name: blocks[name].parameters for name in blocks})


def schema_text(blocks: Blocks = BLOCKS) -> str:
    """The JSON Schema of spec files as a file."""
    return json.dumps(json_schema(blocks=blocks), indent=2) + "\n"
