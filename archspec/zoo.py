"""Finding spec files: the zoo that comes with the package, paths, and folders."""

from collections.abc import Iterable, Iterator
from os.path import normpath
from pathlib import Path

from archspec.errors import Diagnostic, Span, did_you_mean, error, quoted
from archspec.source import MAX_BYTES, Tree, read

SUFFIXES = (".yaml", ".yml")
_MARK = b"archspec:"
"""What a line of every spec begins with, and of hardly any other YAML file."""


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
        SpecError: E201, there is no such spec, or it extends itself; E100 to E109, the file is
            wrong.
    """
    path, name = locate(reference, via)
    _check_cycle(path, name, via)
    return read(path, name, via)


def locate(reference: str, via: Span | None = None) -> tuple[Path, str]:
    """Where the file of a reference is, whether it is there or not, and what messages call it.

    Raises:
        SpecError: E201, it is neither a path to a .yaml file nor in the zoo.
    """
    origin = via.source.path.parent if via and via.source.path else Path()
    if reference.endswith(SUFFIXES):
        name = reference
        if via and via.source.path:
            name = normpath(Path(via.source.name).parent / reference)
        return origin / reference, name
    if reference in names():
        return folder() / f"{reference}.yaml", f"zoo/{reference}.yaml"
    hint = _hint(reference, origin)
    raise error("E201", f"there is no spec {quoted(reference)} in the zoo", via, hint)


def _hint(reference: str, origin: Path) -> str:
    """What to write instead of a name that is none."""
    if reference == "-":
        return "a spec is read from a file, not from standard input"
    if _is_file(origin / reference):
        return "the name of a spec file ends with .yaml"
    beside = (f"{reference}{suffix}" for suffix in SUFFIXES)
    near = next((name for name in beside if _is_file(origin / name)), "")
    if near:
        return f"did you mean '{near}'?"
    every = ", ".join(names())
    return did_you_mean(reference, names()) or f"a path ends with .yaml; the zoo has {every}"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _check_cycle(path: Path, name: str, via: Span | None) -> None:
    place = via
    while place is not None:
        if place.source.path is not None and _is_same(place.source.path, path):
            raise error("E201", f"'{name}' extends itself", via)
        place = place.source.via


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # reading it will say what is wrong with it
        return False


def files(paths: Iterable[str]) -> tuple[list[str], list[Diagnostic]]:
    """The spec files that paths stand for, each once, and what is wrong with the paths.

    A folder stands for the specs in it and in its folders, less what is hidden by a dot: the YAML
    files with a line `archspec: …`. Any other path stands for itself.
    """
    found: dict[str, None] = {}
    problems: list[Diagnostic] = []
    for path in paths:
        if not _is_folder(path):
            found[path] = None
            continue
        inside = [str(file) for file in sorted(_yaml_files(Path(path))) if _is_spec(file)]
        found |= dict.fromkeys(inside)
        if not inside:
            problems.append(Diagnostic("E100", f"there is no spec in the folder '{path}'", None))
    return list(found), problems


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def _yaml_files(top: Path) -> Iterator[Path]:
    for file in top.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(top).parts)
        if file.suffix in SUFFIXES and not hidden and file.is_file():
            yield file


def _is_spec(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_BYTES).removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError:  # whoever reads it gets to say why not
        return True
    return any(line.startswith(_MARK) for line in lines)
