"""The report as a file: its numbers are those of `show`, it needs nothing, and nothing in it runs."""

import json
import re
import subprocess
import sys
from base64 import b64encode
from datetime import date
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

import archspec
import pytest
from archspec import report
from archspec.report.charts import bars
from tests.commands import printed, refusal
from tests.sweeps import best, results

TINY = str(Path(__file__).parent / "data" / "tiny.yaml")
SPECS = ["mobilenet_v2", "efficientnet:b0"]
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&"
VOID = {"meta", "link", "img", "br", "wbr", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page: tables by the id of what they are in, attributes, scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict]] = []
        self.tables: list[dict] = []
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag == "table":
            ids = [some["id"] for _, some in self.open if some.get("id")]
            self.tables.append({"in": ids[-1], "keys": [], "rows": []})
        elif tag == "tr":
            self.tables[-1]["rows"].append([])
        elif "data-key" in found:
            self.tables[-1]["keys"].append(found["data-key"])
        elif "data-value" in found:
            self.tables[-1]["rows"][-1].append(json.loads(found["data-value"]))
        if tag not in VOID:
            self.open.append((tag, found))

    def handle_startendtag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data) -> None:
        self.texts.append(data)

    def table(self, place: str) -> list[dict]:
        """The rows of a table, by the keys of its columns."""
        (table,) = (table for table in self.tables if table["in"] == place)
        rows = [row for row in table["rows"] if row]
        return [dict(zip(table["keys"], row, strict=True)) for row in rows]


def shown(spec: str, *options: str) -> dict:
    return json.loads(printed("show", spec, "--format", "json", *options))


@pytest.fixture(scope="module")
def html() -> str:
    return report.page([archspec.load(spec) for spec in SPECS])


@pytest.mark.parametrize("number", [1, 2])
def test_the_tables_have_every_number_of_show(html, number):
    known = shown(SPECS[number - 1])
    page = Page(html)
    main, more = page.table(f"net{number}-rows"), page.table(f"net{number}-more")
    merged = [{**one, **other} for one, other in zip(main, more, strict=True)]
    assert merged[:-1] == known["rows"]
    total = {key: value for key, value in merged[-1].items() if value != ""}
    assert total == {"row": "in all"} | {
        key: value for key, value in known["total"].items() if key != "peak_node"
    }


def test_the_comparison_has_the_totals_of_show(html):
    for row, spec in zip(Page(html).table("compared"), SPECS, strict=True):
        known = shown(spec)
        assert row["spec"] == spec
        for key in ("params", "macs", "peak_memory", "weights_int8", "moved", "intensity"):
            assert row[key] == known["total"][key]


def test_two_specs_are_told_apart_as_diff_does(write):
    path = write("""\
        extends: mobilenet_v2
        change: {stages.s4.kernel: 5, stages.s5.expansion: 4}
        """.replace("        ", ""))  # fmt: skip
    page = Page(report.page([archspec.load("mobilenet_v2"), archspec.load(path)]))
    known = json.loads(printed("diff", "mobilenet_v2", path, "--format", "json"))
    rows = page.table("difference")
    assert [row["row"] for row in rows if row["what"] != "input"][-2:] == ["stages.s4", "stages.s5"]
    for row, other in zip(rows[-len(known["rows"]) :], known["rows"], strict=True):
        before, after = other["cost_before"], other["cost_after"]
        assert row["params"] == after["params"] - before["params"]
        assert row["macs"] == after["macs"] - before["macs"]
        assert row["weights"] == other["fit"]
    weights = known["weights"]
    said = f"{weights['fitting_arrays']} of the {weights['arrays']} arrays of net are in mobilenet_v2 too"
    assert said in "".join(page.texts)


def test_of_two_specs_that_are_one_net_that_is_said():
    spec = archspec.load(TINY)
    page = Page(report.page([spec, spec]))
    assert "The same net." in page.texts
    assert "difference" not in [table["in"] for table in page.tables]


def test_three_specs_are_compared_but_not_told_apart():
    spec = archspec.load(TINY)
    page = Page(report.page([spec, spec, spec]))
    assert len(page.table("compared")) == 3
    assert "difference" not in [found.get("id") for _, found in page.elements]


