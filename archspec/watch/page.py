"""The page: the report, what is wrong above it, and the script that keeps both new."""

from html import escape
from pathlib import Path
from string import Template

from archspec import report
from archspec.watch.feed import State

_HERE = Path(__file__).parent


def page(name: str, state: State, nonce: str) -> str:
    """The whole page with the newest state in it, so that nothing waits for the script.

    Args:
        name: of the state.
        state: to be shown.
        nonce: by which the browser knows the scripts that it may run.
    """
    assets = report.assets()
    return Template((_HERE / "page.html").read_text(encoding="utf-8")).substitute(
        id=escape(name),
        nonce=nonce,
        title=escape(state.title),
        style=assets.style + (_HERE / "page.css").read_text(encoding="utf-8"),
        library=assets.library,
        drawing=assets.script,
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
        problems=state.problems,
        stale=str(state.stale).lower(),
        wrong=state.wrong,
        report=state.report,
    )
