"""What the page shows now, and whoever waits for the next."""

import json
from threading import Condition
from typing import NamedTuple


class State(NamedTuple):
    """What the page shows.

    Args:
        title: of the spec that is reported, or what was asked for.
        report: of the spec as it last had one, as HTML; "" where it never had.
        stale: whether the file is another by now.
        wrong: what is wrong now, as HTML; "" where nothing is.
        problems: how many that are.
    """

    title: str
    report: str
    stale: bool
    wrong: str
    problems: int


class Feed:
    """Holds the newest state for the threads that serve it."""

    def __init__(self, state: State, run: str) -> None:
        self._changed = Condition()
        self._run, self._number, self._state = run, 0, state

    @property
    def now(self) -> tuple[str, State]:
        """The newest state, and what it is called."""
        with self._changed:
            return f"{self._run}-{self._number}", self._state

    def publish(self, state: State) -> None:
        """Make a state the newest, unless it is the same again."""
        with self._changed:
            if state != self._state:
                self._number += 1
                self._state = state
                self._changed.notify_all()

    def other_than(self, name: str, seconds: float) -> tuple[str, State] | None:
        """The newest state as soon as it is called otherwise; None where that takes too long."""
        with self._changed:
            self._changed.wait_for(lambda: f"{self._run}-{self._number}" != name, seconds)
            found = f"{self._run}-{self._number}", self._state
        return found if found[0] != name else None


def as_json(name: str, state: State) -> str:
    """A state in one line."""
    return json.dumps({"id": name, **state._asdict()})
