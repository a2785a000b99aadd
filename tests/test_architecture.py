"""The rules of the house that no single test of a module would notice."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "archspec"
HEAVY = {"numpy", "tensorflow", "keras", "onnx", "onnxruntime", "tf2onnx", "h5py", "safetensors"}
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 45

# Whoever adds a host here says what it is for.
HOSTS = {
    "127.0.0.1",  # the page of `archspec watch`
    "arxiv.org",  # papers
    "example.invalid",  # nowhere: what a page may not load
    "doi.org",  # papers without a preprint
    "github.com",  # the implementations that a spec is compared with
    "json-schema.org",  # the dialect of the published schema
    "keepachangelog.com",
    "semver.org",
    "www.apache.org",  # the license
    "www.w3.org",  # the name of SVG
}
TEXTS = ("*.md", "*.toml", "*.txt", "*.yml", "*.yaml", "*.py", "*.json")
MACHINE_PATH = re.compile(r"(?<![\w./:!])/(?:home|root|tmp|opt|usr|var|mnt|work|Users)/[\w.]+")
URL_HOST = re.compile(r"https?://([\w.-]+)")


def modules() -> Iterator[Path]:
    return PACKAGE.rglob("*.py")


def texts() -> Iterator[Path]:
    """Every text of the project: the top level, and the folders that belong to it."""
    for pattern in TEXTS:
        yield from ROOT.glob(pattern)
        for folder in ("archspec", "bench", "docs", "specs", "tests", ".ci", ".github"):
            yield from (ROOT / folder).rglob(pattern)
    yield ROOT / ".ci" / "run"


def places(pattern: re.Pattern[str], path: Path) -> Iterator[tuple[str, str]]:
    """Where a pattern stands, `file:line`, and what it caught."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        for match in pattern.finditer(line):
            yield f"{path.relative_to(ROOT)}:{number}", match[match.re.groups]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after a statement."""
    script = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = run(sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_the_import_contracts_are_kept():
    done = run(Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["archspec", "archspec.cli"])
def test_importing_loads_no_heavy_library(module):
    assert loaded_by(f"import {module}") & (HEAVY | {"rich"}) == set()


def test_checking_a_spec_loads_no_heavy_library():
    check = """
sys.argv = ["archspec", "check", "specs/mobilenet_v2.yaml"]
import archspec.cli
try:
    archspec.cli.main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""
    assert loaded_by(check) & (HEAVY | {"rich"}) == set()


def test_no_module_is_a_drawer_for_odds_and_ends():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools"}
    names = {part for path in modules() for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert names & drawers == set()


def test_every_file_is_short_enough_to_be_read_at_once():
    sizes = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {path: size for path, size in sizes.items() if size > MAX_FILE_LINES} == {}


def test_every_function_is_short_enough_to_be_read_at_once():
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == {}


def test_no_text_names_a_path_of_one_machine():
    assert [place for path in texts() for place in places(MACHINE_PATH, path)] == []


def test_every_url_leads_to_a_known_host():
    found = [place for path in texts() for place in places(URL_HOST, path)]
    assert [place for place in found if place[1] not in HOSTS] == []