def test_batch_and_precision_are_counted_as_show_does():
    spec = archspec.load(TINY)
    page = Page(report.page([spec], batch=4, precision="int8"))
    known = shown(TINY, "--batch", "4", "--precision", "int8")
    merged = zip(page.table("net1-rows"), page.table("net1-more"), strict=True)
    assert [{**one, **other} for one, other in merged][:-1] == known["rows"]
    assert "4 images of 16×16×3, activations in int8" in "".join(page.texts)


def test_the_charts_have_the_numbers_of_the_table(html):
    rows = shown("mobilenet_v2")["rows"]
    charts = {found["id"]: found for _, found in Page(html).elements if "data-figure" in found}
    for key in ("params", "macs", "peak_memory"):
        (trace,) = json.loads(charts[f"net1-{key}"]["data-figure"])["data"]
        assert trace["x"] == [row[key] for row in rows]
        axis = json.loads(charts[f"net1-{key}"]["data-figure"])["layout"]["yaxis"]
        assert axis["ticktext"] == [row["row"] for row in rows]


def test_an_axis_of_bytes_counts_in_units_of_1024():
    page = Page(report.page([archspec.load("mobilenet_v2")]))
    (chart,) = (found for _, found in page.elements if found.get("id") == "net1-peak_memory")
    axis = json.loads(chart["data-figure"])["layout"]["xaxis"]
    assert axis["ticktext"] == ["0 MiB", "2 MiB", "4 MiB"]
    assert axis["tickvals"] == [0, 2 << 20, 4 << 20]


def test_an_axis_of_bytes_has_no_end():
    chart = bars("id", "peak memory", ["row"], [10**30], "peak_memory")
    assert json.loads(chart.figure)["layout"]["xaxis"]["ticktext"] == [
        "0 TiB", "500000000000000000 TiB",
    ]  # fmt: skip


def test_the_shares_of_the_rows_are_of_all(html):
    shares = Page(html).table("net1-shares")
    assert sum(row["params_share"] for row in shares) == pytest.approx(1)
    assert sum(row["macs_share"] for row in shares) == pytest.approx(1)
    assert max(row["peak_memory_share"] for row in shares) == 1


def test_the_diagram_is_that_of_the_command(html, tmp_path):
    path = tmp_path / "net.svg"
    printed("diagram", "mobilenet_v2", "-o", str(path))
    assert path.read_text(encoding="utf-8").strip() in html


def test_the_same_specs_give_the_same_bytes(html):
    assert html == report.page([archspec.load(spec) for spec in SPECS])


def test_a_page_has_what_is_drawn_with_once_and_a_fragment_not_at_all(html):
    specs = [archspec.load(spec) for spec in SPECS]
    fragment = report.fragment(specs)
    assert fragment in html
    assert html.count(report.assets().library) == 1
    assert report.assets().library not in fragment
    assert "<script" not in fragment


def test_nothing_is_loaded(html):
    library = report.assets().library
    page = Page(html)
    policy = next(found["content"] for _, found in page.elements if "http-equiv" in found)
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    assert len(scripts) == 2
    assert policy == (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline';"
        " img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    loads = [
        (tag, found[key]) for tag, found in page.elements for key in ("src", "href") if key in found
    ]
    assert all(place.startswith(("#", "data:,")) for _, place in loads)
    assert set(re.findall(r"https?://[^\s\"'<)]+", html.replace(library, ""))) == {
        "http://www.w3.org/2000/svg"
    }
    assert not re.search(r"@import|url\(", html.replace(library, ""))


def test_no_element_has_a_handler_of_its_own(html):
    assert [
        found for _, found in Page(html).elements if any(key.startswith("on") for key in found)
    ] == []


def test_ids_are_there_once_and_links_lead_to_them(html):
    elements = Page(html).elements
    ids = [found["id"] for _, found in elements if "id" in found]
    assert len(ids) == len(set(ids))
    for _, found in elements:
        for key in ("href", "aria-labelledby"):
            place = found.get(key, "#report").removeprefix("#")
            assert place in ids or place.startswith("data:,")


def test_what_a_spec_says_is_text_whatever_it_says(write):
    said = json.dumps(HOSTILE)
    path = write(f"source: {said}\nstem: [{{block: conv, channels: 4, kernel: 1}}]")
    html = report.page([archspec.load(path)])
    assert HOSTILE in "".join(Page(html).texts)
    before = html.replace(report.assets().library, "")
    assert "alert(1)" in before
    assert before.count("<script>") == 2
    assert "<img" not in before


