"""A local page that shows the report of a spec, and is new as soon as the file is saved."""

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from threading import Event, Thread

from archspec import api, zoo
from archspec.errors import SpecError
from archspec.watch.attempt import Attempt, Reader, Subject, stamp
from archspec.watch.changes import wakes
from archspec.watch.feed import Feed, State
from archspec.watch.problems import problems
from archspec.watch.server import Server

_SETTLE = 0.05
"""Seconds that a mistake must last: an editor that empties a file and then writes it makes none."""
_POLL = 0.1
"""Seconds between two looks whether the page is to end."""
_STALE = '<p class="stale">The report below is of the spec as it last was without a mistake.</p>'


class Site:
    """The page of a subject while it is served.

    Args:
        address: where a browser finds it.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._ended = Event()
        self._failure: BaseException | None = None

    def run(self, work: Callable[[], None]) -> None:
        """Do a part of the work; if it fails, `wait` says so."""
        try:
            work()
        except BaseException as reason:  # noqa: BLE001  raised again where somebody waits
            self._failure = reason
            self._ended.set()

    def wait(self) -> None:
        """Wait for an interrupt, which comes as an exception, or until something fails."""
        while not self._ended.wait(1):
            pass
        if self._failure:
            raise self._failure


@contextmanager
def serve(subject: Subject, port: int = 0) -> Generator[Site]:
    """Serve the page, and keep it new, until the `with` ends.

    Args:
        subject: what to show.
        port: to listen on, 0 for any that is free.

    Raises:
        SpecError: E100, E120, E201, there is no such file at the start; E102, a setting is none;
            E650, the port is taken. Whatever else is wrong with the spec the page shows.
    """
    reader = Reader(subject)
    first = reader.read()
    if first.diagnostics and not _is_there(subject):
        raise SpecError(first.diagnostics)
    follower = _Follower(reader, first)
    with Server(port, follower.feed) as server:
        site = Site(server.address)
        works = (follower.follow, partial(server.serve_forever, _POLL))
        threads = [Thread(target=site.run, args=[work], daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield site
        finally:
            follower.stop.set()
            server.shutdown()
            for thread in threads:
                thread.join(timeout=1)


def _is_there(subject: Subject) -> bool:
    """Whether the files that the call names are there."""
    name, _variants = zoo.split(subject.reference)
    file = name if name.endswith(api.ONNX) else zoo.locate(name)[0]
    return all(stamp(path) for path in (file, *subject.blocks))


@dataclass
class _Follower:
    """Reads the spec anew whenever a file of it is saved, and tells the feed."""

    reader: Reader
    attempt: Attempt
    feed: Feed = field(init=False)
    stop: Event = field(init=False, default_factory=Event)

    def __post_init__(self) -> None:
        blank = State(self.reader.subject.reference, "", stale=False, wrong="", problems=0)
        self.feed = Feed(_after(blank, self.attempt), token_hex(4))

    def follow(self) -> None:
        """Do so until `stop`; garbage is looked for when nobody waits."""
        is_littered = True
        for is_told in wakes(lambda: self.attempt.files, self.stop):
            if is_told or self.attempt.is_stale:
                self._read()
                is_littered = True
            elif is_littered:
                gc.collect()
                is_littered = False

    def _read(self) -> None:
        self.attempt = self.reader.read()
        if not self.attempt.report:
            self.stop.wait(_SETTLE)
            if self.attempt.is_stale:
                self.attempt = self.reader.read()
        _name, before = self.feed.now
        self.feed.publish(_after(before, self.attempt))


def _after(before: State, attempt: Attempt) -> State:
    """What the page shows after a reading: what is wrong stands above what was last right."""
    wrong = problems(attempt.diagnostics)
    count = len(attempt.diagnostics)
    if attempt.report:
        return State(attempt.title, attempt.report, stale=False, wrong=wrong, problems=count)
    note = _STALE if before.report else ""
    return before._replace(stale=True, wrong=wrong + note, problems=count)


__all__ = ["Site", "Subject", "serve"]
