"""What all tests share: `pytest --update` rewrites the expected texts, and hypothesis repeats itself."""

import os

import pytest
from hypothesis import settings

# The same examples every time, and no folder left behind; a search for new ones is `--hypothesis-seed=…`'s work.
settings.register_profile("archspec", deadline=None, derandomize=True, database=None)
settings.load_profile("archspec")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write the expected texts anew; look at the diff"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update") and os.environ.get("CI"):
        raise pytest.UsageError("an expected text is never written where it is checked")


@pytest.fixture
def expected(request: pytest.FixtureRequest):
    """Compares a text with the file that holds the expected one; with --update, writes the file."""

    def compare(text, path) -> None:
        if request.config.getoption("--update"):
            path.write_text(f"{text}\n", encoding="utf-8")
        assert text == path.read_text(encoding="utf-8").removesuffix("\n")

    return compare
