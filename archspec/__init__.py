"""Compile YAML tables of neural-network architectures to Keras models and checked ONNX files."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archspec.api import BLOCKS, cost, default_boxes, json_schema, load, to_graph
    from archspec.artifacts import (
        compile,  # noqa: A004
        load_weights,
    )
    from archspec.block import Block, Builder
    from archspec.comparison import diff
    from archspec.errors import Diagnostic, SpecError
    from archspec.exports import export
    from archspec.graph import Graph
    from archspec.inspection import check
    from archspec.spec import Spec
    from archspec.verdicts import verify

_HOME = {
    **dict.fromkeys(("BLOCKS", "cost", "default_boxes", "json_schema", "load", "to_graph"), "api"),
    **dict.fromkeys(("compile", "load_weights"), "artifacts"),
    "export": "exports",
    **dict.fromkeys(("Block", "Builder"), "block"),
    "diff": "comparison",
    **dict.fromkeys(("Diagnostic", "SpecError"), "errors"),
    "Graph": "graph",
    "check": "inspection",
    "verify": "verdicts",
    "Spec": "spec",
}

__all__ = [
    "BLOCKS",
    "Block",
    "Builder",
    "Diagnostic",
    "Graph",
    "Spec",
    "SpecError",
    "check",
    "compile",
    "cost",
    "default_boxes",
    "diff",
    "export",
    "json_schema",
    "load",
    "load_weights",
    "to_graph",
    "verify",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  any public name
    # Names are imported when they are used, so that the command line starts fast.
    if name not in _HOME:
        raise AttributeError(f"module 'archspec' has no attribute '{name}'")
    return getattr(import_module(f"archspec.{_HOME[name]}"), name)
