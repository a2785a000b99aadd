"""Names of classes in files of their own."""

from pathlib import Path

from archspec.errors import SpecError, error
from archspec.source import MAX_BYTES, Entries, Items, Scalar, Tree, parse
from archspec.training.data.texts import TextError, bytes_of, is_there, lines_of

FILES = ("labels.txt", "classes.txt")


def names_in(folder: Path) -> tuple[str, ...]:
    """The names of labels.txt or classes.txt, one in each line; none where neither is there.

    Raises:
        SpecError: E702, it cannot be read.
    """
    file = next(filter(is_there, (folder / name for name in FILES)), None)
    if file is None:
        return ()
    try:
        lines = lines_of(file)
    except TextError as reason:
        raise error("E702", f"'{file}' {reason}") from reason
    return tuple(line.strip() for line in lines if line.strip())


def names_in_yaml(file: Path) -> tuple[str, ...]:
    """The list `names` of a YAML file, or its mapping from numbers to names.

    Raises:
        SpecError: E702, there is none.
    """
    wanted = "wanted: names: [cat, dog], or names: {0: cat, 1: dog}"
    try:
        text = bytes_of(file, MAX_BYTES).decode("utf-8-sig", "replace")
        tree = parse(text, str(file))
    except TextError as reason:
        raise error("E702", f"'{file}' {reason}") from reason
    except SpecError as reason:
        raise error("E702", f"'{file}' is no YAML", hint=wanted) from reason
    names = tree.get("names") if isinstance(tree, Entries) else None
    found: list[Tree | None] = []
    if isinstance(names, Items):
        found = [*names.items]
    elif isinstance(names, Entries):
        found = [names.get(str(number)) for number in range(len(names.entries))]
    if not found or not all(isinstance(name, Scalar) for name in found):
        raise error("E702", f"'{file}' has no names of classes", hint=wanted)
    return tuple(str(name.value) for name in found if isinstance(name, Scalar))
