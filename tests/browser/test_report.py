"""The report in Chromium: it shows the numbers of `show`, to everyone, on every screen and on paper."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from tests.commands import printed
from tests.sweeps import best, results

pytestmark = pytest.mark.browser

LOOK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")
SPECS = ["mobilenet_v2", "squeezenet:1.1"]
HOSTILE = """\
archspec: 1
name: hostile
source: "</script><script>document.title='x';alert(1)</script><img src=x onerror=alert(2)>'\\"&"
input: 16
stem:
  - {block: conv, channels: 4, kernel: 3}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The file of a report, of one spec or of several."""
    folder = tmp_path_factory.mktemp("reports")

    def report(*specs: str, **options: str) -> Path:
        path = folder / f"{'-'.join(Path(spec).stem for spec in specs)}.html".replace(":", "_")
        said = [word for key, value in options.items() for word in (f"--{key}", value)]
        printed("report", *specs, "-o", str(path), *said)
        return path

    return report


@pytest.fixture
def look(visit, report):
    """Opens a report with what the tests ask of it."""

    def look(*specs: str, **settings):
        page = visit(report(*specs), **settings)
        page.page.evaluate(LOOK)
        return page

    return look


def shown(spec: str, *options: str) -> dict:
    return json.loads(printed("show", spec, "--format", "json", *options))


def read(visit, table: str, part: str = "body") -> list[dict]:
    """The rows of a table, of its body or of its foot, by the keys of its columns."""
    return visit.page.eval_on_selector(
        table,
        """(table, part) => {
          const keys = [...table.tHead.rows[0].cells].map((cell) => cell.dataset.key);
          const read = (cell) => JSON.parse(cell.dataset.value);
          return [...(part === "body" ? table.tBodies[0] : table.tFoot).rows].map((row) =>
            Object.fromEntries([...row.cells].map((cell, place) => [keys[place], read(cell)])));
        }""",
        part,
    )


# What it says


def test_the_tables_have_the_numbers_of_show(look):
    page = look(*SPECS)
    for number, spec in enumerate(SPECS, 1):
        known = shown(spec)
        main, more = read(page, f"#net{number}-rows table"), read(page, f"#net{number}-more table")
        assert [{**one, **other} for one, other in zip(main, more, strict=True)] == known["rows"]
        (total,) = read(page, f"#net{number}-rows table", "foot")
        total.update(read(page, f"#net{number}-more table", "foot")[0])
        figures = {key: value for key, value in total.items() if value != ""}
        del figures["row"]
        assert {**figures, "peak_node": known["total"]["peak_node"]} == known["total"]
    compared = read(page, "#compared table")
    for row, spec in zip(compared, SPECS, strict=True):
        total = shown(spec)["total"]
        assert {key: row[key] for key in total if key in row} == {
            key: value for key, value in total.items() if key in row
        }


def test_what_people_read_in_a_table_is_what_programs_do(look):
    page = look("mobilenet_v2")
    (row,) = (row for row in shown("mobilenet_v2")["rows"] if row["row"] == "stages.s4")
    cells = page.texts("#net1-rows table >> tr:has-text('stages.s4') >> td")
    assert f"{row['params']:,}" in cells
    assert f"{row['macs']:,}" in cells
    assert f"{row['peak_memory'] / 1024:.0f} KiB" in cells
    assert "14×14×64" in cells


def test_bars_are_as_long_as_their_numbers(look):
    page = look("mobilenet_v2")
    rows = shown("mobilenet_v2")["rows"]
    for key in ("params", "macs", "peak_memory"):
        widths = page.page.eval_on_selector_all(
            f"#net1-{key} .bars .point path", "(bars) => bars.map((bar) => bar.getBBox().width)"
        )
        most = max(row[key] for row in rows)
        assert [width / max(widths) for width in widths] == pytest.approx(
            [row[key] / most for row in rows], abs=0.01
        )


def test_a_bar_says_its_number_to_who_points_at_it(look):
    page = look("mobilenet_v2")
    page.page.locator("#net1-params .bars .point path").nth(5).hover(force=True)
    hover = page.page.locator("#net1-params .hoverlayer .hovertext")
    hover.wait_for()
    assert hover.text_content() == "stages.s5: 309,888"


@pytest.mark.parametrize(
    "spec",
    [
        "mobilenet_v2",
        "shufflenet_v2",
        "ghostnet",
        "mobilevit",
        "mobilenet_v4:hybrid_medium",
        "regnet:y_400mf",
    ],
)
def test_the_letters_of_a_diagram_stay_in_their_boxes(look, spec):
    page = look(spec)
    assert page.page.evaluate("look.spilt()") == []
    page.keep(f"report-{spec.replace(':', '-')}")


def test_a_diagram_by_itself_is_shown_light_and_dark(visit, tmp_path):
    path = tmp_path / "net.svg"
    printed("diagram", "mobilenet_v2", "-o", str(path))
    for scheme in ("light", "dark"):
        page = visit(path, color_scheme=scheme)
        page.page.set_viewport_size({"width": 1200, "height": 1100})
        paper = page.page.evaluate("getComputedStyle(document.querySelector('.paper')).fill")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}[scheme]
        page.keep(f"diagram-{scheme}")


# To everyone


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(look, scheme):
    page = look(*SPECS, color_scheme=scheme)
    found = page.page.evaluate("look.contrasts()")
    assert len(found) > 500  # or the walk has missed some
    assert [(text, ratio) for text, ratio in found if ratio < 4.5] == []  # WCAG AA
    page.keep(f"report-{scheme}")


def test_charts_follow_when_the_light_changes(look):
    page = look("mobilenet_v2", color_scheme="light")
    colour = "getComputedStyle(document.querySelector('#net1-macs .ytick text')).fill"
    bar = "getComputedStyle(document.querySelector('#net1-macs .bars path')).fill"
    light = page.page.evaluate(f"[{colour}, {bar}]")
    page.page.emulate_media(color_scheme="dark")
    page.until(f"{colour} !== '{light[0]}'")
    assert page.page.evaluate(bar) != light[1]
    page.page.emulate_media(color_scheme="light")
    page.until(f"{colour} === '{light[0]}'")
    assert page.page.evaluate(bar) == light[1]


def test_everything_is_reached_with_the_tab_key_and_seen_to_be(look):
    page = look(*SPECS)
    wanted = page.page.evaluate("look.focusable()")
    found = []
    for _ in wanted:
        page.page.keyboard.press("Tab")
        name, is_seen = page.page.evaluate("look.focus()")
        assert is_seen, name
        found.append(name)
    assert found == wanted  # in the order of the page
    assert found[0] == "a Skip to the report"


def test_the_skip_link_leads_to_the_report(look):
    page = look("mobilenet_v2")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.id") == "report"


def test_enter_sorts_a_table_and_opens_details(look):
    page = look("mobilenet_v2")
    rows = shown("mobilenet_v2")["rows"]
    button = page.page.locator("#net1-rows table >> th[data-key=params] button")
    names = "#net1-rows table >> tbody th"
    for turn, down in (("descending", True), ("ascending", False)):
        button.focus()
        page.page.keyboard.press("Enter")
        head = page.page.locator("#net1-rows table >> th[data-key=params]")
        assert head.get_attribute("aria-sort") == turn
        params = [row["params"] for row in rows]
        by_name = {row["row"]: row["params"] for row in rows}
        assert [by_name[name] for name in page.texts(names)] == sorted(params, reverse=down)
    details = page.page.locator("#net1-more")
    details.locator("summary").focus()
    page.page.keyboard.press("Enter")
    assert details.get_attribute("open") is not None
    assert details.locator("table").is_visible()


def test_every_chart_and_diagram_says_in_words_what_it_shows(look):
    page = look("mobilenet_v2")
    words = page.page.eval_on_selector_all(
        ".chart", "(charts) => charts.map((chart) => [chart.getAttribute('role'), chart.ariaLabel])"
    )
    assert words == [
        ["img", "Bar chart of parameters. Most: head.classifier, 1,281,000, 36% of all."],
        ["img", "Bar chart of MACs. Most: stages.s5, 58,103,808, 19% of all."],
        ["img", "Bar chart of peak memory. Most: stages.s2, 5.74 MiB."],
    ]
    assert page.page.locator("svg.net").get_attribute("role") == "img"
    levels = page.page.eval_on_selector_all(
        "h1, h2, h3", "(heads) => heads.map((head) => Number(head.localName[1]))"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


# The points of a sweep


@pytest.fixture(scope="module")
def swept(report, tmp_path_factory) -> tuple[Path, list[dict]]:
    """A report with the points of a sweep, and the points."""
    path = tmp_path_factory.mktemp("sweeps") / "found.csv"
    rows = results(path, 400, "accuracy")
    return report("mobilenet_v2", sweep=str(path)), rows


def front(page) -> list[tuple[float, float]]:
    """What is on the line, as the chart holds it."""
    x, y = page.page.evaluate(
        "(({ x, y }) => [x, y])(document.querySelector('#sweep-chart').data[1])"
    )
    return list(zip(x, y, strict=True))


def test_the_line_joins_the_best_points(visit, swept):
    path, rows = swept
    page = visit(path)
    assert {*front(page)} == best(rows, "macs", "accuracy", -1)
    for x, y, better in (
        ("peak_memory", "params", "more"), ("macs", "peak_memory", "less"), ("params", "macs", "less"),
    ):  # fmt: skip
        page.page.select_option("#sweep-x", x)
        page.page.select_option("#sweep-y", y)
        page.page.select_option("#sweep-better", better)
        wanted = best(rows, x, y, 1 if better == "less" else -1)
        assert {*front(page)} == wanted
        assert f"the {len(wanted)} on the line" in page.page.inner_text("#sweep-said")
    assert page.page.locator("#sweep-chart .scatterlayer .trace >> nth=0 >> .point").count() == 400


def test_what_is_plotted_is_chosen_with_the_keyboard(visit, swept):
    path, rows = swept
    page = visit(path)
    page.page.locator("#sweep-x").focus()
    page.page.keyboard.press("ArrowDown")  # to the column after the MACs
    assert page.page.input_value("#sweep-x") == "peak_memory"
    assert {*front(page)} == best(rows, "peak_memory", "accuracy", -1)
    for wanted in ("sweep-y", "sweep-better"):
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("document.activeElement.id") == wanted


def test_a_point_says_what_it_sets_to_who_points_at_it(visit, swept):
    path, rows = swept
    page = visit(path)
    page.page.locator("#sweep-chart").scroll_into_view_if_needed()
    point = page.page.locator("#sweep-chart .scatterlayer .trace >> nth=1 >> .point >> nth=2")
    point.hover(force=True)
    page.until("document.querySelector('#sweep-chart .hovertext') !== null")
    lines = page.page.locator("#sweep-chart .hovertext tspan").all_text_contents()
    said = dict(line.split(": ") for line in lines)
    (row,) = (row for row in rows if f"{row['point']:,}" == said["point"])
    assert list(said) == [key for key in row if key != "trainable"]
    assert said["macs"] == f"{row['macs']:,}"
    assert said["stages.*.kernel"] == row["stages.*.kernel"]
    page.keep("sweep")


def test_the_best_points_are_in_a_table(visit, swept):
    path, rows = swept
    page = visit(path)
    page.page.locator("#sweep-list summary").click()
    cells = page.page.locator("#sweep-best tbody tr td:first-child").all_inner_texts()
    numbers = [int(cell.replace(",", "")) for cell in cells]
    assert {(rows[n]["macs"], rows[n]["accuracy"]) for n in numbers} == best(
        rows, "macs", "accuracy", -1
    )


def test_a_value_is_written_in_full_and_a_small_axis_in_no_units(visit, report, tmp_path):
    path = tmp_path / "found.csv"
    header = "point,<b>axis</b>,params,trainable,macs,peak_memory,weights,<i>accuracy</i>"
    rows = ["0,nan,10,10,1000,1,1,0.71234", "1,1e-05,20,20,2000,1,1,0.8", "2,,5,5,3000,1,1,0.9"]
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    page = visit(report("shufflenet_v2", sweep=str(path)))
    ticks = page.page.locator("#sweep-chart .ytick text").all_text_contents()
    assert all(tick.startswith("0.") for tick in ticks), ticks
    # Plotly would take the name of the column for markup.
    assert "<i>accuracy</i>" in page.page.locator("#sweep-chart .ytitle").text_content()
    page.page.locator("#sweep-list summary").click()
    assert page.page.locator("#sweep-best tbody tr").all_inner_texts() == [
        "0\tnan\t10\t1,000\t1\t1\t0.71234",
        "1\t0.00001\t20\t2,000\t1\t1\t0.8",
        "2\t\t5\t3,000\t1\t1\t0.9",
    ]


def test_without_javascript_the_numbers_are_there_and_no_empty_charts(chromium, swept):
    path, rows = swept
    page = chromium.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert not any(chart.is_visible() for chart in page.locator(".chart").all())
    assert page.locator("noscript p").inner_text() == (
        "Without JavaScript there are no charts; their numbers are in the tables."
    )
    for table in ("net1-more", "net1-shares", "sweep-list"):
        page.locator(f"#{table} summary").click()
        assert page.locator(f"#{table} table").is_visible()
    cells = page.locator("#sweep-best tbody tr td:first-child").all_inner_texts()
    numbers = [int(cell.replace(",", "")) for cell in cells]
    wanted = best(rows, "macs", "accuracy", -1)
    assert {(rows[n]["macs"], rows[n]["accuracy"]) for n in numbers} == wanted
    page.close()


# On every screen and on paper


def test_a_phone_scrolls_down_only(look):
    page = look(*SPECS, size="phone")
    assert page.page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    page.keep("report-phone")


def test_on_paper_everything_is_open_and_light(look):
    page = look("mobilenet_v2", color_scheme="dark")
    page.page.set_viewport_size({"width": 720, "height": 1000})
    page.page.emulate_media(media="print")
    page.until("document.querySelector('details').open")
    assert page.page.locator("#net1-more table").is_visible()
    ground = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    assert [item for item in page.page.evaluate("look.contrasts()") if item[1] < 4.5] == []
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 720
    charts = page.page.eval_on_selector_all(
        ".chart",
        "(some) => some.map((one) => [one.clientWidth, one.querySelector('svg').clientWidth])",
    )
    assert len(charts) == 3
    assert all(drawn <= room for room, drawn in charts), charts
    # The name of a block is broken after a _, not to a few letters a line.
    cell = page.page.locator("#net1-rows td:has-text('inverted_residual')").first
    lines = cell.evaluate(
        """(cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return new Set([...range.getClientRects()].map((line) => line.top)).size;
        }"""
    )
    assert lines <= 2
    page.keep("report-print")
    page.page.emulate_media(media="screen")
    page.until("!document.querySelector('details').open")


def test_a_pdf_can_be_made(look, tmp_path):
    page = look("mobilenet_v2")
    page.page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


# From anyone


def test_a_spec_that_wants_to_run_something_is_shown_as_it_is_written(look, tmp_path):
    path = tmp_path / "hostile.yaml"
    path.write_text(HOSTILE, encoding="utf-8")
    page = look(str(path))
    source = HOSTILE.splitlines()[2].removeprefix('source: "').removesuffix('"').replace('\\"', '"')
    assert source in page.page.locator("#net1 p").first.inner_text()
    assert page.page.title() == "hostile · archspec"


def test_the_page_lets_nothing_be_loaded_or_run(visit, report):
    page = visit(report("mobilenet_v2"))
    reasons = []
    page.page.on("requestfailed", lambda request: reasons.append(request.failure))
    refused = page.page.evaluate(
        """async () => {
          const tries = [fetch("https://example.invalid/"), new Promise((fine, fails) => {
            const image = new Image();
            image.onload = fine;
            image.onerror = fails;
            image.src = "https://example.invalid/x.png";
          })];
          const script = document.createElement("script");
          script.textContent = "window.hasRun = true";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", "<p id='p' onclick='window.hasRun = true'>");
          document.getElementById("p").click();
          const found = await Promise.allSettled(tries);
          return [...found.map((one) => one.status), window.hasRun === true];
        }"""
    )
    assert refused == ["rejected", "rejected", False]
    assert set(reasons) <= {"csp"}  # before anything is asked for
    blocked = [text for text in page.complaints if "Content Security Policy" in text]
    assert len(blocked) >= len(refused)
    page.complaints.clear()