def test_a_row_that_no_output_needs_has_nothing_to_show(write):
    path = write("""\
        stem: [{block: conv, channels: 4, kernel: 1}]
        head: [{block: conv, channels: 8, kernel: 1}]
        outputs: {y: stem.conv}
        """)
    page = Page(report.page([archspec.load(path)]))
    assert page.table("net1-rows")[1]["output"] == []
    assert page.table("net1-shares")[1]["params_share"] == 0


# The points of a sweep


def plotted(html: str) -> tuple[list[dict], dict]:
    """The points of a page, and all that it says of the sweep."""
    (found,) = (found for _, found in Page(html).elements if found.get("id") == "sweep-chart")
    known = json.loads(found["data-figure"])
    return [dict(zip(known["columns"], row, strict=True)) for row in known["rows"]], known


def test_all_points_of_a_small_sweep_are_plotted(tmp_path):
    path = tmp_path / "found.csv"
    rows = results(path, 300)
    points, known = plotted(report.page([archspec.load(TINY)], sweep=path))
    assert points == [{key: row[key] for key in row if key != "trainable"} for row in rows]
    assert known["columns"][: known["axes"] + 1] == ["point", "scaling.width", "stages.*.kernel"]


def test_of_a_large_sweep_the_best_for_every_choice_and_a_sample_are_plotted(tmp_path):
    path = tmp_path / "found.csv"
    rows = results(path, 8000, "accuracy")
    html = report.page([archspec.load(TINY)], sweep=path)
    points, _known = plotted(html)
    assert f"8,000 points of {path}; {len(points):,} of them are shown" in "".join(Page(html).texts)
    assert 3000 <= len(points) < 5000
    by_number = {row["point"]: row for row in rows}
    assert all(by_number[point["point"]]["macs"] == point["macs"] for point in points)
    for low, other in (("macs", "params"), ("macs", "accuracy"), ("peak_memory", "macs")):
        for sign in (1, -1):
            there = {(point[low], point[other]) for point in points}
            assert best(rows, low, other, sign) <= there


def test_the_last_column_is_plotted_upwards_unless_it_is_a_cost(tmp_path):
    path = tmp_path / "found.csv"
    for more, wanted in (((), "params"), (("accuracy",), "accuracy")):
        results(path, 50, *more)
        page = Page(report.page([archspec.load(TINY)], sweep=path))
        chosen = [
            found["value"]
            for tag, found in page.elements
            if tag == "option" and "selected" in found
        ]
        assert chosen == ["macs", wanted, "more"]


def test_a_parquet_file_is_as_good_as_a_csv(tmp_path):
    from pyarrow import csv as arrow
    from pyarrow import parquet

    results(tmp_path / "found.csv", 100)
    parquet.write_table(arrow.read_csv(tmp_path / "found.csv"), tmp_path / "found.parquet")
    spec = archspec.load(TINY)
    pages = [report.page([spec], sweep=tmp_path / f"found.{kind}") for kind in ("csv", "parquet")]
    assert plotted(pages[0]) == plotted(pages[1])


def test_points_without_a_number_are_not_plotted(tmp_path):
    path = tmp_path / "found.csv"
    rows = results(path, 20, "accuracy")
    text = path.read_text(encoding="utf-8").replace(str(rows[3]["accuracy"]), "nan")
    path.write_text(text.replace(str(rows[7]["accuracy"]), "inf"), encoding="utf-8")
    html = report.page([archspec.load(TINY)], sweep=path)
    points, _known = plotted(html)
    assert [point["point"] for point in points] == [n for n in range(20) if n not in {3, 7}]
    left = f"20 points of {path}; not plotted, for a value is missing or no number below 2^53: 2."
    assert left in "".join(Page(html).texts)


@pytest.mark.parametrize("value", ["", "nan", "inf", "-inf", "9007199254740992", "1e300"])
def test_a_column_may_have_no_number_that_can_be_plotted(value, tmp_path):
    path = tmp_path / "found.csv"
    header = "point,scaling.width,params,trainable,macs,peak_memory,weights,accuracy"
    path.write_text(f"{header}\n0,0.5,1,1,1,1,1,{value}\n", encoding="utf-8")
    assert plotted(report.page([archspec.load(TINY)], sweep=path))[0] == []


