"""Everything that is wrong with a spec file, all its variants tried."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archspec.api import BLOCKS, Parameters, Path, open_reference
from archspec.block import Block
from archspec.errors import Diagnostic, Note, Problems, SpecError
from archspec.graph import Graph
from archspec.lower import lower
from archspec.resolve import Opened, check_values, resolve, settle
from archspec.spec import Budget, Spec

if TYPE_CHECKING:
    from archspec.backends.cost import Cost, RowCost

MAX_NODES = 1 << 19
"""Ops of the graphs that `check` makes of all the variants of a file: some 20 seconds."""
LIMITS = {
    "params": "parameters",
    "macs": "MACs",
    "peak_memory": "bytes of activations at a time in {}",
    "weights": "bytes of weights in {}",
}
WORST = 3
"""Rows that are named where a budget is exceeded."""
FAILED = 1 << 12
"""What a variant counts for whose graph is not made."""


def check(reference: Path, *, blocks: Mapping[str, Block] = BLOCKS) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a spec: itself, and each variant of each axis.

    An error that only a variant has says which.
    """
    try:
        opened, asked = open_reference(reference)
        if not asked:
            _check_samples(opened, blocks)
            _check_search(opened, blocks)
        else:
            problems = Problems()
            spec = resolve(opened, Parameters(blocks), asked)
            check_budget(spec, lower(spec, blocks).graph, problems)
            problems.check()
    except SpecError as reason:
        return reason.diagnostics
    return ()


def _check_search(opened: Opened, blocks: Mapping[str, Block]) -> None:
    problems = Problems()
    if opened.search:
        choice = [(name, None) for name in next(opened.samples())]
        check_values(settle(opened, Parameters(blocks), choice), opened.search, problems)
    problems.check()


def _check_samples(opened: Opened, blocks: Mapping[str, Block]) -> None:
    problems = Problems()
    problems.extend(opened.problems)
    seen = {(item.code, item.message, str(item.span)) for item in opened.problems}
    nodes = 0
    for choice in opened.samples():
        note = (Note(f"in variant '{':'.join(choice)}'"),) if choice else ()
        over = Problems()
        try:
            spec = resolve(opened, Parameters(blocks), [(name, None) for name in choice])
            graph = lower(spec, blocks).graph
            check_budget(spec, graph, over)
            found, made = over.diagnostics, len(graph.nodes)
        except SpecError as reason:
            found, made = reason.diagnostics, FAILED
        new = {(item.code, item.message, str(item.span)): item for item in found}
        unseen = (item for key, item in new.items() if key not in seen)
        problems.extend(item._replace(notes=item.notes + note) for item in unseen)
        seen |= new.keys()
        nodes += made
        if nodes > MAX_NODES:
            message = f"the variants have more than {MAX_NODES} ops in all; others are not checked"
            problems.add("E211", message, opened.tree.span)
            break
    problems.check()


def check_budget(spec: Spec, graph: Graph, problems: Problems) -> None:
    """Report each limit that a net is over, with the rows that cost most."""
    budget = spec.budget
    if budget is None:
        return
    from archspec.backends.cost import emit  # noqa: PLC0415  most specs have no budget

    costs = emit(graph, precision=budget.precision)
    places = {row.path: row.span for row in spec.rows}
    total, rows = _costs(costs, budget), {row.row: _costs(row, budget) for row in costs}
    for name in budget.over(**total):
        costly = (row for row in rows if rows[row][name])
        most = sorted(costly, key=lambda row, name=name: -rows[row][name])[:WORST]
        what, limit = LIMITS[name].format(budget.precision), getattr(budget, name)
        problems.add(
            "E216",
            f"{total[name]:,} {what}; the budget is {limit:,}",
            spec.settings[f"budget.{name}"].span,
            "most in",
            *(Note(f"{row} {rows[row][name]:,}", places.get(row)) for row in most),
        )


def _costs(what: "Cost | RowCost", budget: Budget) -> dict[str, int]:
    return {
        "params": what.params,
        "macs": what.macs,
        "peak_memory": what.peak_memory,
        "weights": getattr(what.weights, budget.precision),
    }
