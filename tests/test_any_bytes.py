"""Whatever bytes are in a file, the answer is a list of diagnostics, soon, and never a traceback."""

import json
import re
from functools import cache
from pathlib import Path
from time import perf_counter

import archspec
import pytest
from archspec import zoo
from archspec.errors import Diagnostic, render
from archspec.parameters import RowKeys, parameters_of
from archspec.schema import SKELETON
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECONDS = 10.0
HERE = Path(__file__).parent
FILES = [*sorted(zoo.folder().glob("*.yaml")), *sorted((HERE / "specs").glob("*.yaml"))]
BLOCKS = sorted(archspec.BLOCKS)
PARAMETERS = sorted({key for name in BLOCKS for key in parameters_of(archspec.BLOCKS[name].parameters)})
FIELDS = ["ratio", "of", "type", "epsilon", "mode", "divisor", "keep", "integer", "norm", "rate", "from"]
NUMBERS = ["0", "1", "2", "3", "8", "16", "24", "0.5", "1e-3", "-1", "1e9", "1/12", "3x3", ".nan", "0x10"]
WORDS = [
    *SKELETON, *BLOCKS, *PARAMETERS, *parameters_of(RowKeys), *FIELDS, *NUMBERS, "s1", "s2", "*", "conv2",
    "columns", "rows", "block", "inputs", "name", "after", "before", "width", "channels", "repeats", "none", "~",
    "cycle", "step", "to", "upto", "relu", "swish", "same", "valid", "batch", "always", "partial", "auto", "true",
    "mobilenet_v2", "mobilenet_v3:large", "stages.s1.kernel", "stages.*.channels", "scaling.width",
]  # fmt: skip
MARKS = [": ", ":", ", ", "[", "]", "{", "}", "- ", "\n", "\n  ", "\n    - ", '"', "'", "&a ", "*a", "#", "!", "|", ">", "?", "%", "\t", "."]  # fmt: skip
MARKS += ["\n\n", "---\n", "<<", "\r", "\x85", "\u2028", "\ufeff", "é", "\U0001f600", "\x00"]
TOKEN = re.compile(r"\s+|[\w./]+|.")

quick = settings(max_examples=150, suppress_health_check=list(HealthCheck))


