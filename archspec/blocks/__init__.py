"""The blocks: one file each, the file's name is the block's name; imported when a spec uses it."""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from archspec.block import Block
from archspec.errors import cause, error

OWN = "own_block_"
"""What the module of a file of the user's is called, before the name of the file."""


class _AsItIs(SourceFileLoader):
    """Compiles a file as it is now, and leaves nothing beside it.

    What Python keeps of a file holds for another of the same second and length.
    """

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError(path)


class Discovered(Mapping[str, Block]):
    """The blocks of this folder by name."""

    def __getitem__(self, name: str) -> Block:
        if name not in _names():
            raise KeyError(name)
        block: Block = import_module(f"{__name__}.{name}").BLOCK
        return block

    def __iter__(self) -> Iterator[str]:
        return iter(_names())

    def __len__(self) -> int:
        return len(_names())


@cache
def _names() -> tuple[str, ...]:
    files = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(name for name in files if not name.startswith("_")))


def from_file(path: str) -> Mapping[str, Block]:
    """The block of a Python file of the user's own, by the name of the file.

    Raises:
        SpecError: E120, the file cannot be imported or has no `BLOCK`.
    """
    file = Path(path)
    name = f"{OWN}{file.stem}"
    if file.suffix != ".py":
        raise error("E120", f"{path!r} is no Python file", hint="its name ends with .py")
    loader = _AsItIs(name, path)
    found = spec_from_file_location(name, file, loader=loader)
    assert found  # noqa: S101  there is a loader
    module = module_from_spec(found)
    sys.modules[name] = module  # where dataclasses look for what annotations name
    # The user hands over a program to be run: whatever it raises is what is wrong with it.
    try:
        loader.exec_module(module)
    except OSError as reason:
        raise error("E120", f"cannot read {path!r}: {cause(reason)}") from reason
    except (Exception, SystemExit) as reason:
        raise error("E120", f"{path!r} fails: {type(reason).__name__}: {reason}") from reason
    finally:
        if not isinstance(getattr(module, "BLOCK", None), Block):
            sys.modules.pop(name, None)
    block = getattr(module, "BLOCK", None)
    if not isinstance(block, Block):
        hint = "as in BLOCK = Block(Parameters, unfold)"
        raise error("E120", f"{path!r} has no BLOCK of class archspec.Block", hint=hint)
    return {file.stem: block}
