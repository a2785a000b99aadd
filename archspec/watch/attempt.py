"""Reading a spec again and again: its report or what is wrong, and which files that took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from traceback import extract_tb
from typing import NamedTuple, TypeAlias

from archspec import api, report, zoo
from archspec.block import Block
from archspec.blocks import from_file
from archspec.errors import Diagnostic, Problems, Span, SpecError
from archspec.inspection import check_budget
from archspec.source import Scalar, Tree
from archspec.spec import Spec

Stamp: TypeAlias = tuple[int, ...]
"""What tells two states of a file apart without reading it; empty where there is none."""


def stamp(path: Path | str) -> Stamp:
    """The stamp of a file as it is now, behind symbolic links."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):  # gone, or a name that no file can have
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Subject(NamedTuple):
    """What is watched.

    Args:
        reference: a path or a zoo name, with variants.
        settings: of `--set`, `path=value`.
        blocks: of `--blocks`, Python files.
    """

    reference: str
    settings: Sequence[str] = ()
    blocks: Sequence[str] = ()


@dataclass(frozen=True)
class Attempt:
    """One reading.

    Args:
        files: all files that it read, or would have if they had been there, each with the stamp
            that it had just before.
        title: of the spec, "" where there is none to report.
        report: what the page shows of it, "" likewise.
        diagnostics: what is wrong; beside a report, what is over the budget.
    """

    files: Mapping[Path, Stamp]
    title: str = ""
    report: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def is_stale(self) -> bool:
        """Whether one of the files is another now."""
        return any(stamp(path) != then for path, then in self.files.items())


@dataclass
class Reader:
    """Reads a subject; files of blocks are run again only when they change.

    Raises:
        SpecError: E102, `--set` is not `path=value`; no file can mend that.
    """

    subject: Subject
    _settings: Sequence[tuple[Scalar, Tree]] = field(init=False)
    _home: Path = field(init=False, default_factory=Path.cwd)
    _files: dict[Path, Stamp] = field(init=False, default_factory=dict[Path, Stamp])
    _blocks: dict[str, tuple[Stamp, Mapping[str, Block]]] = field(
        init=False, default_factory=dict[str, tuple[Stamp, Mapping[str, Block]]]
    )

    def __post_init__(self) -> None:
        self._settings = [api.setting(text) for text in self.subject.settings]

    def read(self) -> Attempt:
        """The spec as its files are now."""
        self._files = {}
        try:
            spec = self._load()
            return Attempt(self._files, spec.title, report.fragment([spec]), _over_budget(spec))
        except SpecError as reason:
            return Attempt(self._files, diagnostics=reason.diagnostics)
        except Exception as reason:
            # What a block of the user's does, the user is about to mend; all else is a bug of ours.
            if not self.subject.blocks:
                raise
            return Attempt(self._files, diagnostics=(self._fault(reason),))

    def _load(self) -> Spec:
        own = [item for file in self.subject.blocks for item in self._own(file).items()]
        blocks = {**api.BLOCKS, **dict(own)} if own else api.BLOCKS
        if self.subject.reference.endswith(api.ONNX):
            self._note(Path(self.subject.reference))
        return api.load_with(self.subject.reference, self._settings, blocks, self._open)

    def _open(self, reference: str, via: Span | None) -> Tree:
        path, _name = zoo.locate(reference, via)
        self._note(path)
        return zoo.open_tree(reference, via)

    def _note(self, path: Path) -> Stamp:
        if "\0" in str(path):  # which no file can be called
            return ()
        whole = self._home / path
        return self._files.setdefault(whole, stamp(whole))

    def _own(self, file: str) -> Mapping[str, Block]:
        now = self._note(Path(file))
        then, blocks = self._blocks.get(file, ((), {}))
        if not now or now != then:
            blocks = from_file(file)
            self._blocks[file] = now, blocks
        return blocks

    def _fault(self, reason: Exception) -> Diagnostic:
        """What a block raised, and the last line of it that was run."""
        frames = extract_tb(reason.__traceback__)
        own = [frame for frame in frames if frame.filename in self.subject.blocks]
        last = (own or frames)[-1]
        message = f"a block of '--blocks' fails: {type(reason).__name__}: {reason}"
        return Diagnostic("E651", message, None, f"in {last.filename}:{last.lineno}")


def _over_budget(spec: Spec) -> tuple[Diagnostic, ...]:
    """What the net costs beyond its budget."""
    problems = Problems()
    if spec.budget:
        check_budget(spec, api.to_graph(spec), problems)
    return problems.diagnostics
