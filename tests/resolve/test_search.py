"""`search` spans a space: paths, and the values of each."""

from decimal import Decimal

import archspec
import pytest
from archspec.api import open_reference
from archspec.errors import Source, Span
from archspec.resolve import numbers
from archspec.source import plain
from hypothesis import given
from hypothesis import strategies as st

SPAN = Span(Source("t", ""), 1, 1, 1, 1)


def axes(tmp_path, text):
    path = tmp_path / "net.yaml"
    path.write_text(f"archspec: 1\nname: net\nextends: mobilenet_v2\n{text}", encoding="utf-8")
    assert archspec.check(str(path)) == ()
    opened, _ = open_reference(str(path))
    return {axis.path: [plain(value) for value in axis.values] for axis in opened.search}


def test_a_table_and_a_list_of_mappings_say_the_same(tmp_path):
    table = axes(
        tmp_path,
        """
search:
  columns: [path, values]
  rows:
    - [stages.s3.kernel, [3, 5]]
    - [scaling.width, {from: 0.5, to: 1.0, step: 0.25}]
""",
    )
    listed = axes(
        tmp_path,
        """
search:
  - {values: [3, 5], path: stages.s3.kernel}
  - {path: scaling.width, values: {from: 0.5, to: 1.0, step: 0.25}}
""",
    )
    assert table == listed == {"stages.s3.kernel": [3, 5], "scaling.width": [0.5, 0.75, 1.0]}
    assert list(table) == list(listed)


def test_values_may_be_anything_that_a_path_takes(tmp_path):
    found = axes(
        tmp_path,
        "search: [{path: stages.*.se, values: [none, 0.25, {ratio: 1/4, of: input}]},"
        " {path: input, values: [[224, 192, 3], 160]}]",
    )
    assert found == {
        "stages.*.se": ["none", 0.25, {"ratio": "1/4", "of": "input"}],
        "input": [[224, 192, 3], 160],
    }


def test_a_space_is_of_its_own_file(tmp_path):
    axes(tmp_path, "search: [{path: scaling.width, values: [0.5]}]")
    child = tmp_path / "child.yaml"
    child.write_text("archspec: 1\nname: child\nextends: net.yaml\n", encoding="utf-8")
    opened, _ = open_reference(str(child))
    assert opened.search == ()
    assert "search" not in archspec.load(str(child)).document


def test_a_resolved_spec_does_not_know_of_a_space(tmp_path):
    axes(tmp_path, "search: [{path: scaling.width, values: [0.5]}]")
    assert archspec.cost(str(tmp_path / "net.yaml")) == archspec.cost("mobilenet_v2")


def test_a_value_that_goes_with_no_other_is_fine_where_another_does(tmp_path):
    assert axes(tmp_path, "search: [{path: stages.s3.kernel, values: [three, 5]}]")


@given(
    start=st.integers(-50, 50),
    count=st.integers(1, 40),
    step=st.integers(1, 400),
    places=st.sampled_from([1, 10, 100]),
    up=st.booleans(),
)
def test_a_range_has_the_decimal_numbers_that_one_writes(start, count, step, places, up):
    by = Decimal(step if up else -step) / places
    first = Decimal(start) / places
    wanted = [first + by * index for index in range(count)]
    found = numbers("x", float(first), float(wanted[-1]), float(by), SPAN)
    assert [plain(value) for value in found] == [float(number) for number in wanted]
    beyond = wanted[-1] + by / 2  # no step hits it
    again = numbers("x", float(first), float(beyond), float(by), SPAN)
    assert [plain(value) for value in again] == [float(number) for number in wanted]


@pytest.mark.parametrize(("end", "kind"), [(7, int), (7.0, float)])
def test_whole_numbers_stay_whole(end, kind):
    values = [plain(value) for value in numbers("x", 3, end, 2, SPAN)]
    assert values == [3, 5, 7]
    assert {type(value) for value in values} == {kind}