def survives(data: bytes, folder: Path) -> None:
    path = folder / "any.yaml"
    path.write_bytes(data)
    start = perf_counter()
    found = archspec.check(str(path))
    assert perf_counter() - start < SECONDS
    for diagnostic in found:
        assert isinstance(diagnostic, Diagnostic)
        assert re.fullmatch(r"E[123]\d\d", diagnostic.code)
        assert diagnostic.message
        if span := diagnostic.span:
            assert 1 <= span.line <= len(span.source.lines)
            assert span.column >= 1
    assert json.loads(render(found, "json")) is not None
    assert bool(render(found, "text")) == bool(render(found, "github")) == bool(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


@quick
@given(data=st.binary(max_size=400))
def test_random_bytes(data, folder):
    survives(data, folder)


@quick
@given(text=st.lists(st.sampled_from([*WORDS, *MARKS, *MARKS]), max_size=60).map("".join))
def test_random_words_of_the_language(text, folder):
    survives(b"archspec: 1\nname: net\n" + text.encode(), folder)


words = st.sampled_from(WORDS)
scalars = st.one_of(
    words,
    st.none(),
    st.booleans(),
    st.integers(-2, 300),
    st.sampled_from([0.25, 0.5, 1e-3, 1e9, 1e308, -1.0, 0, 10**40]),
    st.text(max_size=3),
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=8
)


def mappings(keys: list[str], values) -> st.SearchStrategy:
    return st.dictionaries(st.sampled_from(keys), values, max_size=4)


good = st.sampled_from([1, 2, 3, 8, 16, 24, 0.5, "none", None, "relu", "batch", "same", "auto", "1/12", "3x5"])
spreads = st.one_of(
    st.builds(lambda a, b, end: {"from": a, end: b}, st.sampled_from([0, 1, 8, 16, 0.5, 1e308]), st.sampled_from([0, 1, 2, 8, -1e308]), st.sampled_from(["to", "step", "upto"])),
    st.lists(good, min_size=1, max_size=3).map(lambda items: {"cycle": items}),
)
objects = mappings([*FIELDS, "activation", "kernel", "groups", "rounding", ""], good | spreads)
values = st.one_of(good, good, spreads, objects, trees)
rows = st.builds(
    lambda block, needed, more: {"block": block, **needed, **more},
    st.sampled_from(BLOCKS),
    st.just({}) | st.just({"channels": 16, "kernel": 3, "expansion": 2}) | st.just({"channels": 8, "kernel": [3, 5], "stride": 2, "expansion": 6}),
    mappings([*PARAMETERS, *parameters_of(RowKeys), "inputs", "name", "se.ratio", "expand.groups"], values),
)
tables = st.lists(rows, max_size=3) | st.builds(
    lambda more, inner: {**more, "rows": inner}, mappings([*PARAMETERS, *BLOCKS, "block", "columns"], values), st.lists(rows | st.lists(good, max_size=3), max_size=3)
)
paths = ["scaling.width", "stages.s1.kernel", "stages.*.channels", "stages.s1.se.ratio", "stem", "stages", "stages.kernel", "head.conv.channels", "defaults.norm", "outputs", "input", "equals.keras"]
bodies = st.fixed_dictionaries(
    {},
    optional={
        "input": good | trees,
        "classes": good,
        "scaling": objects | st.just({"width": 0.5, "depth": 2.0, "rounding": {"channels": {"divisor": 8}}}),
        "defaults": mappings([*PARAMETERS, *BLOCKS], values),
        "stem": tables,
        "stages": tables,
        "head": tables,
        "outputs": mappings(["a", "b", "input"], words),
        "output_stride": st.just({"at": 2}) | objects,
        "change": mappings(paths, values | tables),
        "remove": st.lists(st.sampled_from(["stages.s1", "stages.s2", "stem.conv", "head.conv"]), max_size=2),
        "insert": st.lists(
            st.builds(lambda where, inner: {where: "stages.s1", "rows": inner}, st.sampled_from(["after", "before"]), st.lists(rows, min_size=1, max_size=2)), max_size=2
        ),
    },
)
variants = st.one_of(
    st.dictionaries(st.sampled_from(["a", "b", "1.0"]), bodies, max_size=2),
    st.builds(lambda head, cell: {"columns": ["name", head], "rows": [["t", cell], ["u", None]]}, st.sampled_from(paths), values),
)
documents = st.builds(
    lambda body, extends, axes: {"archspec": 1, "name": "net", "input": 32, **body, **extends, **axes},
    bodies,
    st.just({}) | st.sampled_from(["mobilenet_v2", "mobilenet_v3:large", "efficientnet:b1"]).map(lambda name: {"extends": name}),
    st.just({}) | st.lists(variants, min_size=1, max_size=2).map(lambda axes: {"variants": axes}),
)


@settings(quick, max_examples=300)
@given(document=documents)
def test_random_specs(document, folder):
    survives(json.dumps(document).encode(), folder)


@cache
def tokens(path: Path) -> list[str]:
    return TOKEN.findall(path.read_text(encoding="utf-8"))


def mutated(pieces: list[str], edits: list[tuple[str, int, int]]) -> str:
    pieces = list(pieces)
    for edit, at, other in edits:
        at, other = at % len(pieces), other % len(pieces)
        if edit == "delete":
            pieces[at] = ""
        elif edit == "duplicate":
            pieces.insert(at, pieces[at])
        elif edit == "swap":
            pieces[at], pieces[other] = pieces[other], pieces[at]
        else:
            pieces[at] = [*WORDS, *MARKS][other % (len(WORDS) + len(MARKS))]
    return "".join(pieces)


edits = st.lists(
    st.tuples(st.sampled_from(["delete", "duplicate", "swap", "replace"]), st.integers(0, 1 << 20), st.integers(0, 1 << 20)),
    min_size=1,
    max_size=4,
)


@quick
@given(path=st.sampled_from(FILES), edits=edits, by_line=st.booleans())
def test_a_file_of_the_zoo_with_a_slip_in_it(path, edits, by_line, folder):
    text = path.read_text(encoding="utf-8")
    pieces = text.splitlines(keepends=True) if by_line else tokens(path)
    survives(mutated(pieces, edits).encode(), folder)
