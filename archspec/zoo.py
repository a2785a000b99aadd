"""Finding spec files: the zoo that comes with the package, and paths."""

from pathlib import Path

from archspec.errors import Span, did_you_mean, error, quoted
from archspec.source import Tree, read

SUFFIXES = (".yaml", ".yml")


def folder() -> Path:
    """The zoo: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def names() -> list[str]:
    """The names of its specs."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def split(reference: str) -> tuple[str, list[str]]:
    """A spec as the command line takes it, cut into the file and its variants.

    >>> split("mobilenet_v2:1.4"), split("my/net.yaml:small")
    (('mobilenet_v2', ['1.4']), ('my/net.yaml', ['small']))
    """
    for suffix in SUFFIXES:
        path, dot, rest = reference.partition(f"{suffix}:")
        if dot:
            return path + suffix, rest.split(":")
    if reference.endswith(SUFFIXES):
        return reference, []
    name, *variants = reference.split(":")
    return name, variants


def open_tree(reference: str, via: Span | None = None) -> Tree:
    """The tree of a zoo name, or of a path to a .yaml file, relative to the file that extends it.

    Raises:
        SpecError: E201, there is no such spec, or it extends itself; E100 to E109, the file is wrong.
    """
    if reference.endswith(SUFFIXES):
        origin = via.source.path if via else None
        path, name = Path(reference), reference
        if origin is not None and via is not None:
            path = origin.parent / reference
            name = str(Path(via.source.name).parent / reference)
    elif reference in names():
        path, name = folder() / f"{reference}.yaml", f"zoo/{reference}.yaml"
    else:
        hint = (
            did_you_mean(reference, names())
            or f"a path ends with .yaml; the zoo has {', '.join(names())}"
        )
        raise error("E201", f"there is no spec {quoted(reference)} in the zoo", via, hint)
    _check_cycle(path, name, via)
    return read(path, name, via)


def _check_cycle(path: Path, name: str, via: Span | None) -> None:
    place = via
    while place is not None:
        if place.source.path is not None and place.source.path.resolve() == path.resolve():
            raise error("E201", f"'{name}' extends itself", via)
        place = place.source.via
