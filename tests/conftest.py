"""What all tests share: expected texts, specs from texts, and the temper of hypothesis."""

import os
from textwrap import dedent

import archspec
import pytest
from hypothesis import settings

# The same examples every time, and no folder left behind.
settings.register_profile("archspec", deadline=None, derandomize=True, database=None)
settings.load_profile("archspec")

HEAD = "archspec: 1\nname: net\ninput: 32\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write the expected texts anew; look at the diff"
    )
    parser.addoption(
        "--screenshots", metavar="DIR", help="keep what the tests in a browser see; else nowhere"
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


@pytest.fixture
def write(tmp_path):
    """Writes a spec, its version, name and input size said already; gives the path."""

    def write(text: str, name: str = "net.yaml") -> str:
        path = tmp_path / name
        path.write_text(HEAD + dedent(text), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def load(write):
    """Loads a spec from a text, with variants and with settings as `--set` has them."""

    def load(text: str, *variants: str, **settings: object) -> archspec.Spec:
        reference = ":".join([write(text), *variants])
        return archspec.load(reference, set=settings.get("set"))

    return load


@pytest.fixture
def refusal(load):
    """What is wrong with a spec: code and message, line by line."""

    def refusal(text: str, *variants: str, **settings: object) -> str:
        with pytest.raises(archspec.SpecError) as caught:
            archspec.to_graph(load(text, *variants, **settings))
        return "\n".join(f"{item.code} {item.message}" for item in caught.value.diagnostics)

    return refusal


@pytest.fixture
def unfolded(load):
    """The nodes of a row that reads 16 channels of 32 x 32 pixels, without what all names begin with."""

    def unfolded(row: str, **settings) -> list[str]:
        text = f"stem: [{{block: conv, channels: 16, kernel: 1}}]\nhead: [{{{row}, name: x}}]"
        lines = str(archspec.to_graph(load(text, **settings))).splitlines()[3:-1]
        return [
            line.strip().replace("head.x.", "").replace("stem.conv.conv", "in") for line in lines
        ]

    return unfolded
