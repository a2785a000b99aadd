"""Writing files so that they appear whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from archspec.errors import cause, error


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
        folder = Path(path).parent
        cure = f"make the folder '{folder}' first" if isinstance(reason, FileNotFoundError) else ""
        raise error(
            "E110", f"cannot write {os.fspath(path)!r}: {cause(reason)}", None, cure
        ) from reason


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
