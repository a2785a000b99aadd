"""Writing files so that they appear whole or not at all."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from archspec.errors import SpecError, cause, error


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`; whoever reads it sees the old file or the new one, never a part.

    The bytes go to a temporary file in the same folder (renaming is atomic only within a file
    system), are flushed to the disk, and take the name in one step. A symbolic link stays and
    the file that it points to is replaced; permissions of a replaced file stay. What is no file,
    `/dev/stdout` or a pipe, is written straight.

    Raises:
        SpecError: E110, the system refuses: the folder is missing or not writable, the disk is
            full, the path is a folder. No temporary file is left.
    """
    try:
        _write(Path(os.path.realpath(path)), data)
    except (OSError, ValueError) as reason:
        raise _refused(path, reason) from reason


@contextmanager
def folder_beside(path: str | os.PathLike[str]) -> Generator[Path]:
    """A folder in the folder of `path`, from which a rename is one step; gone at the end.

    Raises:
        SpecError: E110, the system refuses, there or inside the `with`.
    """
    try:
        place = TemporaryDirectory(prefix=".archspec-", dir=Path(path).parent)
    except (OSError, ValueError) as reason:
        raise _refused(path, reason) from reason
    with place as folder:
        try:
            yield Path(folder)
        except OSError as reason:
            raise _refused(path, reason) from reason


def followed(path: str | os.PathLike[str]) -> Path:
    """The file that a path means: where a symbolic link leads, else the path as it is."""
    return Path(os.path.realpath(path) if os.path.islink(path) else path)  # noqa: PTH114  any path


def _refused(path: str | os.PathLike[str], reason: OSError | ValueError) -> SpecError:
    folder = followed(path).parent
    cure = f"make the folder '{folder}' first" if isinstance(reason, FileNotFoundError) else ""
    return error("E110", f"cannot write {os.fspath(path)!r}: {cause(reason)}", None, cure)


def _write(target: Path, data: bytes) -> None:
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    temporary = target.parent / f".archspec-{os.urandom(6).hex()}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
