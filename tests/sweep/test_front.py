"""The front of a sweep, and the draw of its points."""

import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.sweep import front, goals
from archspec.sweep.front import lowest
from archspec.sweep.sample import Permutation
from hypothesis import given
from hypothesis import strategies as st

COLUMNS = ("params", "macs", "stages.s3.kernel")


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.tuples(*[st.integers(0, 5)] * width), max_size=40)
    )
)
def test_the_front_is_what_no_other_point_beats(points):
    values = np.array(points, np.int64).reshape(len(points), len(points[0]) if points else 2)
    wanted = {
        place
        for place, own in enumerate(points)
        if not any(
            all(a <= b for a, b in zip(other, own, strict=True))
            and (other != own or number < place)
            for number, other in enumerate(points)
            if number != place
        )
    }
    found = front(values).tolist()
    assert set(found) == wanted
    assert found == sorted(found, key=lambda place: (points[place], place))


def test_the_front_of_many_points_of_three_columns_is_found_block_by_block():
    values = np.random.default_rng(0).integers(0, 40, (5000, 3))
    found = {tuple(row) for row in values[front(values)].tolist()}
    every = {tuple(row) for row in values.tolist()}
    beaten = {
        own
        for own in every
        if any(other != own and all(map(int.__le__, other, own)) for other in found)
    }
    assert found == every - beaten


def test_goals_say_which_way_is_better():
    wanted = goals("macs,params:max", COLUMNS)
    assert [str(goal) for goal in wanted] == ["macs:min", "params:max"]
    turned = lowest(wanted, [np.array([1, 2]), np.array([3, 4])])
    assert turned.tolist() == [[1, -3], [2, -4]]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("mac", "E625 there is no column of numbers 'mac'\n   did you mean 'macs'?"),
        (
            "latency",
            "E625 there is no column of numbers 'latency'\n   there are params, macs, stages.s3.kernel",
        ),
        ("macs:least", "E625 'macs:least' ends neither in :min nor in :max"),
        ("macs,params,macs:max", "E625 the column 'macs' stands twice in 'macs,params,macs:max'"),
    ],
)
def test_goals_that_are_none(said, message):
    with pytest.raises(SpecError) as caught:
        goals(said, COLUMNS)
    assert str(caught.value) == message


@given(count=st.integers(1, 3000), seed=st.integers(0, 1 << 70))
def test_a_permutation_has_every_number_once(count, seed):
    found = Permutation(count, seed)(np.arange(count))
    assert np.array_equal(np.sort(found), np.arange(count))


def test_a_permutation_of_any_size_stays_below_it_and_differs_by_its_seed():
    for count in (10**15, (1 << 63) - 1, 1 << 63):
        first, second = (Permutation(count, seed)(np.arange(20_000)) for seed in (0, 1))
        assert len(np.unique(first)) == 20_000
        assert first.min() >= 0
        assert int(first.max()) < count
        assert not np.isin(first, second).any()
        # As even as chance has it: the mean of 20,000 lies within 4 of its standard deviations.
        assert abs(float(first.mean()) / count - 0.5) < 4 / np.sqrt(12 * 20_000)


def test_what_a_seed_draws_stays_the_same():
    # A sweep that is gone on with by a later version must find its points where they were.
    assert Permutation(1000, 0)(np.arange(5)).tolist() == [438, 140, 734, 197, 998]
