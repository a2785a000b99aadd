"""What a newcomer installs: the pins, and the commands of the README."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    *PROJECT["dependencies"],
    *(requirement for extra in ("test", "lint", "browser") for requirement in EXTRAS[extra]),
]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = [line for line in LINES if not line.startswith("#")]


@pytest.mark.parametrize("pin", PINS)
def test_a_constraint_is_a_name_and_an_exact_version(pin):
    assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin)


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_a_requirement_is_pinned_inside_its_range(text):
    versions = dict(pin.split("==") for pin in PINS)
    requirement = Requirement(text)
    assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


def test_the_changelog_knows_the_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{PROJECT['version']}]" in changelog


def test_the_readme_sets_up_in_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv .*$", readme, flags=re.MULTILINE)
    assert [command.split(" && ")[-1] for command in commands] == [
        ".venv/bin/archspec export mobilenet_v2 -o mobilenet_v2.onnx",
        ".venv/bin/pytest",
    ]
