"""`archspec watch` in a browser: it changes without being loaded again, and loses nothing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import sleep
from typing import Any

import archspec
import pytest

pytestmark = pytest.mark.browser

FINE = """\
archspec: 1
name: mine
extends: base.yaml
change:
  stages.s3.kernel: 5
"""
BASE = """\
archspec: 1
name: base
input: 192
classes: 10
defaults: {activation: relu6, norm: batch}
stem:
  - {block: conv, channels: 32, kernel: 3, stride: 2}
stages:
  block: inverted_residual
  columns: [expansion, channels, repeats, stride]
  rows:
    - [1, 16, 1, 1]
    - [6, 24, 2, 2]
    - [6, 32, 3, 2]
head:
  - {block: conv, channels: 256, kernel: 1}
  - {block: global_pool}
  - {block: classifier}
"""
SAVES = 20
MILLISECONDS = 20_000
"""That a page is waited for on a machine that is busy."""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a spec, and the one that it extends."""
    monkeypatch.chdir(tmp_path)
    save(FINE)
    save(BASE, "base.yaml")
    return tmp_path


def save(text: str, path: str = "net.yaml") -> None:
    Path(path).write_text(text, encoding="utf-8")


@contextmanager
def watching(port: int = 0):
    """The command, and the address that it prints."""
    command = [sys.executable, "-m", "archspec", "watch", "net.yaml", "--port", str(port)]
    paths = {"PYTHONPATH": str(Path(archspec.__file__).parents[1])}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **paths}
    ) as process:
        yield process.stdout.readline().split()[-1]
        process.terminate()


@pytest.fixture
def page(chromium) -> Iterator[Any]:
    """An empty page; `complaints` is what it logs, which at the end must be nothing."""
    page = chromium.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.complaints = []
    page.on("console", lambda said: page.complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda reason: page.complaints.append(f"error: {reason}"))
    page.on("dialog", lambda dialog: page.complaints.append(f"dialog: {dialog.message}"))
    yield page
    page.close()
    assert page.complaints == []


