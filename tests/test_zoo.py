import os
from pathlib import Path

import pytest
from archspec import zoo
from archspec.errors import SpecError
from archspec.source import plain

MINIMAL = "archspec: 1\nname: net\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str = MINIMAL) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(reference: str) -> str:
    with pytest.raises(SpecError) as caught:
        zoo.open_tree(reference)
    return str(caught.value)


def test_the_zoo_stands_beside_a_checkout_and_inside_an_installed_package(tmp_path, monkeypatch):
    package = tmp_path / "site" / "archspec"
    monkeypatch.setattr(zoo, "__file__", str(write(package / "zoo.py")))
    assert zoo.folder() == tmp_path / "site" / "specs"
    write(package / "specs" / "b.yaml")
    write(package / "specs" / "a.yaml")
    write(package / "specs" / "readme.md")
    assert zoo.folder() == package / "specs"
    assert zoo.names() == ["a", "b"]


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("mobilenet_v2", ("mobilenet_v2", [])),
        ("mobilenet_v3:small:0.75", ("mobilenet_v3", ["small", "0.75"])),
        ("my/net.yaml", ("my/net.yaml", [])),
        ("my/net.yml:a:b", ("my/net.yml", ["a", "b"])),
        ("c:/my/net.yaml:a", ("c:/my/net.yaml", ["a"])),
        ("12:30.yaml", ("12:30.yaml", [])),
        ("a.yaml.yaml:b", ("a.yaml.yaml", ["b"])),
        ("net:", ("net", [""])),
        ("", ("", [])),
    ],
)
def test_a_reference_is_a_file_and_variants(reference, parts):
    assert zoo.split(reference) == parts


def test_a_zoo_name_and_a_path_are_opened(here):
    write(here / "dir" / "mobilenet_v2.yaml", "archspec: 1\nname: mine\n")
    assert plain(zoo.open_tree("mobilenet_v2"))["name"] == "mobilenet_v2"
    assert plain(zoo.open_tree("dir/mobilenet_v2.yaml"))["name"] == "mine"
    assert zoo.open_tree("mobilenet_v2").span.source.name == "zoo/mobilenet_v2.yaml"
    assert zoo.open_tree("./dir/mobilenet_v2.yaml").span.source.name == "./dir/mobilenet_v2.yaml"


def test_a_path_is_relative_to_the_file_that_extends_it(here):
    write(here / "a" / "child.yaml", "extends: ../b/parent.yaml\n")
    write(here / "b" / "parent.yaml")
    child = zoo.open_tree("a/child.yaml")
    parent = zoo.open_tree("../b/parent.yaml", child.get("extends").span)
    assert parent.span.source.name == str(Path("b", "parent.yaml"))
    assert parent.span.source.path == Path("a/../b/parent.yaml")


def test_a_file_that_extends_itself_by_another_name_is_refused(here):
    write(here / "net.yaml", "extends: link.yaml\n")
    (here / "link.yaml").symlink_to("net.yaml")
    via = zoo.open_tree("net.yaml").get("extends").span
    with pytest.raises(SpecError) as caught:
        zoo.open_tree("link.yaml", via)
    assert str(caught.value) == (
        "net.yaml:1:10: E201 'link.yaml' extends itself\n"
        "    1 | extends: link.yaml\n"
        "      |          ^^^^^^^^^"
    )


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("mobilenetv2", "did you mean 'mobilenet_v2'?"),
        ("mine", "did you mean 'mine.yaml'?"),
        ("dir/other", "did you mean 'dir/other.yml'?"),
        ("mine.json", "the name of a spec file ends with .yaml"),
        ("-", "a spec is read from a file, not from standard input"),
    ],
)
def test_a_name_that_is_none_is_answered_with_the_cure(here, reference, hint):
    write(here / "mine.yaml")
    write(here / "mine.json")
    write(here / "dir" / "other.yml")
    assert refusal(reference) == f"E201 there is no spec '{reference}' in the zoo\n   {hint}"


