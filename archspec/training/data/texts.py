"""Files of text in data sets, which may be anything: bounded, and never a pipe."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from archspec.errors import cause
from archspec.training.data.records import Draft, Report

LABELS = 1 << 22
"""Bytes of what is said of one picture."""
LIST = 1 << 26
"""Bytes of what names all pictures or all classes."""


class TextError(ValueError):
    """A file cannot be read as a whole; the text says why."""


def is_there(file: Path) -> bool:
    """Whether there is such a file, whatever its name is made of."""
    return os.path.isfile(file)  # noqa: PTH113  Path.is_file raises where a name is too long


def bytes_of(file: Path, most: int) -> bytes:
    """What a file of at most so many bytes holds.

    Raises:
        TextError: it is no such file.
    """
    try:
        if not is_there(file):
            raise TextError("is no file")
        if file.stat().st_size > most:
            raise TextError(f"has more than {most >> 20} MiB")
        return file.read_bytes()
    except OSError as reason:
        raise TextError(f"cannot be read: {cause(reason)}") from reason


def lines_of(file: Path, most: int = LIST) -> Sequence[str]:
    """The lines of a file; what is no UTF-8 in them is replaced.

    Raises:
        TextError: it is no file of at most so many bytes.
    """
    return bytes_of(file, most).decode("utf-8-sig", "replace").splitlines()


def listed(file: Path, known: Mapping[str, Draft], report: Report) -> Sequence[Draft] | None:
    """The pictures that a file names, one in each line; None: there is no such file.

    Args:
        file: beside the pictures.
        known: by name.
        report: told of those that are not known.
    """
    if not is_there(file):
        return None
    found: list[Draft] = []
    try:
        lines = lines_of(file)
    except TextError as reason:
        report(file, str(reason))
        return found
    for number, line in enumerate(lines, 1):
        # A second word is what the line says of the picture.
        names = [line.strip(), *line.split()[:1]]
        name = next((name for name in names if name in known), None)
        if name is not None:
            found.append(known[name])
        elif names[0]:
            report(f"{file}:{number}", "names what is not there")
    return found
