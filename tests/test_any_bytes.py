"""Whatever bytes are in a file, the answer is a list of diagnostics, soon, and never a traceback."""

import json
import re
from time import perf_counter

import archspec
import pytest
from archspec.errors import Diagnostic, render
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.strategies import clean_documents, documents, texts, zoo_with_slips

SECONDS = 10.0
a_few = settings(max_examples=150, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("any") / "any.yaml"


def answer(path, data: bytes) -> tuple[Diagnostic, ...]:
    """What `check` finds in a file, each with a code, a sentence and a place that is there."""
    path.write_bytes(data)
    start = perf_counter()
    found = archspec.check(str(path))
    assert perf_counter() - start < SECONDS
    for diagnostic in found:
        assert re.fullmatch(r"E[123]\d\d", diagnostic.code)
        assert diagnostic.message
        if span := diagnostic.span:
            assert 1 <= span.line <= len(span.source.lines)
            assert 1 <= span.column <= len(span.source.lines[span.line - 1]) + 1
    assert len(json.loads(render(found, "json"))) == len(found)
    assert bool(render(found, "text")) == bool(render(found, "github")) == bool(found)
    return found


@a_few
@given(data=st.binary(max_size=400))
def test_random_bytes_are_answered(data, path):
    assert answer(path, data)


@a_few
@given(text=texts)
def test_random_words_of_the_language_are_answered(text, path):
    answer(path, b"archspec: 1\nname: net\n" + text.encode())


@settings(a_few, max_examples=200)
@given(document=documents)
def test_random_specs_are_answered(document, path):
    answer(path, json.dumps(document).encode())


@settings(a_few, max_examples=200)
@given(document=clean_documents)
def test_random_nets_are_built_or_answered(document, path):
    if not answer(path, json.dumps(document).encode()):
        graph = archspec.to_graph(str(path))
        assert archspec.cost(str(path)).macs == sum(map(graph.macs_of, graph.nodes))


@a_few
@given(text=zoo_with_slips)
def test_files_of_the_zoo_with_slips_in_them_are_answered(text, path):
    answer(path, text.encode())
