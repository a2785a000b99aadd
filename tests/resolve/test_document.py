"""A resolved spec as a file of its own: loading it gives the same spec."""

import json

import archspec
import pytest
from hypothesis import HealthCheck, given, settings
from tests import choices
from tests.meaning import of_spec
from tests.strategies import FILES, clean_documents


def again(spec, path):
    path.write_text(json.dumps(spec.document), encoding="utf-8")
    return archspec.load(str(path))


@pytest.mark.parametrize(
    "reference", choices.every(FILES), ids=lambda text: text.rpartition("/")[2]
)
def test_a_resolved_spec_loads_as_itself(reference, tmp_path):
    spec = archspec.load(reference)
    second = again(spec, tmp_path / "again.yaml")
    assert of_spec(second) == of_spec(spec)
    assert second.document == spec.document
    assert str(archspec.to_graph(second)) == str(archspec.to_graph(spec))


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(document=clean_documents)
def test_any_spec_that_resolves_loads_as_itself(document, tmp_path_factory):
    path = tmp_path_factory.mktemp("again") / "net.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    if not archspec.check(str(path)):
        spec = archspec.load(str(path))
        assert of_spec(again(spec, path)) == of_spec(spec)


def test_scalars_that_met_mappings_keep_their_meaning(load, tmp_path):
    spec = load(
        """
        defaults: {norm: batch, inverted_residual: {se: 0.25}}
        stages:
          block: inverted_residual
          expansion: 2
          norm: {epsilon: 0.5}
          rows: [{channels: 8, se: {of: input}}, {channels: 8, se: none}, {channels: 8, name: last}]
        change: {stages.s2.se.of: output, defaults.norm.momentum: 0.5, scaling.rounding.channels.divisor: 8}
        variants: {v: {scaling: {rounding: {channels: down}}}}
        """,
        "v",
    )
    assert of_spec(again(spec, tmp_path / "again.yaml")) == of_spec(spec)


def test_a_document_has_neither_references_nor_edits():
    document = archspec.load("mobilenet_v2_notebook").document
    assert set(document) == {
        "archspec", "name", "source", "input", "classes", "normalization", "scaling", "defaults", "stem",
        "stages", "head",
    }  # fmt: skip