@pytest.fixture
def keep(request, tmp_path) -> Callable[..., None]:
    """Takes a picture of all of a page."""
    folder = Path(request.config.getoption("--screenshots") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.fixture
def watched(page) -> Iterator[Any]:
    """The page while it listens."""
    with watching() as address:
        page.goto(address)
        page.wait_for_selector("[data-state=live]")
        yield page


def numbers(page) -> dict[str, list[int]]:
    """What the table shows: row → parameters and MACs."""
    rows = page.eval_on_selector_all(
        "#net1-rows tbody tr",
        """rows => rows.map(row => {
          const head = [...row.closest("table").tHead.rows[0].cells].map(cell => cell.dataset.key);
          const value = key => JSON.parse(row.cells[head.indexOf(key)].dataset.value);
          return [value("row"), [value("params"), value("macs")]];
        })""",
    )
    return dict(rows)


def told() -> dict[str, list[int]]:
    """What `archspec show --format json` says of the file as it is."""
    command = [sys.executable, "-m", "archspec", "show", "net.yaml", "--format", "json"]
    rows = json.loads(subprocess.check_output(command))["rows"]
    return {row["row"]: [row["params"], row["macs"]] for row in rows}


def wait_for_params(page, count: int) -> None:
    page.wait_for_function("text => document.body.innerText.includes(text)", arg=f"{count:,}")


def test_the_numbers_change_when_the_file_is_saved_and_what_the_reader_did_stays(watched):
    page = watched
    assert numbers(page) == told()
    page.evaluate("window.notLoadedAgain = true")
    page.locator("details summary").first.click()
    page.locator("#net1-rows th[data-key=macs] button").click()
    page.wait_for_selector("th[aria-sort=descending]")
    page.evaluate("window.scrollTo(0, 300)")
    save(FINE.replace("kernel: 5", "kernel: 7"))
    wait_for_params(page, archspec.cost("net.yaml").params)
    assert numbers(page) == told()
    order = [macs for _params, macs in numbers(page).values()]
    assert order == sorted(order, reverse=True)
    assert page.evaluate("[window.notLoadedAgain, window.scrollY]") == [True, 300]
    assert page.locator("details").first.get_attribute("open") is not None


def test_the_charts_and_the_diagram_change_too(watched):
    page = watched
    figure = ".chart >> nth=0"
    page.wait_for_selector(f"{figure} >> .bars")
    save(FINE.replace("kernel: 5", "channels: 48"))
    cost = {row.row: row for row in archspec.cost("net.yaml")}
    text = f"{cost['stages.s3'].params:,}"
    page.wait_for_function(
        "text => document.querySelector('.chart .barlayer').textContent.includes(text)", arg=text
    )
    assert "48" in page.locator("#report .diagram svg").text_content()


def test_a_mistake_is_shown_in_its_file_and_goes_when_it_is_mended(watched, keep):
    page = watched
    before = numbers(page)
    save(FINE.replace("kernel", "kernal"))
    page.wait_for_selector("#problems mark")
    assert page.locator("#problems mark").all_inner_texts() == ["stages.s3.kernal"]
    assert page.locator("#problems .line.wrong").get_attribute("data-line") == "5"
    shown = page.locator("#problems .problem").inner_text()
    assert "net.yaml:5:3 E104 unknown parameter 'kernal' of block 'inverted_residual'" in shown
    assert "did you mean 'kernel'?" in shown
    assert page.title() == "1 problem: mine"
    underlined = page.locator("#problems mark").evaluate(
        "mark => getComputedStyle(mark).textDecorationLine"
    )
    assert underlined == "underline"
    assert numbers(page) == before
    assert page.locator("#report").evaluate("main => getComputedStyle(main).opacity") != "1"
    save(BASE.replace("channels: 32", "channels: many"), "base.yaml")
    page.wait_for_selector("#problems .file >> nth=1")
    assert page.locator("#problems mark").all_inner_texts() == ["many", "stages.s3.kernal"]
    assert "inherited through 'extends: base.yaml' (net.yaml:3:10)" in (
        page.locator("#problems").inner_text()
    )
    keep(page, "watch-wrong")
    save(BASE, "base.yaml")
    save(FINE)
    page.wait_for_selector("#problems:empty", state="attached")
    assert page.title() == "mine"
    assert page.locator("#report").evaluate("main => getComputedStyle(main).opacity") == "1"
    assert numbers(page) == before == told()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mistake_can_be_read_in_light_and_dark_and_on_a_small_screen(page, keep, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 420, "height": 800})
    save(FINE.replace("kernel", "kernal"))
    with watching() as address:
        page.goto(address)
        page.wait_for_selector("[data-state=live]")
        keep(page, f"watch-small-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        box = page.locator("#problems .problem").bounding_box()
        assert box["x"] + box["width"] <= 420
        assert contrast(page, "#problems .problem b") > 4.5
        assert contrast(page, "#problems .note") > 4.5


def contrast(page, selector: str) -> float:
    """The ratio of the luminances of a text and of what is behind it."""
    text, ground = page.locator(selector).first.evaluate(
        """element => {
          const rgb = color => color.match(/[\\d.]+/g).map(Number);
          let behind = element;
          while (rgb(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
          return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(rgb);
        }"""
    )
    bright, dim = sorted((luminance(text), luminance(ground)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(color) -> float:
    parts = [part / 255 for part in color[:3]]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_page_says_that_the_command_is_gone_and_goes_on_when_it_is_back(page):
    with watching() as address:
        page.goto(address)
        page.wait_for_selector("[data-state=live]")
    page.wait_for_selector("[data-state=disconnected]")
    assert page.locator("#state").inner_text() == "disconnected"
    before = numbers(page)
    page.complaints.clear()  # the browser itself says that the stream broke off
    save(FINE.replace("kernel: 5", "kernel: 7"))
    with watching(int(re.search(r":(\d+)/", address)[1])):
        page.wait_for_selector("[data-state=live]")
        wait_for_params(page, archspec.cost("net.yaml").params)
        assert numbers(page) == told() != before
    page.wait_for_selector("[data-state=disconnected]")
    page.complaints.clear()


HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>"


def test_what_a_spec_says_is_never_run(watched):
    page = watched
    save(f"{FINE}source: {json.dumps(HOSTILE)}\n")
    page.wait_for_function("text => document.body.innerText.includes(text)", arg=HOSTILE)
    save(f"{FINE}{json.dumps(HOSTILE)}: 1\n")
    page.wait_for_selector("#problems mark")
    assert HOSTILE in page.locator("#problems").inner_text()
    assert page.locator("img").count() == 0


def test_how_long_it_takes_from_a_save_to_the_page(watched, capsys):
    page = watched
    page.evaluate(
        """() => {
          window.shown = [];
          const now = () => performance.timeOrigin + performance.now();
          new MutationObserver(() => window.shown.push(now())).observe(
            document.body, {attributes: true, attributeFilter: ["data-id"]});
        }"""
    )
    times = []
    for number in range(SAVES):
        sleep(0.4)
        save(f"{FINE}classes: {number + 2}\n")
        saved = Path("net.yaml").stat().st_mtime
        page.wait_for_function("count => window.shown.length === count", arg=number + 1)
        times.append(page.evaluate("window.shown.at(-1)") - 1e3 * saved)
    with capsys.disabled():
        sys.stdout.write(
            f"\nfrom save to page: median {median(times):.0f} ms,"
            f" 95 % {quantiles(times, n=20)[-1]:.0f} ms, longest {max(times):.0f} ms;"
        )
    assert len(times) == SAVES
