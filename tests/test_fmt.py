"""Formatting changes spaces and nothing else, and once is enough."""

from textwrap import dedent

import pytest
from archspec import zoo
from archspec.errors import SpecError
from archspec.fmt import fmt
from archspec.source import parse, plain
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.strategies import texts, zoo_with_slips

many = settings(max_examples=400, suppress_health_check=list(HealthCheck))


def formatted(text: str) -> str:
    """A text formatted, checked by the two promises: meaning kept, once is enough."""
    after = fmt(text, "net.yaml")
    assert repr(plain(parse(after, "net.yaml"))) == repr(plain(parse(text, "net.yaml")))
    assert fmt(after, "net.yaml") == after
    return after


def becomes(before: str, after: str) -> None:
    assert formatted(dedent(before)) == dedent(after)


@pytest.mark.parametrize("path", sorted(zoo.folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_the_zoo_is_formatted(path):
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


def test_whole_numbers_stand_to_the_right_and_words_to_the_left():
    becomes(
        """\
        stages:
          columns: [kernel,expansion , channels, repeats,se,activation]
          rows:
            - [3,1, 16,1,none,relu]
            - [ 3, 2.5 ,80, 1, none, ~ ]
            - [5, 6, 112, 10, 0.25, hard_swish]
        """,
        """\
        stages:
          columns: [kernel, expansion, channels, repeats, se, activation]
          rows:
            - [3, 1,    16,  1, none, relu]
            - [3, 2.5,  80,  1, none, ~]
            - [5, 6,   112, 10, 0.25, hard_swish]
        """,
    )


def test_decimals_stand_under_one_another_by_their_points():
    becomes(
        """\
        - [0.5, 1e-3, -1, a]
        - [12.25, .5, 1.5, b]
        - [~, 10, none, c]
        """,
        """\
        - [ 0.5,   1e-3, -1,   a]
        - [12.25,   .5,   1.5, b]
        - [~,     10,    none, c]
        """,
    )


def test_off_and_unsaid_end_where_whole_numbers_end():
    becomes(
        """\
        - [uib, none, 5, ~]
        - [uib, 5, none, ~]
        - [uib, 11, ~, none]
        """,
        """\
        - [uib, none,    5, ~]
        - [uib,    5, none, ~]
        - [uib,   11,    ~, none]
        """,
    )


def test_a_column_with_a_word_a_fraction_or_a_mix_begins_at_the_left():
    becomes(
        """\
        - ["0.5", 1, 1, [3,5,  7]]
        - [b10, 88/24, auto, 3]
        - ["10", 112, 16, {ratio : 4,of: 24}]
        """,
        """\
        - ["0.5", 1,     1,    [3, 5, 7]]
        - [b10,   88/24, auto, 3]
        - ["10",  112,   16,   {ratio: 4, of: 24}]
        """,
    )


def test_each_table_has_its_own_columns():
    becomes(
        """\
        variants:
          - columns: [name, input]
            rows:
              - ["96", 96]
              - ["128",   128]
          - wide:
              stages:
                columns: [channels, stride]
                rows:
                - [1024, 1]
                - [8, 2]
        """,
        """\
        variants:
          - columns: [name, input]
            rows:
              - ["96",   96]
              - ["128", 128]
          - wide:
              stages:
                columns: [channels, stride]
                rows:
                - [1024, 1]
                - [   8, 2]
        """,
    )


def test_rows_of_different_length_are_aligned_as_far_as_they_go():
    becomes(
        """\
        - [1, 200, 3]
        - [10, 2]
        - []
        - [100, 2, 3, 4]
        """,
        """\
        - [  1, 200, 3]
        - [ 10,   2]
        - []
        - [100,   2, 3, 4]
        """,
    )


def test_mappings_and_lists_that_stand_alone_get_one_space_behind_commas_and_colons():
    becomes(
        """\
        input: [ 224,224,3 ]
        scaling: {width : 1.0,rounding: {channels:   { divisor: 8,keep: 0.9 }}}
        stem:
          - {block: conv,channels:   32, "kernel":3}
          - { block: global_pool }
          - { }
        """,
        """\
        input: [224, 224, 3]
        scaling: {width: 1.0, rounding: {channels: {divisor: 8, keep: 0.9}}}
        stem:
          - {block: conv, channels: 32, "kernel": 3}
          - {block: global_pool}
          - {}
        """,
    )


def test_what_is_written_stays_as_it_is_written():
    text = dedent(
        """\
        # Quotes, spellings, blank lines and indentation are the author's.

        name:   'net'
        se:     {ratio: 0x10, epsilon: 1e-3, momentum: 0.990, scale: "1.0"}

        stages:
              rows:
                # an own line
                - [1.00, '16', TRUE]


                - block: conv
                  channels: 32
        """
    )
    assert formatted(text) == text


def test_comments_that_stood_in_one_column_stand_in_one_again():
    becomes(
        """\
        rows:
          - {block: conv, channels: 32}   # stem
          - [uib, 5, 96]                  # extra depthwise
          # between
          - [uib, none, 1024]             # inverted bottleneck
          - [ffn, none, 96, relu6, same]
        """,
        """\
        rows:
          - {block: conv, channels: 32}   # stem
          - [uib,    5,   96]             # extra depthwise
          # between
          - [uib, none, 1024]             # inverted bottleneck
          - [ffn, none,   96, relu6, same]
        """,
    )


def test_a_comment_that_an_edit_pushed_aside_comes_back():
    becomes(
        """\
        - [6, 16, relu]   # a
        - [6, 1024, relu]   # b
        - [6, 24, ~]      # c
        """,
        """\
        - [6,   16, relu]   # a
        - [6, 1024, relu]   # b
        - [6,   24, ~]      # c
        """,
    )


def test_comments_at_one_distance_from_their_rows_stand_in_one_column():
    becomes(
        """\
        - [6, 16] # a
        - [6, 160] # b
        """,
        """\
        - [6,  16] # a
        - [6, 160] # b
        """,
    )


def test_comments_without_an_order_keep_their_distance():
    becomes(
        """\
        - [6, 16]  # a
        - [6, 160]     # b
        """,
        """\
        - [6,  16]  # a
        - [6, 160]     # b
        """,
    )


def test_a_comment_behind_what_stands_alone_keeps_its_column_where_there_is_room():
    becomes(
        """\
        defaults:                        # as Keras has them
          norm: {type:  batch,  groups: 8} # moves to the left
          se: {of: hidden}               # stays
          init: {scale: 2,fan: out,a: 1} # is pushed
          l2: [1]# is set apart
        """,
        """\
        defaults:                        # as Keras has them
          norm: {type: batch, groups: 8}   # moves to the left
          se: {of: hidden}               # stays
          init: {scale: 2, fan: out, a: 1} # is pushed
          l2: [1]  # is set apart
        """,
    )


def test_no_line_ends_with_spaces_and_the_file_ends_with_one_line_end():
    assert formatted("a: 1  \n  \nb: [1 ]\t\n# c \n \n\n") == "a: 1\n\nb: [1]\n# c\n"
    assert formatted("a: 1") == "a: 1\n"


def test_line_ends_are_those_of_unix():
    assert formatted("a: 1\r\nb: [1,2] \r\n\rc: 1") == "a: 1\nb: [1, 2]\n\nc: 1\n"


def test_texts_of_several_lines_stay():
    text = 'a: |\n  x  \n  - [1,2] \nb: "x  \n  y"\nc: >-\n  z \n\n'
    assert formatted(text) == text
    kept = "a: |+\n  x\n\n\n"
    assert formatted(kept) == kept
    open_ended = "a: |\n  x"
    assert formatted(open_ended) == open_ended


def test_brackets_over_several_lines_stay():
    text = "rows: [\n  [1,2],\n  [10,2],\n]\nb: {c: 1,\n  d: [1,2]}\n"
    assert formatted(text) == text


def test_a_comma_before_a_closing_bracket_goes():
    becomes("- [1, 16, ]\n- [10, [3,],]\n", "- [ 1, 16]\n- [10, [3]]\n")


def test_anchors_aliases_and_rare_keys_are_kept():
    becomes("a: &x  [1,2]\nb: [ *x,&y  3 , *y]\n", "a: &x  [1, 2]\nb: [*x, &y 3, *y]\n")
    becomes("a: {b: ,c: }\nd: [? e : f,  g]\n", "a: {b: , c: }\nd: [? e : f,  g]\n")
    becomes("a: [b : c,'d':e]\n", "a: [b: c, 'd': e]\n")


def test_a_long_cell_does_not_push_the_table_aside():
    text = f"- [{'x' * 81}, 1]\n- [ab, 2]\n- [c,  3]\n"
    assert formatted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a:\n" + "  - [1, 2]  # c\n" * 99 + f"  - [{'x' * 9999}, 1]  # c\n",
        "a:\n" + f"  - [1, 2]{' ' * 9999}# c\n" * 2 + "  - [1, 2] # c\n" * 99,
        "a:\n" + "  - [1, 2]\n" * 99 + f"  - [{'[' * 20}1{']' * 20}{', 1' * 3333}]\n",
    ],
)
def test_no_row_makes_the_file_much_longer(text):
    assert len(formatted(text)) < 2 * len(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# a comment", "net.yaml:1:1: E102 the file is empty"),
        ("a: [1,\n---", "net.yaml:2:1: E102 not YAML: did not find expected node content"),
        ("a: 1\na: 2", "net.yaml:2:1: E106 key 'a' stands twice, first in line 1"),
        ("a: !b [1]", "net.yaml:1:4: E103 a spec has no tags such as '!b'"),
        ("\ufeffa: 1", "net.yaml:1:1: E101 character U+FEFF is not allowed in YAML"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_place(text, message):
    with pytest.raises(SpecError) as caught:
        fmt(text, "net.yaml")
    assert str(caught.value).splitlines()[0] == message


_gaps = st.sampled_from(["", "", " ", "  ", "    ", "\t"])
_words = st.sampled_from(
    [
        "1", "16", "1024", "-1", "0.25", "12.5", ".5", "1e-3", "~", "none", "relu", "1/12", "3x3",
        '"1.0"', "'a b'", "[3,5, 7]", "[ ]", "{ratio: 6,of: 24}", "{cycle: [1,2]}", "[[1 ,2],3]",
        "[a :1]",
    ]
)  # fmt: skip
_cells = st.builds(lambda before, word, after: before + word + after, _gaps, _words, _gaps)
_lists = st.lists(_cells, max_size=6).map(lambda cells: f"[{','.join(cells)}]")
_mappings = st.lists(_cells, max_size=3).map(
    lambda cells: f"{{{','.join(f'k{at}: {cell}' for at, cell in enumerate(cells))}}}"
)
_comments = st.builds(
    lambda gap, word: gap + word,
    st.sampled_from(["", " ", "  ", "   ", "       "]),
    st.sampled_from(["# c", "#", "# [1,2]  "]),
)
_rows = st.builds(
    lambda row, comment: f"- {row}{comment}",
    st.one_of(_lists, _lists, _lists, _mappings),
    st.one_of(st.just(""), _comments),
)
_lines = st.one_of(_rows, _rows, _rows, _rows, st.sampled_from(["# own", "", "  ", "- word  # c"]))
tables = st.lists(_lines, min_size=1, max_size=8).map(
    lambda lines: "rows:\n" + "".join(f"  {line}\n" for line in lines)
)


@many
@given(tables)
def test_any_table_keeps_its_meaning_and_is_done_at_once(text):
    after = formatted(text)
    assert [line for line in after.splitlines() if line != line.rstrip()] == []
    assert "".join(after.split()) == "".join(text.split())


@many
@given(st.one_of(zoo_with_slips, texts, tables))
@example("a:\n- {b: \\,? }  # c\n- [?,]  # c\n")
@example("a: |+\n  b\n\n  ")
def test_whatever_can_be_read_keeps_its_meaning_and_is_done_at_once(text):
    try:
        parse(text, "net.yaml")
    except SpecError:
        with pytest.raises(SpecError):
            fmt(text, "net.yaml")
    else:
        formatted(text)