def test_the_least_of_all_whole_numbers_is_not_plotted(tmp_path):
    path = tmp_path / "found.csv"
    header = "point,scaling.width,params,trainable,macs,peak_memory,weights"
    path.write_text(f"{header}\n0,1,{-(2**63)},1,1,1,1\n1,1,2,1,1,1,1\n", encoding="utf-8")
    points, _known = plotted(report.page([archspec.load(TINY)], sweep=path))
    assert [point["point"] for point in points] == [1]


def test_a_value_of_an_axis_that_json_lacks_is_a_text(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    values = {
        "nan": float("nan"), "inf": float("inf"), "none": None, "large": 2**53 + 1, "bytes": b"a",
        "day": date(2020, 1, 2), "decimal": Decimal("1.50"), "list": [1, 2],
    }  # fmt: skip
    costs = dict.fromkeys(["params", "trainable", "macs", "peak_memory", "weights"], 1)
    columns = {name: [value] for name, value in ({"point": 7} | values | costs).items()}
    path = tmp_path / "found.parquet"
    parquet.write_table(pa.table(columns), path)
    ((point,), _known) = plotted(report.page([archspec.load(TINY)], sweep=path))
    assert {name: point[name] for name in values} == {
        "nan": "nan", "inf": "inf", "none": None, "large": "9007199254740993", "bytes": "b'a'",
        "day": "2020-01-02", "decimal": "1.50", "list": "[1, 2]",
    }  # fmt: skip


def test_a_column_with_a_word_in_it_is_said_not_to_be_plotted(tmp_path):
    path = tmp_path / "found.csv"
    rows = results(path, 20, "accuracy")
    text = path.read_text(encoding="utf-8").replace(str(rows[3]["accuracy"]), "n/a")
    path.write_text(text, encoding="utf-8")
    html = report.page([archspec.load(TINY)], sweep=path)
    assert "accuracy" not in plotted(html)[1]["columns"]
    assert "not plotted, for not all in it are numbers: accuracy." in "".join(Page(html).texts)


def test_a_sweep_may_have_found_nothing(tmp_path):
    path = tmp_path / "found.csv"
    results(path, 1)
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    html = report.page([archspec.load(TINY)], sweep=path)
    assert plotted(html)[0] == []
    assert plotted(html)[1]["columns"] == [
        "point", "scaling.width", "stages.*.kernel", "params", "macs", "peak_memory", "weights",
    ]  # fmt: skip
    assert f"0 points of {path}." in "".join(Page(html).texts)


def test_a_file_that_is_no_result_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert refusal("report", TINY, "-o", "a.html", "--sweep", "other.csv") == (
        "E627 'other.csv' is no result of a sweep\n   wanted: the columns point, paths, params,"
        " trainable, macs, peak_memory, weights\n"
    )
    assert not Path("a.html").exists()


# Files


@pytest.mark.parametrize(("command", "ending"), [("report", ".html"), ("diagram", ".svg")])
def test_a_file_has_the_ending_of_what_is_in_it(command, ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("net.png", "net", f"net{ending}.txt", "net.SVG"):
        assert refusal(command, TINY, "-o", name) == (
            f"E640 '{name}' does not end in {ending}\n   only {ending} is written\n"
        )
    assert list(tmp_path.iterdir()) == []
    printed(command, TINY, "-o", f"net{ending}")
    assert [path.name for path in tmp_path.iterdir()] == [f"net{ending}"]


def test_a_keras_model_is_drawn(tmp_path):
    path = tmp_path / "net.svg"
    model = str(Path(TINY).with_suffix(".keras"))
    assert printed("diagram", model, "-o", str(path)) == f"{model} → {path}\n"
    assert "dw 3×3 /2, 8" in path.read_text(encoding="utf-8")


def test_another_size_is_drawn(tmp_path):
    path = tmp_path / "net.svg"
    printed("diagram", TINY, "-o", str(path), "--size", "32x48")
    assert "32×48×3" in path.read_text(encoding="utf-8")


def test_a_report_is_made_without_numpy_and_all_that_is_larger():
    script = """
import sys
sys.argv = ["archspec", "report", "mobilenet_v2", "-o", "net.html"]
import archspec.cli
try:
    archspec.cli.main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(*{name.partition(".")[0] for name in sys.modules}, sep="\\n")
"""
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
        )
    loaded = {*done.stdout.splitlines()}
    assert {"plotly", "jinja2"} <= loaded
    assert not loaded & {"numpy", "pyarrow", "tensorflow", "keras", "onnx", "onnxruntime", "rich"}
