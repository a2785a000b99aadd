"""What the texts for users show is what happens.

The examples of a page are tried in their order, in one folder and, as far as they are Python, in
one namespace. A fence holds, by its language:

`yaml`: a whole spec, `NAME.yaml` from then on, which `archspec check` finds fine. A `text` that
    follows is what it finds instead.
`console`: lines with `$ archspec …` (or cat, sed) and what each prints.
`python`: what runs. A `text` that follows is what it prints.
`sh`: how the project is set up; tests/test_packaging.py sees to that.

`keras` behind the language says that it needs TensorFlow. In an output `…` stands for anything in a
line, a line of `…` for any lines, and measured differences such as 3.2e-05 for one another.
`pytest --update` writes what happens into the pages.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path

import pytest
from archspec import cli, zoo
from archspec.resolve import open_spec

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]

FENCE = re.compile(r"^```(\w+) ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)", re.MULTILINE)
NAME = re.compile(r"^name: (\w+)$", re.MULTILINE)
MEASURED = re.compile(r"\d\.\de[-+]\d\d")
SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
WIDTH = 110


def script(path):
    """A Python file that is no module of a package."""
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = script(DOCS / "generate.py")
WRITTEN = [page for page in PAGES if page.name not in GENERATE.PAGES]


@dataclass(frozen=True)
class Example:
    """A fence of a page, and where in the page its text is."""

    language: str
    keras: bool
    text: str
    start: int
    end: int


NOTHING = Example("text", keras=False, text="", start=0, end=0)


def examples(page: Path) -> list[Example]:
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Example(fence[1], fence[2] == "keras", fence[3], *fence.span(3)) for fence in found]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


WITH_KERAS = [page for page in WRITTEN if any(example.keras for example in examples(page))]


@pytest.fixture
def happens(tmp_path, monkeypatch, capsys):
    """What an example prints, in a folder and a namespace that all examples of a test share."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}

    def printed() -> str:
        captured = capsys.readouterr()
        return captured.out + captured.err

    def command(line: str) -> str:
        program, *arguments = shlex.split(line)
        if program in {"cat", "sed"}:
            return subprocess.check_output(line, shell=True, text=True)  # noqa: S602
        assert program == "archspec", line
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        with suppress(SystemExit):
            cli.main()
        return printed()

    def console(text: str) -> str:
        return "".join(f"$ {line}\n{command(line)}" for line in COMMAND.findall(text))

    def spec(text: str) -> str:
        file = f"{NAME.search(text)[1]}.yaml"
        Path(file).write_text(text, encoding="utf-8")
        return command(f"archspec check {file}").removesuffix(f"{file}: fine\n")

    def python(text: str) -> str:
        exec(text, names)  # noqa: S102
        return printed()

    return {"console": console, "yaml": spec, "python": python}


def outputs(page, happens, *, keras: bool) -> Iterator[tuple[Example, str]]:
    """Each output that a page shows, and what comes out."""
    for example, after in pairwise([*examples(page), NOTHING]):
        if example.keras and not keras:
            continue
        if example.language == "console":
            yield example, happens["console"](example.text)
        elif example.language in happens:
            shown = after if after.language == "text" else NOTHING
            yield shown, happens[example.language](example.text)


def alike(shown: str, actual: str) -> bool:
    lines = MEASURED.sub("0.0e-00", shown).splitlines()
    patterns = (re.escape(line).replace("…", ".*") for line in lines)
    pattern = "".join("(.*\n)*" if line == ".*" else f"{line}\n" for line in patterns)
    return re.fullmatch(pattern, MEASURED.sub("0.0e-00", actual)) is not None


def compare(page, found, *, update: bool) -> None:
    wrong = [(shown, actual) for shown, actual in found if not alike(shown.text, actual)]
    if update:
        text = page.read_text(encoding="utf-8")
        for shown, actual in reversed([pair for pair in wrong if pair[0] is not NOTHING]):
            text = text[: shown.start] + SHA256.sub("…", actual) + text[shown.end :]
        page.write_text(text, encoding="utf-8")
    assert [(shown.text, actual) for shown, actual in wrong if shown is NOTHING or not update] == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_is_what_happens(page, happens, request):
    found = list(outputs(page, happens, keras=False))
    compare(page, found, update=request.config.getoption("--update"))


@pytest.mark.keras
@pytest.mark.parametrize("page", WITH_KERAS, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_of_keras_is_what_happens(page, happens, request):
    found = list(outputs(page, happens, keras=True))
    compare(page, found, update=request.config.getoption("--update"))


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        ("a\n…\nd\n", "a\nb\nc\nd\n"),
        ("a … d\n", "a b c d\n"),
        ("within 3.2e-05 of\n", "within 9.1e-06 of\n"),
    ],
)
def test_what_varies_may_be_left_open(shown, actual):
    assert alike(shown, actual)
    assert not alike(shown, f"{actual}e\n")
    assert not alike(shown, f"z{actual}")


@pytest.mark.parametrize("name", GENERATE.PAGES)
def test_a_page_that_is_made_from_the_program_is_current(name, expected):
    expected(GENERATE.PAGES[name]().removesuffix("\n"), DOCS / name)


def test_every_code_that_the_program_knows_is_explained():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "archspec").rglob("*.py")]
    codes = {code for text in texts for code in re.findall(r'"(E\d{3})"', text)}
    assert sorted(codes) == list(GENERATE.MEANINGS)


def test_the_readme_shows_the_spec_that_ships_with_fewer_variants():
    (shown,) = (example for example in examples(README) if "name: mobilenet_v2\n" in example.text)
    spec = (ROOT / "specs" / "mobilenet_v2.yaml").read_text(encoding="utf-8")
    table, variants = shown.text.split("variants:\n")
    assert spec.startswith(table)
    assert set(variants.splitlines()) <= set(spec.splitlines())


def test_the_readme_lists_the_whole_zoo():
    lines = [line for line in prose(README).splitlines() if line.startswith("| `")]
    words = [re.findall("`([^`]*)`", line) for line in lines]
    listed = {name: {name, *variants} for name, *variants in words}
    opened = {name: open_spec(zoo.open_tree(name), zoo.open_tree) for name in zoo.names()}
    assert listed == {name: {name}.union(*spec.axes) for name, spec in opened.items()}


def anchors(page: Path) -> set[str]:
    """What links call the headings of a page, as GitHub has it."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {word.replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index():
    linked = set(LINK.findall(prose(DOCS / "README.md")))
    assert linked == {page.name for page in PAGES} - {"README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_a_text_is_too_long(page):
    lines = prose(page).splitlines()
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("|")] == []
