"""Names of classes in files of their own."""

from pathlib import Path

from archspec.errors import SpecError, error
from archspec.source import Entries, Items, Scalar, Tree, parse

FILES = ("labels.txt", "classes.txt")


def names_in(folder: Path) -> tuple[str, ...]:
    """The names of labels.txt or classes.txt, one in each line; none where neither is there."""
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        return ()
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def names_in_yaml(file: Path) -> tuple[str, ...]:
    """The list `names` of a YAML file, or its mapping from numbers to names.

    Raises:
        SpecError: E702, there is none.
    """
    wanted = "names: [cat, dog], or names: {0: cat, 1: dog}"
    try:
        tree = parse(file.read_text(encoding="utf-8-sig", errors="replace"), str(file))
    except SpecError as reason:
        raise error("E702", f"'{file}' is no YAML", hint=f"wanted: {wanted}") from reason
    names = tree.get("names") if isinstance(tree, Entries) else None
    if isinstance(names, Items):
        return tuple(map(_word, names.items))
    if isinstance(names, Entries) and [key for key, _ in names] == [
        str(number) for number in range(len(names.entries))
    ]:
        return tuple(_word(value) for _, value in names)
    raise error("E702", f"'{file}' has no names of classes", hint=f"wanted: {wanted}")


def _word(tree: Tree) -> str:
    return str(tree.value) if isinstance(tree, Scalar) else "?"
