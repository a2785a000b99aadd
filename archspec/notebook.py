"""How a notebook shows a spec and what it costs: the table, and the diagram to be opened.

The methods that notebooks look for are those of `Spec`, `Cost`, `Diff` and `Graph`; they import
what draws them when they are called, so that nothing below depends on it.
"""

from html import escape
from typing import TYPE_CHECKING

from archspec import api, tables, views
from archspec.errors import SpecError
from archspec.views.differences import fit, rows, totals

if TYPE_CHECKING:
    from archspec.backends.cost import Cost
    from archspec.comparison import Diff
    from archspec.spec import Spec


def html(spec: "Spec") -> str:
    """The resolved table with its costs, and below it the diagram; or what is wrong."""
    try:
        cost = api.cost(spec)
    except SpecError as reason:
        return _lines(str(reason))
    records, total = views.table(spec, cost)
    diagram = f'<div style="overflow-x: auto">\n{svg(spec)}\n</div>'
    return "\n".join(
        [
            tables.render(records, "html", total),
            _summary(cost),
            f"<details><summary>diagram</summary>\n{diagram}\n</details>",
        ]
    )


def svg(spec: "Spec") -> str | None:
    """The diagram; None where the spec stands for no graph."""
    from archspec.backends.diagram import emit  # noqa: PLC0415  needed by those who look

    try:
        return emit(api.to_graph(spec))
    except SpecError:
        return None


def cost_html(cost: "Cost") -> str:
    """The costs by row and in all."""
    records, total = views.bare(cost)
    return f"{tables.render(records, 'html', total)}\n{_summary(cost)}"


def diff_html(diff: "Diff") -> str:
    """What differs by row and in all, and which weights still fit."""
    title = _lines(f"{diff.a} → {diff.b}{': the same net' if diff.same else ''}")
    if diff.same:
        return title
    found = (tables.render(records, "html") for records in (rows(diff), totals(diff)))
    return "\n".join([title, *found, _lines(fit(diff))])


def _summary(cost: "Cost") -> str:
    return _lines("\n".join(views.summary(cost)))


def _lines(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"
