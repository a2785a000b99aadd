"""Specs → one HTML page: tables, diagrams, charts of what they cost. Nothing is loaded from a net.

The page has everything in it: style, script, the library that draws the charts. A policy in it
forbids the browser to fetch anything, and to run anything else.
"""

import os
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from archspec.backends.cost import Precision
from archspec.errors import error
from archspec.report.content import contents
from archspec.spec import Spec

if TYPE_CHECKING:
    from jinja2 import Environment

Path: TypeAlias = str | os.PathLike[str]


class Assets(NamedTuple):
    """What a page needs besides a fragment.

    Args:
        style: CSS.
        script: draws the charts of `.chart` and sorts tables; `archspecReport.draw(root)` does it
            again where something is new.
        library: what the script draws with, 5 MB; once on a page, before the script.
    """

    style: str
    script: str
    library: str


def page(
    specs: Sequence[Spec],
    *,
    sweep: Path | None = None,
    batch: int = 1,
    precision: Precision = "fp32",
) -> str:
    """The report as a file of its own. The same arguments give the same bytes.

    Args:
        specs: one, or several to compare.
        sweep: a result of `archspec sweep`, CSV or Parquet.
        batch: number of images that are counted.
        precision: of their activations.

    Raises:
        SpecError: what is wrong with a spec, or with the file of the sweep.
    """
    known = contents(specs, sweep, batch, precision)
    template = _environment().get_template("page.html")
    return template.render(**known, **assets()._asdict(), hashes=_hashes())


def fragment(
    specs: Sequence[Spec],
    *,
    sweep: Path | None = None,
    batch: int = 1,
    precision: Precision = "fp32",
) -> str:
    """What is in a `page`, without what is around it: for a page that has `assets`."""
    known = contents(specs, sweep, batch, precision)
    return _environment().get_template("fragment.html").render(**known)


@cache
def assets() -> Assets:
    """What a page needs besides a fragment."""
    import plotly.offline as charts  # noqa: PLC0415  a twentieth of a second

    library: Any = charts.get_plotlyjs()
    return Assets(_file("style.css"), _file("script.js"), library)


@cache
def _hashes() -> str:
    """What a policy calls the two scripts; no other is run."""
    scripts = (assets().library, assets().script)
    digests = (sha256(text.encode()).digest() for text in scripts)
    return " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)


def need_ending(path: Path, ending: str) -> None:
    """Refuse to write to a file that is called as if something else were in it.

    Raises:
        SpecError: E640, its name has another ending.
    """
    name = os.fspath(path)
    if not name.endswith(ending):
        raise error("E640", f"'{name}' does not end in {ending}", hint=f"only {ending} is written")


def _file(name: str) -> str:
    return (files("archspec.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  as above

    return Environment(
        loader=PackageLoader("archspec.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


__all__ = ["Assets", "assets", "fragment", "need_ending", "page"]
