"""How problems are collected and shown."""

import json

import archspec
import pytest
from archspec.errors import (
    MOST,
    Diagnostic,
    Note,
    Problems,
    Source,
    Span,
    SpecError,
    did_you_mean,
    error,
    quoted,
    render,
)

SOURCE = Source("net.yaml", "archspec: 1\nstem: [{block: conv, kernal: 3}]\n")
KERNAL = Span(SOURCE, 2, 22, 2, 28)
TYPO = Diagnostic("E104", "unknown parameter 'kernal'", KERNAL, "did you mean 'kernel'?")


def test_a_problem_names_its_place_and_underlines_it():
    assert render([TYPO], "text") == (
        "net.yaml:2:22: E104 unknown parameter 'kernal'\n"
        "    2 | stem: [{block: conv, kernal: 3}]\n"
        "      |                      ^^^^^^\n"
        "   did you mean 'kernel'?"
    )


def test_a_problem_without_a_place_is_one_line():
    assert render([Diagnostic("E100", "cannot read", None)], "text") == "E100 cannot read"


def test_problems_follow_one_another():
    assert render([TYPO, Diagnostic("E100", "cannot read", None)], "text").splitlines()[-2:] == [
        "   did you mean 'kernel'?",
        "E100 cannot read",
    ]


def test_the_chain_through_extends_stands_behind_the_hint():
    child = Source("child.yaml", "extends: net.yaml\n")
    parent = Source("net.yaml", SOURCE.text, via=Span(child, 1, 10, 1, 18))
    inherited = TYPO._replace(span=Span(parent, 2, 22, 2, 28), notes=(Note("in variant 'a'"),))
    assert render([inherited], "text").splitlines()[-1] == (
        "   did you mean 'kernel'?  in variant 'a'"
        "  inherited through 'extends: net.yaml' (child.yaml:1:10)"
    )


def test_a_long_line_is_cut_around_the_culprit():
    source = Source("long.yaml", "x" * 500 + "culprit" + "y" * 500)
    text = render([Diagnostic("E105", "wrong", Span(source, 1, 501, 1, 508))], "text")
    _, line, carets = text.splitlines()
    assert len(line) < 200
    assert line[carets.index("^") : carets.rindex("^") + 1] == "culprit"


def test_a_place_of_several_lines_is_underlined_to_the_end_of_the_first():
    source = Source("net.yaml", "stem: [a,\n  b]\n")
    text = render([Diagnostic("E105", "wrong", Span(source, 1, 7, 2, 5))], "text")
    assert text.splitlines()[1:] == ["    1 | stem: [a,", "      |       ^^^"]


def test_a_blank_line_is_not_shown():
    text = render([Diagnostic("E102", "empty", Span(Source("net.yaml", ""), 1, 1, 1, 1))], "text")
    assert text == "net.yaml:1:1: E102 empty"


def test_tabs_and_control_characters_do_not_move_the_caret():
    source = Source("net.yaml", "\ta\x1bb: 1\n")
    text = render([Diagnostic("E101", "wrong", Span(source, 1, 4, 1, 5))], "text")
    assert text.splitlines()[1:] == ["    1 |  a b: 1", "      |    ^"]


def test_json_is_data_with_places():
    data = json.loads(render([TYPO, Diagnostic("E100", "gone", None)], "json"))
    assert data[0] == {
        "code": "E104",
        "message": "unknown parameter 'kernal'",
        "hint": "did you mean 'kernel'?",
        "file": "net.yaml",
        "line": 2,
        "column": 22,
        "end_line": 2,
        "end_column": 28,
        "notes": [],
    }
    assert data[1]["file"] is None
    assert json.loads(render([], "json")) == []


def test_github_gets_one_workflow_command_a_problem():
    note = Note("100% sure\n: yes", KERNAL)
    diagnostic = TYPO._replace(span=Span(Source("a,b:c.yaml", "x"), 1, 1, 1, 2), notes=(note,))
    assert render([diagnostic], "github") == (
        "::error file=a%2Cb%3Ac.yaml,line=1,col=1,title=E104::unknown parameter 'kernal'"
        "%0Adid you mean 'kernel'?%0A100%25 sure%0A: yes (net.yaml:2:22)"
    )


def test_problems_are_shown_once_and_in_the_order_of_their_places():
    problems = Problems()
    problems.add("E105", "second", Span(SOURCE, 2, 1, 2, 2))
    problems.add("E105", "first", Span(SOURCE, 1, 5, 1, 6))
    problems.add("E105", "second", Span(SOURCE, 2, 1, 2, 2))
    assert [diagnostic.message for diagnostic in problems.diagnostics] == ["first", "second"]
    with pytest.raises(SpecError) as caught:
        problems.check()
    assert caught.value.diagnostics == problems.diagnostics
    assert str(caught.value) == render(problems.diagnostics, "text")


def test_no_problems_raise_nothing():
    problems = Problems()
    problems.check()
    assert len(problems) == 0


def test_nobody_has_to_read_a_million_problems():
    problems = Problems()
    for number in range(MOST):
        problems.add("E105", f"wrong {number}", None)
    with pytest.raises(SpecError) as caught:
        problems.add("E105", "one more", None)
    assert len(caught.value.diagnostics) == MOST + 1
    assert caught.value.diagnostics[-1].message == "more than 200 problems; the rest is not shown"


def test_a_file_with_a_million_mistakes_is_answered_with_the_first(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("archspec: 1\nname: net\n" + "".join(f"k{n}: 1\n" for n in range(20_000)))
    found = archspec.check(str(path))
    assert len(found) == MOST + 1
    assert found[0].message == "unknown key 'k0'"


def test_an_error_is_a_diagnostic_to_raise():
    assert error("E100", "gone", KERNAL, "look again").diagnostics == (
        Diagnostic("E100", "gone", KERNAL, "look again"),
    )


@pytest.mark.parametrize(
    ("word", "hint"),
    [("kernal", "did you mean 'kernel'?"), ("chanels", "did you mean 'channels'?"), ("xyz", "")],
)
def test_a_hint_is_the_nearest_word_or_nothing(word, hint):
    assert did_you_mean(word, ["kernel", "channels", "stride"]) == hint


def test_a_word_is_compared_with_those_nearest_in_length():
    known = [f"{'a' * 30}{number}" for number in range(5000)]
    assert did_you_mean("kernal", [*known, "kernel"]) == "did you mean 'kernel'?"


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "'a'"), (1, "1"), (None, "null"), (True, "true"), ([1, "a"], '[1, "a"]')],
)
def test_a_value_is_quoted_as_data(value, text):
    assert quoted(value) == text


def test_a_long_value_is_cut():
    assert quoted("x" * 100) == "'" + "x" * 58 + "…"
    assert len(quoted("x" * 100)) == 60
