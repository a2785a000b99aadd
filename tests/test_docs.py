"""What the texts for users show is what happens.

The examples of a page are tried in their order, in one folder and, as far as they are Python, in
one namespace. What a fence holds:

`yaml`: where `archspec: 1` stands in it a whole spec, `NAME.yaml` from then on, that
    `archspec check` finds fine; unless a `text` follows, which is then what it prints.
`console`: lines with `$ archspec …`, and what each prints. `$ cat FILE` shows a file.
`python`: it runs; a `text` that follows is what it prints.
`sh`: what sets up the project; tests/test_packaging.py has it.

`keras` behind the language says that TensorFlow is needed. In an output `…` stands for anything in
a line, a line of `…` for any lines, and measured differences such as 3.2e-05 for one another.
"""

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path

import pytest
from archspec import cli, zoo
from archspec.resolve import open_spec

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

FENCE = re.compile(r"^```(\w+) ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
MEASURED = re.compile(r"\d\.\de[-+]\d\d")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
WIDTH = 110


def generated():
    spec = spec_from_file_location("generate", DOCS / "generate.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = generated()
PLAYED = [page for page in PAGES if page.name not in GENERATE.PAGES]


@dataclass(frozen=True)
class Example:
    """A fence of a page: its language, whether it needs TensorFlow, and where its text is."""

    language: str
    keras: bool
    text: str
    start: int
    end: int


def examples(page: Path) -> list[Example]:
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Example(fence[1], fence[2] == "keras", fence[3], *fence.span(3)) for fence in found]


@pytest.fixture
def play(tmp_path, monkeypatch, capsys):
    """Tries the examples of a page and yields each that shows an output, with what comes out."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}

    def printed() -> str:
        captured = capsys.readouterr()
        return captured.out + captured.err

    def command(line: str) -> str:
        program, *arguments = shlex.split(line)
        if program == "cat":
            return Path(*arguments).read_text(encoding="utf-8")
        assert program == "archspec", line
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        with pytest.raises(SystemExit):
            cli.main()
            sys.exit()
        return printed()

    def spec(text: str) -> str:
        file = f"{re.search('^name: (.*)$', text, re.MULTILINE)[1]}.yaml"
        Path(file).write_text(text, encoding="utf-8")
        return command(f"archspec check {file}").removesuffix(f"{file}: fine\n")

    def python(text: str) -> str:
        exec(text, names)  # noqa: S102  the texts of this project
        return printed()

    def tried(page: Path, *, keras: bool) -> Iterator[tuple[Example, str]]:
        every = [example for example in examples(page) if keras or not example.keras]
        for example, after in pairwise([*every, Example("", keras=False, text="", start=0, end=0)]):
            shown = after if after.language == "text" else None
            if example.language == "console":
                commands = COMMAND.findall(example.text)
                yield example, "".join(f"$ {line}\n{command(line)}" for line, _ in commands)
            elif example.language == "yaml" and "archspec: 1" in example.text:
                yield shown or Example("", keras=False, text="", start=0, end=0), spec(example.text)
            elif example.language == "python":
                yield shown or Example("", keras=False, text="", start=0, end=0), python(example.text)

    return tried


def alike(shown: str, happens: str) -> bool:
    pattern = re.escape(MEASURED.sub("0.0e-00", shown))
    pattern = re.sub("^…\n", "(?:.*\n)*?", pattern, flags=re.MULTILINE).replace("…", ".*?")
    return re.fullmatch(pattern, MEASURED.sub("0.0e-00", happens)) is not None


def compare(page: Path, tried: Callable, update: bool, *, keras: bool) -> None:
    results = list(tried(page, keras=keras))
    if update:
        text = page.read_text(encoding="utf-8")
        for example, happens in reversed(results):
            if example.end and not alike(example.text, happens):
                text = text[: example.start] + happens + text[example.end :]
        page.write_text(text, encoding="utf-8")
    wrong = [(example.text, happens) for example, happens in results if not alike(example.text, happens)]
    assert wrong == []


@pytest.mark.parametrize("page", PLAYED, ids=lambda page: page.name)
def test_what_a_page_shows_is_what_happens(page, play, request):
    compare(page, play, request.config.getoption("--update"), keras=False)


@pytest.mark.keras
@pytest.mark.parametrize(
    "page",
    [page for page in PLAYED if any(example.keras for example in examples(page))],
    ids=lambda page: page.name,
)
def test_what_a_page_shows_of_keras_is_what_happens(page, play, request):
    compare(page, play, request.config.getoption("--update"), keras=True)


@pytest.mark.parametrize("name", GENERATE.PAGES)
def test_a_page_that_is_made_from_the_program_is_current(name, expected):
    expected(GENERATE.PAGES[name]().removesuffix("\n"), DOCS / name)


def test_every_code_that_the_program_knows_is_explained():
    modules = (ROOT / "archspec").rglob("*.py")
    texts = [path.read_text(encoding="utf-8") for path in modules]
    assert sorted({code for text in texts for code in re.findall(r'"(E\d{3})"', text)}) == list(
        GENERATE.MEANINGS
    )


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, as GitHub does it."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {word.replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_line_of_a_text_is_too_long(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > WIDTH] == []


def test_every_page_is_in_the_index():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = set(LINK.findall(index))
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= linked


def test_the_readme_lists_the_whole_zoo():
    """Each spec with a line, and in it each of its variants."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    listed = {words[1]: set(words) for line in lines if (words := re.findall(r"`([^`]*)`|^", line))[1:]}
    for name in zoo.names():
        axes = open_spec(zoo.open_tree(name), zoo.open_tree).axes
        assert {variant for axis in axes for variant in axis} <= listed[name]