@pytest.mark.parametrize("reference", ["", "qqq", "nowhere/qqq", "q" * 5000])
def test_a_name_like_no_other_is_answered_with_the_zoo(reference):
    shown = repr(reference) if len(reference) < 50 else f"'{'q' * 58}…"
    assert refusal(reference) == (
        f"E201 there is no spec {shown} in the zoo\n"
        f"   a path ends with .yaml; the zoo has {', '.join(zoo.names())}"
    )


def test_a_file_beside_the_child_is_suggested_to_it(here):
    write(here / "dir" / "parent.yaml")
    child = zoo.open_tree(str(write(here / "dir" / "child.yaml", "extends: parent\n")))
    with pytest.raises(SpecError) as caught:
        zoo.open_tree("parent", child.get("extends").span)
    assert caught.value.diagnostics[0].hint == "did you mean 'parent.yaml'?"


@pytest.mark.parametrize("name", ["a\0b.yaml", f"{'a' * 5000}.yaml", "file.yaml/net.yaml"])
def test_a_path_that_no_system_takes_is_an_error_at_its_place(here, name):
    write(here / "file.yaml")
    via = zoo.open_tree("file.yaml").get("name").span
    with pytest.raises(SpecError) as caught:
        zoo.open_tree(name, via)
    assert [(item.code, str(item.span)) for item in caught.value.diagnostics] == [
        ("E100", "file.yaml:2:7")
    ]


def test_a_folder_stands_for_the_specs_in_it(here):
    for name in ("b.yaml", "a.yml", "deep/er/c.yaml", "bom.yaml", "broken.yaml"):
        write(here / "dir" / name)
    write(here / "dir" / "bom.yaml", f"\ufeff{MINIMAL}")
    write(here / "dir" / "broken.yaml", "archspec: [\n")
    write(here / "dir" / "workflow.yaml", "on: push\n# archspec: 1\n")
    write(here / "dir" / "notes.md")
    write(here / "dir" / ".git" / "hidden.yaml")
    write(here / "dir" / ".hidden.yaml")
    (here / "dir" / "binary.yaml").write_bytes(bytes(range(256)))
    (here / "dir" / "folder.yaml").mkdir()
    (here / "dir" / "dangling.yaml").symlink_to("nowhere.yaml")
    os.mkfifo(here / "dir" / "pipe.yaml")
    found = ["a.yml", "b.yaml", "bom.yaml", "broken.yaml", "deep/er/c.yaml"]
    assert zoo.files(["dir"]) == ([f"dir/{name}" for name in found], [])


def test_a_hidden_folder_that_is_asked_for_is_looked_into(here):
    write(here / ".specs" / "net.yaml")
    assert zoo.files([".specs"]) == ([".specs/net.yaml"], [])


def test_a_file_that_is_named_twice_stands_once(here):
    write(here / "dir" / "net.yaml")
    assert zoo.files(["dir/net.yaml", "mobilenet_v2", "dir", "mobilenet_v2"]) == (
        ["dir/net.yaml", "mobilenet_v2"],
        [],
    )


def test_a_folder_without_a_spec_is_a_problem_and_the_others_are_found(here):
    (here / "empty").mkdir()
    write(here / "dir" / "net.yaml")
    found, problems = zoo.files(["empty", "dir", "nowhere.yaml"])
    assert found == ["dir/net.yaml", "nowhere.yaml"]
    assert [(item.code, item.message, item.span) for item in problems] == [
        ("E100", "there is no spec in the folder 'empty'", None)
    ]


def test_a_file_in_a_folder_that_cannot_be_read_is_left_to_its_reader(here, monkeypatch):
    write(here / "dir" / "net.yaml")

    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)
    assert zoo.files(["dir"]) == (["dir/net.yaml"], [])


def test_a_path_too_long_for_the_system_is_left_to_its_reader():
    assert zoo.files(["a" * 5000]) == (["a" * 5000], [])
