"""What a resolved spec says, without the places that say it."""

from typing import Any

from archspec.spec import Row, Spec


def of_row(row: Row) -> tuple[Any, ...]:
    return row.section, row.name, row.block, row.blocks, row.inputs, row.rounding


def of_spec(spec: Spec) -> tuple[Any, ...]:
    rows = tuple(map(of_row, spec.rows))
    taps = (dict(spec.outputs), spec.output_stride)
    return spec.name, spec.source, dict(spec.equals), spec.input, spec.classes, rows, taps
