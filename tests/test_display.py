"""What a notebook shows of values; its methods are called as a notebook calls them."""

import json
from xml.etree import ElementTree as ET

import archspec
import pytest
from archspec import Spec, SpecError, api, views
from archspec.comparison import diff
from tests.commands import printed

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>&amp;\"'"


def parsed(text: str) -> ET.Element:
    """A piece of HTML, which is XML as well as far as we write it."""
    return ET.fromstring(f"<div>{text}</div>")  # noqa: S314  our own


def lines(table: ET.Element) -> list[dict[str, str]]:
    head, *rest = (["".join(cell.itertext()) for cell in line] for line in table.iter("tr"))
    return [dict(zip(head, line, strict=True)) for line in rest]


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet:b0", "squeezenet:1.1"])
def test_a_spec_is_shown_as_a_table_with_the_numbers_of_the_command(name):
    told = json.loads(printed("show", name, "--format", "json"))
    shown = parsed(archspec.load(name)._repr_html_())
    *rows, total = lines(shown.find("table"))
    assert [
        (row["row"], int(row["params"].replace(",", "")), int(row["macs"].replace(",", "")))
        for row in rows
    ] == [(row["row"], row["params"], row["macs"]) for row in told["rows"]]
    assert total["row"] == name
    assert total["params"] == f"{told['total']['params']:,}"
    assert f"{told['total']['flops']:,} for 1 image" in shown.find("pre").text


def test_a_spec_is_shown_as_a_diagram_too_to_be_opened():
    spec = archspec.load("mobilenet_v2")
    details = parsed(spec._repr_html_()).find("details")
    assert details.get("open") is None
    assert details.find("summary").text == "diagram"
    assert details.find(f"div/{SVG}svg") is not None
    assert spec._repr_svg_() == archspec.to_graph(spec)._repr_svg_()
    assert ET.fromstring(spec._repr_svg_()).tag == f"{SVG}svg"  # noqa: S314


def test_a_cost_is_shown_as_a_table_of_its_own_batch_and_precision():
    cost = archspec.cost("mobilenet_v2", batch=3, precision="fp16")
    shown = parsed(cost._repr_html_())
    *rows, total = lines(shown.find("table"))
    assert [row["row"] for row in rows] == [row.row for row in cost]
    assert [row["macs"] for row in rows] == [f"{row.macs:,}" for row in cost]
    assert total["macs"] == f"{cost.macs:,}"
    assert "for 3 images" in shown.find("pre").text
    assert "of activations in fp16" in shown.find("pre").text


def test_a_cost_of_nothing_is_shown():
    empty = archspec.cost("mobilenet_v2").__class__(())
    assert lines(parsed(empty._repr_html_()).find("table"))[0]["macs"] == "0"


def test_a_diff_is_shown_as_tables_of_what_differs():
    before, after = (archspec.load("mobilenet_v2", set=said) for said in ({}, {"classes": 7}))
    found = diff(before, after)
    shown = parsed(found._repr_html_())
    rows, totals = map(lines, shown.findall("table"))
    by_row = {row["row"]: row["params"] for row in rows}
    change = archspec.cost(after).params - archspec.cost(before).params
    assert by_row["head.classifier"] == f"{change:+,}"
    assert totals[0]["in all"] == "params"
    assert totals[0]["after"] == f"{archspec.cost(after).params:,}"
    title, fit = (text.text for text in shown.findall("pre"))
    assert title == "mobilenet_v2 → mobilenet_v2"
    assert f"{found.weights.fitting_numbers:,} of" in fit


def test_a_diff_of_the_same_net_says_so():
    shown = parsed(diff("mobilenet_v2", "mobilenet_v2")._repr_html_())
    assert shown.find("pre").text == "mobilenet_v2 → mobilenet_v2: the same net"
    assert shown.find("table") is None


def test_a_spec_that_stands_for_no_graph_shows_why(load):
    spec = load("stem: [{block: conv, channels: 4, kernel: 99, padding: valid}]")
    with pytest.raises(SpecError) as caught:
        archspec.to_graph(spec)
    shown = parsed(spec._repr_html_())
    assert shown.find("pre").text == str(caught.value)
    assert shown.find("table") is None
    assert spec._repr_svg_() is None


def hostile(write) -> Spec:
    source = json.dumps(HOSTILE)
    path = write(f"source: {source}\nstem: [{{block: conv, channels: 4, kernel: 3}}]")
    spec = archspec.load(path)
    return spec.__class__(**{**vars(spec), "name": HOSTILE})


def test_whatever_a_spec_is_called_is_text(write):
    spec = hostile(write)
    assert HOSTILE in parsed(diff(spec, "mobilenet_v2")._repr_html_()).find("pre").text
    shown = parsed(spec._repr_html_())
    assert lines(shown.find("table"))[-1]["row"] == HOSTILE
    assert not [item for item in shown.iter() if item.tag.rpartition("}")[2] == "script"]
    picture = ET.fromstring(spec._repr_svg_())  # noqa: S314
    assert not [item for item in picture.iter() if item.tag == f"{SVG}script"]


def test_the_table_is_that_of_the_views():
    spec = archspec.load("squeezenet:1.1")
    records, _total = views.table(spec, api.cost(spec))
    shown = lines(parsed(spec._repr_html_()).find("table"))[:-1]
    assert [row["says"] for row in shown] == [record["says"] for record in records]
    assert [row["field"] for row in shown] == [record["field"] for record in records]
