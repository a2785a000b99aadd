import csv
import io
import json
import re
import sys
from xml.etree import ElementTree as ET

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


def test_html_has_a_side_in_each_cell_and_the_total_in_its_foot():
    assert (
        render(RECORDS, "html", TOTAL)
        == """\
<table>
<thead><tr><th style="text-align: left">row</th><th style="text-align: left">output</th><th style="text-align: right">params</th><th style="text-align: left">says</th></tr></thead>
<tbody>
<tr><td style="text-align: left">stem.conv</td><td style="text-align: left">112x112x32</td><td style="text-align: right">992</td><td style="text-align: left">kernel 3, stride 2</td></tr>
<tr><td style="text-align: left">s1</td><td style="text-align: left">1000</td><td style="text-align: right">1,281,000</td><td style="text-align: left"></td></tr>
</tbody>
<tfoot><tr><td style="text-align: left">net</td><td style="text-align: left"></td><td style="text-align: right">1,281,992</td><td style="text-align: left"></td></tr></tfoot>
</table>"""
    )


EMPTY_HTML = "<table>\n<thead><tr></tr></thead>\n<tbody>\n</tbody>\n</table>"


@pytest.mark.parametrize(
    ("style", "text"), [("text", ""), ("json", "[]"), ("csv", ""), ("html", EMPTY_HTML)]
)
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


NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

# Before Python 3.13 csv does not quote a lone \r; no name has one.
words = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))


@given(st.lists(st.fixed_dictionaries({"a b": words, "n": st.integers()}), max_size=5))
def test_csv_is_read_back_as_it_was(records):
    text = render(records, "csv")
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    kept = [{"a b": row["a b"], "n": int(row["n"])} for row in found]
    assert kept == records


@given(st.lists(st.fixed_dictionaries({"<a> & b": words, "n": st.integers()}), min_size=1))
def test_html_holds_whatever_words_there_are_as_text(records):
    table = ET.fromstring(printable(render(records, "html")))  # noqa: S314  our own
    lines = [["".join(cell.itertext()) for cell in line] for line in table.iter("tr")]
    keys = list(records[0])
    assert lines == [
        keys,
        *([printable(shown(record[key])) for key in keys] for record in records),
    ]
    assert {element.tag for element in table.iter()} == {
        "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip


def printable(text: str) -> str:
    """The text less the characters that XML cannot hold."""
    return NOT_XML.sub("", text)
