import csv
import io
import json
import sys

import pytest
from archspec.tables import Bytes, plain, render, shown
from hypothesis import given
from hypothesis import strategies as st

RECORDS = [
    {"row": "stem.conv", "output": (112, 112, 32), "params": 992, "says": "kernel 3, stride 2"},
    {"row": "s1", "output": [1000], "params": 1281000, "says": ""},
]
TOTAL = {"row": "net", "output": "", "params": 1281992, "says": ""}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_text_has_words_to_the_left_numbers_to_the_right_and_the_total_below():
    assert render(RECORDS, "text", TOTAL) == (
        "row         output          params   says\n"
        "───────────────────────────────────────────────────────\n"
        "stem.conv   112x112x32         992   kernel 3, stride 2\n"
        "s1          1000         1,281,000\n"
        "\n"
        "net                      1,281,992"
    )


def test_json_keeps_numbers_and_shapes():
    assert json.loads(render(RECORDS, "json", TOTAL)) == [
        {**RECORDS[0], "output": [112, 112, 32]},
        RECORDS[1],
    ]


def test_csv_quotes_what_has_commas():
    assert render(RECORDS, "csv", TOTAL) == (
        'row,output,params,says\nstem.conv,112x112x32,992,"kernel 3, stride 2"\ns1,1000,1281000,'
    )


@pytest.mark.parametrize(("style", "text"), [("text", ""), ("json", "[]"), ("csv", "")])
def test_no_records_are_an_empty_table(style, text):
    assert render([], style) == text


def test_nothing_is_cut_where_no_terminal_reads():
    record = {"how": "word " * 2000}
    assert render([record], "text").splitlines()[-1] == record["how"].rstrip()


def test_a_terminal_gets_words_on_several_lines_and_numbers_whole(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    records = [{"row": "stages.s1", "says": "channels 16, kernel 3, stride 2", "macs": 1234567}]
    assert render(records, "text") == (
        "row         says                            macs\n"
        "────────────────────────────────────────────────\n"
        "stages.s1   channels 16, kernel 3,     1,234,567\n"
        "            stride 2"
    )
    monkeypatch.setenv("COLUMNS", "200")
    assert render(records, "text").endswith("channels 16, kernel 3, stride 2   1,234,567")


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE"])
def test_there_are_no_colors(monkeypatch, variable):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv(variable, "1")
    assert "\x1b" not in render(RECORDS, "text", TOTAL)


def test_words_that_look_like_markup_are_printed_as_they_are():
    assert render([{"how": "[red]x[/red] :smile:"}], "text").splitlines()[-1] == (
        "[red]x[/red] :smile:"
    )


def test_a_closed_standard_output_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert render(RECORDS, "text").startswith("row")


@pytest.mark.parametrize(
    ("value", "for_people", "for_programs"),
    [
        (0, "0", "0"),
        (1234567, "1,234,567", "1234567"),
        (-1000, "-1,000", "-1000"),
        ("word", "word", "word"),
        ((7, 7, 1280), "7x7x1280", "7x7x1280"),
        ([1000], "1000", "1000"),
        ((), "", ""),
        ({"keras": "MobileNet", "timm": "a"}, *["keras: MobileNet, timm: a"] * 2),
        ({}, "", ""),
        (None, "", ""),
        (Bytes(0), "0 B", "0"),
        (Bytes(1023), "1,023 B", "1023"),
        (Bytes(1024), "1.00 KiB", "1024"),
        (Bytes(588 * 1024), "588 KiB", "602112"),
        (Bytes(1024**2 - 1), "1,024 KiB", "1048575"),
        (Bytes(6021120), "5.74 MiB", "6021120"),
        (Bytes(99_990 * 1024**2 // 1000), "100 MiB", "104847114"),
        (Bytes(3 << 40), "3,072 GiB", "3298534883328"),
    ],
)
def test_values_for_people_and_for_programs(value, for_people, for_programs):
    assert (shown(value), plain(value)) == (for_people, for_programs)


# Before Python 3.13 csv does not quote a lone \r; no name has one.
words = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))


@given(st.lists(st.fixed_dictionaries({"a b": words, "n": st.integers()}), max_size=5))
def test_csv_is_read_back_as_it_was(records):
    text = render(records, "csv")
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    kept = [{"a b": row["a b"], "n": int(row["n"])} for row in found]
    assert kept == records
