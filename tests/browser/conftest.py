"""A headless Chromium of the system; a page that must log nothing; screenshots that are kept."""

from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

SCREENSHOTS = Path(__file__).parent / "screenshots"
MILLISECONDS = 20_000
"""That a page is waited for on a machine that is busy."""


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    program = which("chromium") or which("chromium-browser") or pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as driver:
        # Chromium has no sandbox for root, which CI is in its container.
        yield driver.chromium.launch(executable_path=program, args=["--no-sandbox"])


@pytest.fixture
def page(chromium) -> Iterator:
    """An empty page; `complaints` are what it logged, of which there may be none at the end."""
    page = chromium.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.complaints = []
    page.on("console", lambda said: note(page, said.type, said.text))
    page.on("pageerror", lambda reason: note(page, "error", str(reason)))
    yield page
    page.close()
    assert page.complaints == []


def note(page, kind: str, text: str) -> None:
    if kind in {"error", "warning"}:
        page.complaints.append(text)


@pytest.fixture(scope="session")
def screenshot():
    """Keeps a picture of a page, to be looked at."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def keep(page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return keep
