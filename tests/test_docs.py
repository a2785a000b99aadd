"""What the texts for users show is what happens.

The examples of a page are tried in their order, in one folder and, as far as they are Python, in
one namespace. A fence holds, by its language:

`yaml`: a whole spec, `NAME.yaml` from then on, which `archspec check` finds fine. A `text` that
    follows is what it finds instead.
`console`: lines with `$ archspec …` (or cat, sed) and what each prints.
`python`: what runs, and a `text` that follows is what it prints; with a file's name behind it, that
    file, which the examples after it can import or hand over.
`sh`: how the project is set up; tests/test_packaging.py sees to that.

What a page calls files of timm is there from the beginning, with random numbers. `keras` behind the
language says that an example needs TensorFlow. In an output `…` stands for anything in a
line, a line of `…` for any lines, and measured differences such as 3.2e-05 for one another.
`pytest --update` writes what happens into the pages.
"""

import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path

import pytest
from archspec import cli, verdicts
from safetensors.numpy import save_file
from tests.state_dicts import save_pth, state_dict

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
NAMES = ROOT / "archspec" / "weights" / "foreign" / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md")), NAMES]

FENCE = re.compile(r"^```(\w+) ?([\w.]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)", re.MULTILINE)
NAME = re.compile(r"^name: (\w+)$", re.MULTILINE)
MEASURED = re.compile(r"\d\.\de[-+]\d\d")
SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
ROW_OF_ZOO = re.compile(r"\| `(?P<spec>\w+)` \| (?P<cells>.*?) ?\|")
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
    about: str
    text: str
    start: int
    end: int

    @property
    def keras(self) -> bool:
        return self.about == "keras"


NOTHING = Example("text", about="", text="", start=0, end=0)


def examples(page: Path) -> list[Example]:
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Example(*fence.groups(), *fence.span(3)) for fence in found]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


WITH_KERAS = [page for page in WRITTEN if any(example.keras for example in examples(page))]


GIVEN = {
    "mobilenetv2_035.pth": lambda path: save_pth(state_dict("timm:mobilenetv2_035"), path),
    "mobilenetv2_035.safetensors": lambda path: save_file(state_dict("timm:mobilenetv2_035"), path),
}
"""What others made, which a page may use."""


class Reader:
    """Does what a page says, in one folder and one namespace; each method gives what is printed."""

    def __init__(self, monkeypatch, capsys) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.names: dict[str, object] = {}
        self.own_blocks: list[str] = []

    def printed(self) -> str:
        captured = self.capsys.readouterr()
        return captured.out + captured.err

    def command(self, line: str) -> str:
        program, *arguments = shlex.split(line)
        if program in {"cat", "sed"}:
            return subprocess.check_output(line, shell=True, text=True)  # noqa: S602
        assert program == "archspec", line
        self.monkeypatch.setattr(sys, "argv", [program, *arguments])
        with suppress(SystemExit):
            cli.main()
        return self.printed()

    def console(self, example: Example) -> str:
        lines = COMMAND.findall(example.text)
        return "".join(f"$ {line}\n{self.command(line)}" for line in lines)

    def yaml(self, example: Example) -> str:
        file = f"{NAME.search(example.text)[1]}.yaml"
        Path(file).write_text(example.text, encoding="utf-8")
        options = "".join(f" --blocks {block}" for block in self.own_blocks)
        return self.command(f"archspec check {file}{options}").removesuffix(f"{file}: fine\n")

    def python(self, example: Example) -> str:
        if not example.about.endswith(".py"):
            exec(example.text, self.names)  # noqa: S102
            return self.printed()
        Path(example.about).write_text(example.text, encoding="utf-8")
        self.own_blocks.append(example.about)
        return ""


@pytest.fixture
def reader(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    reader = Reader(monkeypatch, capsys)
    yield reader
    for block in reader.own_blocks:
        sys.modules.pop(block.removesuffix(".py"), None)


def outputs(page, reader, *, keras: bool) -> Iterator[tuple[Example, str]]:
    """Each output that a page shows, and what comes out."""
    for name, make in GIVEN.items():
        if name in page.read_text(encoding="utf-8"):
            make(name)
    for example, after in pairwise([*examples(page), NOTHING]):
        does = getattr(reader, example.language, None)
        if does is None or (example.keras and not keras):
            continue
        printed = after if after.language == "text" else NOTHING
        yield example if example.language == "console" else printed, does(example)


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
def test_what_a_page_shows_is_what_happens(page, reader, request):
    found = list(outputs(page, reader, keras=False))
    compare(page, found, update=request.config.getoption("--update"))


@pytest.mark.keras
@pytest.mark.parametrize("page", WITH_KERAS, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_of_keras_is_what_happens(page, reader, request):
    found = list(outputs(page, reader, keras=True))
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


def test_the_table_of_the_readme_counts_what_the_zoo_names():
    spec_of: dict[str, str] = {}
    for spec, other in verdicts.named():
        spec_of.setdefault(other, spec.partition(":")[0])
    wanted = Counter((spec, other.partition(":")[0]) for other, spec in spec_of.items())
    shown = {}
    for line in prose(README).splitlines():
        if found := ROW_OF_ZOO.fullmatch(line):
            cells = zip(verdicts.LIBRARIES, found["cells"].split(" | "), strict=True)
            shown |= {
                (found["spec"], library): int(cell.split(",")[0]) for library, cell in cells if cell
            }
    assert shown == wanted
    assert str(len(spec_of)) in README.read_text(encoding="utf-8")


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
