"""What other libraries call the layers of the same nets: tables, and the way from there to here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TypeVar

import yaml

from archspec.graph import Graph

T = TypeVar("T")

BLOCK = re.compile(r"(?P<path>(?P<row>[^.]+)\.(?P<place>[0-9]+))\.(?P<part>.+)")
"""The name of a node in a block of the stages, `s3.2.expand.conv`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """One entry of a table; the head of keras.yaml says what its words mean."""

    functions: Sequence[str]
    layers: Mapping[str, str]
    blocks: Mapping[str, str] = field(default_factory=dict[str, str])
    block: str = ""
    first: str = ""


@cache
def families() -> Mapping[str, Family]:
    """Function of keras.applications → the names that its models have."""
    text = files(__name__).joinpath("keras.yaml").read_text(encoding="utf-8")
    table = [Family(**entry) for entry in yaml.safe_load(text).values()]
    return {function: family for family in table for function in family.functions}


def renamed(arrays: Mapping[str, T], graph: Graph, function: str) -> dict[str, T]:
    """What is there by `layer/array` of keras.applications, by the keys of a graph.

    Args:
        arrays: arrays, or whatever stands for them.
        graph: the same net.
        function: a key of `families()`.

    Returns:
        as many entries; one that the family has no name for keeps its key.
    """
    nodes = {layer: node for node, layer in _layers(graph, families()[function])}
    found: dict[str, T] = {}
    for key, value in arrays.items():
        layer, _, name = key.rpartition("/")
        node = nodes.get(layer) or next(
            (node for pattern, node in nodes.items() if re.fullmatch(pattern, layer)), layer
        )
        found[f"{node}/{name}"] = value
    return found


def _layers(graph: Graph, family: Family) -> Iterator[tuple[str, str]]:
    """Node and layer, for each node that the family has a name for."""
    rows: dict[str, int] = {}
    blocks: dict[str, int] = {}
    for node in graph.nodes:
        inside = BLOCK.fullmatch(node.name)
        if not inside:
            if node.name in family.layers:
                yield node.name, family.layers[node.name]
            continue
        row = rows.setdefault(inside["row"], len(rows) + 1)
        index = blocks.setdefault(inside["path"], len(blocks))
        if inside["part"] in family.blocks:
            block = family.block if index else family.first
            yield (
                node.name,
                family.blocks[inside["part"]].format(
                    block=block.format(index=index),
                    index=index,
                    number=index + 1,
                    row=row,
                    letter=chr(ord("a") - 1 + int(inside["place"])),
                ),
            )
