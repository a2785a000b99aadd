"""A real browser: Chromium of the system, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

_PATIENCE = 20.0
"""Seconds that anything on a page may take."""
SIZES = {"wide": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, started once."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "there is no `chromium` on the path: apt-get install chromium"
    # The sandbox of Chromium does not work for root, as tests in a container run.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


class Visit:
    """A page as it is shown, and what it did that it should not.

    Args:
        complaints: what it logged, what it threw, what it asked for.
    """

    def __init__(self, page: Any, folder: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._folder = folder
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", error))
        page.on("dialog", lambda dialog: self._note("dialog", dialog.message))
        page.on("request", self._asked)

    def _note(self, kind: str, text: object) -> None:
        self.complaints.append(f"{kind}: {text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self._note("request", request.url)

    def texts(self, selector: str) -> list[str]:
        """What all elements of a selector say."""
        return self.page.locator(selector).all_inner_texts()

    def until(self, condition: str) -> None:
        """Wait for something; Playwright's own way of that needs `eval`, which the page forbids."""
        end = monotonic() + _PATIENCE
        while not self.page.evaluate(condition):
            assert monotonic() < end, condition
            self.page.wait_for_timeout(20)

    def keep(self, name: str) -> None:
        """Take a picture of all of the page; of an SVG, which has no page, of the window."""
        self._folder.mkdir(parents=True, exist_ok=True)
        is_page = not self.page.url.endswith(".svg")
        self.page.screenshot(path=self._folder / f"{name}.png", full_page=is_page)


@pytest.fixture
def visit(chromium, request, tmp_path) -> Iterator[Callable[..., Visit]]:
    """Opens a file in a window of its own; at the end the page must have had nothing to say."""
    given = request.config.getoption("--screenshots")
    folder = Path(given) if given else tmp_path / "screenshots"
    visits: list[Visit] = []

    def visit(path: Path | str, size: str = "wide", **settings: Any) -> Visit:
        width, height = SIZES[size]
        page = chromium.new_page(viewport={"width": width, "height": height}, **settings)
        visits.append(Visit(page, folder))
        page.goto(path if isinstance(path, str) else path.as_uri())
        visits[-1].until("[...document.querySelectorAll('.chart')].every((one) => one._fullLayout)")
        return visits[-1]

    yield visit
    for one in visits:
        one.page.close()
    assert [complaint for one in visits for complaint in one.complaints] == []
