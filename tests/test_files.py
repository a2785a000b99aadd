import errno
import os
from pathlib import Path

import pytest
from archspec.errors import SpecError
from archspec.files import write_whole


def refusal(path, data=b"new") -> str:
    with pytest.raises(SpecError) as caught:
        write_whole(path, data)
    return str(caught.value)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def fail(reason):
    def raising(*_, **__):
        raise reason

    return raising


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "model.onnx"
    write_whole(path, b"old")
    write_whole(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["model.onnx"]


@pytest.mark.parametrize(
    "step",
    ["pathlib.Path.replace", "pathlib.Path.chmod", "os.fsync"],
    ids=["replace", "chmod", "fsync"],
)
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr(step, fail(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    assert refusal(path) == f"E110 cannot write {str(path)!r}: No space left on device"
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["model.onnx"]


def test_an_interrupt_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "model.onnx", b"new")
    assert names(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "there" / "model.onnx"
    assert refusal(path) == (
        f"E110 cannot write {str(path)!r}: No such file or directory\n"
        f"   make the folder '{path.parent}' first"
    )


def test_a_missing_folder_to_which_a_link_leads_is_named(tmp_path):
    link = tmp_path / "net.onnx"
    link.symlink_to(tmp_path / "lost" / "net.onnx")
    assert refusal(link) == (
        f"E110 cannot write {str(link)!r}: No such file or directory\n"
        f"   make the folder '{tmp_path / 'lost'}' first"
    )


def test_a_folder_is_not_replaced(tmp_path):
    assert refusal(tmp_path) == f"E110 cannot write {str(tmp_path)!r}: Is a directory"
    assert tmp_path.is_dir()


def test_a_file_used_as_a_folder_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file" / "model.onnx"
    assert refusal(path) == f"E110 cannot write {str(path)!r}: Not a directory"


def test_a_name_that_no_system_takes_is_an_error(tmp_path):
    assert refusal(tmp_path / ("x" * 300)).endswith(": File name too long")
    assert refusal("a\0b") == r"E110 cannot write 'a\x00b': there is a null character in its name"
    assert names(tmp_path) == []


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_permissions_are_those_of_the_umask_or_of_the_old_file(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    (tmp_path / "new").chmod(0o600)
    write_whole(tmp_path / "new", b"again")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_a_device_is_written_straight(tmp_path):
    write_whole(os.devnull, b"data")
    assert not Path(os.devnull).is_file()
    assert names(tmp_path) == []
