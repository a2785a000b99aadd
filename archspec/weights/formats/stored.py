"""An array in a file, and what is wrong with a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from archspec.ops import Shape


class FormatError(ValueError):
    """A file is not what its name promises; the text says why."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An array in a file that is open: its shape as the file states it, and how to load it."""

    shape: Shape
    load: Callable[[], NDArray[Any]]
