"""The pipeline wired: load → resolve → lower → a back end."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from reprlib import repr as brief
from typing import TYPE_CHECKING, Any, TypeAlias

from archspec.backends import framework
from archspec.block import Block, Derivation
from archspec.blocks import Discovered
from archspec.errors import Source, Span, error
from archspec.graph import Graph
from archspec.lower import Lowered, lower
from archspec.resolve import Opened, open_spec, resolve
from archspec.source import Scalar, Tree, dump, parse
from archspec.spec import Spec
from archspec.zoo import open_tree, split

if TYPE_CHECKING:
    import keras
    import numpy as np

    from archspec.backends.cost import Cost
    from archspec.deploy.export import Exported
    from archspec.weights.store import Loaded

Blocks: TypeAlias = Mapping[str, Block]

BLOCKS: Blocks = Discovered()

Path: TypeAlias = str | os.PathLike[str]

Reference: TypeAlias = Spec | Path
"""A loaded spec, or a zoo name or path with variants: `mobilenet_v2:1.4`, `my/net.yaml`."""

Weights: TypeAlias = "Path | Mapping[str, np.ndarray] | keras.Model"
"""`random:SEED`, a weight file of any kind, arrays by key, or a Keras model."""

UNTRAINED = "random:0"

OPSET = 17
"""The ONNX operators that every runtime of the last years knows."""


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
    reference: Path, settings: Sequence[tuple[Scalar, Tree]], blocks: Blocks = BLOCKS
) -> Spec:
    """As `load`, with settings that know their places."""
    opened, asked = open_reference(reference)
    return replace(resolve(opened, Parameters(blocks), asked, settings), blocks=blocks)


def open_reference(reference: Path) -> tuple[Opened, list[tuple[str, Span]]]:
    """The file, and the variants that are asked for with their places in what was asked."""
    text = os.fspath(reference)
    name, variants = split(text)
    source = Source("the call", text)
    column = len(name) + 2
    asked: list[tuple[str, Span]] = []
    for variant in variants:
        end = column + len(variant)
        asked.append((variant, Span(source, 1, column, 1, end)))
        column = end + 1
    return open_spec(open_tree(name), open_tree), asked


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


def cost(spec: Reference, *, blocks: Blocks | None = None) -> "Cost":
    """Parameters and multiply-accumulates, per row and in all; no framework is loaded."""
    from archspec.backends import cost as backend  # noqa: PLC0415

    return backend.emit(to_graph(spec, blocks=blocks))


def compile(  # noqa: A001  the word of the field
    spec: Reference,
    *,
    weights: "Weights | None" = None,
    reset: Sequence[str] = (),
    blocks: Blocks | None = None,
) -> "keras.Model":
    """A trainable `keras.Model` of stock layers.

    Args:
        spec: what to build.
        weights: what it starts with; None for the spec's initializers.
        reset: rows that start with the spec's initializers whatever the file has: `classifier`.
        blocks: as in `load`; a loaded spec has them already.

    Raises:
        SpecError: the spec is wrong; E5xx, the weights do not fit it.
    """
    with framework("a Keras model"):
        from archspec.backends import keras as backend  # noqa: PLC0415

    net = to_graph(spec, blocks=blocks)
    if weights is None:
        return backend.emit(net)
    from archspec.weights import keys_of  # noqa: PLC0415

    found, initial = arrays(weights, net, reset), keys_of(net, reset)
    model = backend.emit(net)
    own = backend.read_weights(model) if initial else {}
    backend.write_weights(model, {**found, **{key: own[key] for key in initial}})
    return model


def load_weights(
    spec: Reference, path: Path, *, reset: Sequence[str] = (), blocks: Blocks | None = None
) -> "Loaded":
    """The arrays of a spec by key, from a file of any kind, and where each comes from.

    Args:
        spec: what the arrays are for.
        path: a .safetensors, .keras, .weights.h5, .h5, .pth or .pt file with the names of archspec,
            timm, torchvision or keras.applications.
        reset: rows whose arrays are drawn anew, and need not be in the file: `classifier`.
        blocks: as in `load`; a loaded spec has them already.

    Returns:
        a mapping from `node/array` to arrays in Keras layout, with an attribute `coverage`.

    Raises:
        SpecError: E501 to E507, the file does not fit; E509, there is no such row.
    """
    from archspec.weights import redrawn  # noqa: PLC0415
    from archspec.weights.store import read  # noqa: PLC0415

    net = to_graph(spec, blocks=blocks)
    return read(path, net, redrawn(net, reset))


def export(  # noqa: PLR0913  one keyword for each option of the command
    spec: Reference,
    path: Path,
    *,
    weights: Weights = UNTRAINED,
    reset: Sequence[str] = (),
    opset: int = OPSET,
    batch: int | None = None,
    via: str = "direct",
    check: bool = True,
    blocks: Blocks | None = None,
) -> "Exported":
    """Write an ONNX file that computes what the spec says.

    Args:
        spec: what to export.
        path: the file, ending with .onnx; it appears whole or not at all.
        weights: what it computes with.
        reset: rows that are drawn anew whatever the file has for them: `classifier`.
        opset: version of the ONNX operators, 13 to the newest.
        batch: a fixed batch size; None for any.
        via: "direct" or "tf2onnx".
        check: whether to compare ONNX Runtime with the reference before the file appears.
        blocks: as in `load`; a loaded spec has them already.

    Raises:
        SpecError: the spec is wrong; E4xx, the export; E5xx, the weights.
    """
    from archspec.deploy import export as deploy  # noqa: PLC0415

    loaded = _loaded(spec, blocks)
    net = to_graph(loaded, blocks=blocks)
    with framework(f"the way via {via}"):
        return deploy.export(
            net,
            arrays(weights, net, reset),
            path,
            opset=opset,
            batch=batch,
            via=via,
            check=check,
            metadata=metadata(loaded),
        )


def metadata(spec: Spec) -> dict[str, str]:
    """What an exported file says of itself: the resolved spec, which `archspec` loads again."""
    return {"archspec.spec": dump(spec.document), "archspec.title": spec.title}


def arrays(weights: Weights, net: Graph, reset: Sequence[str] = ()) -> "Mapping[str, np.ndarray]":
    """The arrays of a graph by key, wherever they come from, those of the rows `reset` drawn anew.

    Raises:
        SpecError: E5xx, a file that cannot be read, arrays that are missing, surplus or misshapen.
        TypeError: it is nothing that has weights.
    """
    from archspec.weights import load as load_arrays  # noqa: PLC0415
    from archspec.weights import redrawn  # noqa: PLC0415
    from archspec.weights.fit import fit  # noqa: PLC0415

    if isinstance(weights, str | os.PathLike):
        return load_arrays(os.fspath(weights), net, reset)
    if isinstance(weights, Mapping):
        return fit({**weights, **redrawn(net, reset)}, net)
    if not hasattr(weights, "layers"):
        wanted = "a file, random:SEED, arrays by key, or a Keras model"
        raise TypeError(f"weights are {brief(weights)}; wanted: {wanted}")
    from archspec.backends.keras import read_weights  # noqa: PLC0415

    return fit({**read_weights(weights), **redrawn(net, reset)}, net, "the model")


def _loaded(spec: Reference, blocks: Blocks | None) -> Spec:
    if not isinstance(spec, Spec):
        return load(spec, blocks=BLOCKS if blocks is None else blocks)
    return spec if blocks is None else replace(spec, blocks=blocks)


def _lowered(spec: Reference, blocks: Blocks | None) -> Lowered:
    loaded = _loaded(spec, blocks)
    known = frozenset(loaded.blocks)
    for row in loaded.rows:
        if row.block not in known:
            hint = "give the blocks that it was loaded with"
            raise error("E112", f"unknown block '{row.block}'", row.cell("block"), hint)
    return lower(loaded, loaded.blocks)


def json_schema(*, blocks: Blocks = BLOCKS) -> dict[str, Any]:
    """The JSON Schema of spec files, for editors."""
    from archspec.published import published  # noqa: PLC0415

    return published({name: blocks[name].parameters for name in blocks})


def schema_text(blocks: Blocks = BLOCKS) -> str:
    """The JSON Schema of spec files as a file."""
    return json.dumps(json_schema(blocks=blocks), indent=2) + "\n"


def save(
    spec: Reference,
    path: Path,
    weights: "Weights | None" = None,
    *,
    reset: Sequence[str] = (),
    blocks: Blocks | None = None,
) -> None:
    """Build the Keras model and write it.

    `.keras` is all of it, `.safetensors` the weights alone, a folder a SavedModel.

    Raises:
        SpecError: as `compile`; E4xx, the file cannot be written or is of no known kind.
    """
    with framework("a Keras model"):
        from archspec.backends import keras as backend  # noqa: PLC0415

    backend.save(compile(spec, weights=weights, reset=reset, blocks=blocks), path)
