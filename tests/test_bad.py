"""Every wrong spec of tests/bad is answered by exactly the text beside it, and every code has one.

A case is asked for with `archspec check`, unless its first line says how:
`# $ archspec show FILE:variant --set path=value --blocks file`.
"""

import re
import shlex
from pathlib import Path
from time import perf_counter

import archspec
import pytest
from archspec.api import load_with, setting
from archspec.cli.program import known_blocks
from archspec.errors import Diagnostic, SpecError, render

BAD = Path(__file__).parent / "bad"
CASES = sorted(path.name for path in BAD.glob("*.yaml"))
PACKAGE = Path(archspec.__file__).parent
FRONT_END = (
    "source.py",
    "schema.py",
    "resolve/*.py",
    "block/*.py",
    "blocks/*.py",
    "lower/*.py",
    "inspection.py",
    "zoo.py",
    "api.py",
)
ASKED = re.compile(rb"# \$ archspec show (.*)")
NO_SPEC = {"E307"}
"""Of a question about a spec that is fine; see test_heads.py."""
# Nothing may be tried that a number asks for: a spec that is refused is refused before it is built.
SECONDS = 2.0


def diagnostics(name: str) -> tuple[Diagnostic, ...]:
    asked = ASKED.match((BAD / name).read_bytes())
    if not asked:
        return archspec.check(name)
    reference, *options = shlex.split(asked[1].decode())
    given = list(zip(options[::2], options[1::2], strict=True))
    try:
        blocks = known_blocks([file for option, file in given if option == "--blocks"])
        settings = [setting(text) for option, text in given if option == "--set"]
        archspec.to_graph(load_with(reference, settings, blocks))
    except SpecError as reason:
        return reason.diagnostics
    return ()


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_spec_is_answered_at_once_by_the_text_beside_it(name, expected, monkeypatch):
    monkeypatch.chdir(BAD)
    start = perf_counter()
    found = diagnostics(name)
    assert perf_counter() - start < SECONDS
    assert name.partition("-")[0] in {diagnostic.code for diagnostic in found}
    expected(render(found, "text"), BAD / name.replace(".yaml", ".txt"))


def test_every_expected_text_belongs_to_a_wrong_spec():
    assert sorted(path.name for path in BAD.glob("*.txt")) == [
        name.replace(".yaml", ".txt") for name in CASES
    ]


def test_every_code_of_the_front_end_has_a_wrong_spec():
    texts = [
        path.read_text(encoding="utf-8") for pattern in FRONT_END for path in PACKAGE.glob(pattern)
    ]
    codes = {code for text in texts for code in re.findall(r'"(E[123]\d{2})"', text)}
    shown = {path.name.partition("-")[0] for path in BAD.glob("*.txt")}
    assert codes - NO_SPEC == shown
