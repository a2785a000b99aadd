"""A draft is its parent until it is edited."""

import re
from pathlib import Path

import archspec
import pytest
from archspec import zoo
from archspec.draft import MODELINE, _flow, draft
from archspec.fmt import fmt
from archspec.source import parse, plain
from hypothesis import example, given
from hypothesis import strategies as st
from tests import choices


def text_of(reference: str) -> str:
    return draft("mine", reference, archspec.load(reference))


def net(reference) -> str:
    """The graph without its name."""
    return str(archspec.to_graph(reference)).partition("\n")[2]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("reference", choices.every(zoo.names()))
def test_a_draft_is_checked_laid_out_and_computes_what_its_parent_does(here, reference):
    text = text_of(reference)
    (here / "mine.yaml").write_text(text, encoding="utf-8")
    assert archspec.check("mine.yaml") == ()
    assert fmt(text, "mine.yaml") == text
    assert net("mine.yaml") == net(reference)
    assert archspec.cost("mine.yaml") == archspec.cost(reference)


@pytest.mark.parametrize("reference", ["mobilenet_v1", "mobilenet_v3:small", "efficientnet:b3"])
def test_each_line_that_a_draft_suggests_may_be_said(here, reference):
    text = text_of(reference)
    hints = re.findall(r"^# (\w+): ", text.removeprefix(MODELINE), re.MULTILINE)
    assert hints == ["scaling", "defaults", "change"]
    for hint in hints:
        said = text.replace(f"# {hint}: ", f"{hint}: ")
        (here / "mine.yaml").write_text(said, encoding="utf-8")
        assert archspec.check("mine.yaml") == ()
        changed = archspec.cost("mine.yaml") != archspec.cost(reference)
        assert changed == (hint == "scaling")  # a cell is suggested as it is


def test_a_draft_looks_like_the_table_of_a_paper():
    assert (
        text_of("mobilenet_v3:large:0.75")
        == """\
# yaml-language-server: $schema=archspec.schema.json
archspec: 1
name: mine
extends: "mobilenet_v3:large:0.75"  # what is not said here is as it is there
input: 224                          # height and width, or [height, width, channels]
classes: 1000                       # width of the classifier
# scaling: {width: 0.75}              # every count of channels times 0.75, rounded by rule
# defaults: {activation: hard_swish}  # for every block that says nothing else
# change: {stem.conv.channels: 16}    # what the stem or the head says, by its path
stages:
  block: inverted_residual
  columns: [kernel, expansion, channels, repeats, stride, se, activation]
  rows:
    - [3, 1,    16, 1, 1, none, relu]
    - [3, 4,    24, 1, 2, none, relu]
    - [3, 3,    24, 1, 1, none, relu]
    - [5, 3,    40, 3, 2, 0.25, relu]
    - [3, 6,    80, 1, 2, none, ~]
    - [3, 2.5,  80, 1, 1, none, ~]
    - [3, 2.3,  80, 2, 1, none, ~]
    - [3, 6,   112, 2, 1, 0.25, ~]
    - [5, 6,   160, 3, 2, 0.25, ~]
"""
    )


PARENT = """\
archspec: 1
name: parent
input: [33, 17, 1]
classes: 3
stages:
  - {block: conv, name: first, channels: 4, kernel: 3, stride: 2}
  - {block: inverted_residual, channels: 4, expansion: 2, se: {ratio: 0.5}}
  - {block: conv, kernel: 1x3, channels: {cycle: [2, 6]}, repeats: 2, norm: {type: batch}}
  - {block: pool, type: max, kernel: 3, stride: 1}
"""


def test_rows_of_many_kinds_names_and_missing_parts_become_a_table(here):
    (here / "parent.yaml").write_text(PARENT, encoding="utf-8")
    text = text_of("parent.yaml")
    assert (
        text.partition("classes: 3")[2].lstrip()
        == """\
# width of the classifier
# scaling: {width: 0.75}              # every count of channels times 0.75, rounded by rule
# defaults: {activation: hard_swish}  # for every block that says nothing else
stages:
  columns: [name, block, channels, kernel, stride, expansion, se.ratio, repeats, norm.type, type]
  rows:
    - [first, conv,              4,               3,   2, ~, ~,   ~, ~,     ~]
    - [~,     inverted_residual, 4,               ~,   ~, 2, 0.5, ~, ~,     ~]
    - [~,     conv,              {cycle: [2, 6]}, 1x3, ~, ~, ~,   2, batch, ~]
    - [~,     pool,              ~,               3,   1, ~, ~,   ~, ~,     max]
"""
    )
    (here / "mine.yaml").write_text(text, encoding="utf-8")
    assert archspec.check("mine.yaml") == ()
    assert net("mine.yaml") == net("parent.yaml")


def test_a_parent_without_stages_has_a_draft_without_a_table(here):
    stem = "stem: [{block: conv, channels: 4, kernel: 3}]"
    (here / "parent.yml").write_text(f"archspec: 1\nname: p\ninput: 8\n{stem}\n", encoding="utf-8")
    text = text_of("parent.yml")
    assert text.splitlines()[-1].startswith("# change: {stem.conv.channels: 4}  ")
    (here / "mine.yaml").write_text(text, encoding="utf-8")
    assert archspec.check("mine.yaml") == ()
    assert net("mine.yaml") == net("parent.yml")


@pytest.mark.parametrize("name", ["my net.yaml", "né: #1 'x' \"y\".yaml", "12:30.yaml", "-.yml"])
def test_a_parent_of_any_name_is_extended(here, name):
    (here / name).write_text(PARENT, encoding="utf-8")
    (here / "mine.yaml").write_text(text_of(name), encoding="utf-8")
    assert archspec.check("mine.yaml") == ()


def test_the_spec_that_was_given_a_changed_table_keeps_the_names_of_its_rows(here):
    (here / "parent.yaml").write_text(
        "archspec: 1\nname: p\nextends: mobilenet_v2\nremove: [stages.s2]\n"
        "insert: [{after: stages.s3, rows: [{name: extra, channels: 48, expansion: 3}]}]\n",
        encoding="utf-8",
    )
    (here / "mine.yaml").write_text(text_of("parent.yaml"), encoding="utf-8")
    assert net("mine.yaml") == net("parent.yaml")
    names = [row.name for row in archspec.load("mine.yaml").rows if row.section == "stages"]
    assert names == ["s1", "s3", "extra", "s4", "s5", "s6", "s7"]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | words
scalars |= st.floats(allow_nan=False, allow_infinity=False)


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(words, inner)))
@example(["~", "null", "true", "yes", "1", "1.0", "1e3", ".inf", "---", "...", "-", "<<", "1/12"])
@example({"": 0.25, "of": "hidden", "a: b": "c #d", "\x7f\x85\u2028\ufeff": "\U0001f600\x00"})
def test_a_value_is_written_so_that_it_is_read_as_it_was(value):
    assert plain(parse(_flow(value), "value")) == value


@pytest.mark.parametrize(
    "word", ["relu", "72/16", "1x7", "none", "half_even", "a.b", "../net.yaml"]
)
def test_a_plain_word_has_no_quotes(word):
    assert _flow(word) == word
