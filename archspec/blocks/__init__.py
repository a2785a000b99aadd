"""The blocks: one file each, the file's name is the block's name; imported when a spec uses it."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from archspec.block import Block


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
