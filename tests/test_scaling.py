"""The arithmetic of widths and depths, against the published code."""

from math import ceil

import pytest
from archspec.scaling import NotWholeError, Rounding, round_count, scale_repeats
from hypothesis import given
from hypothesis import strategies as st

EIGHTS = Rounding(divisor=8, keep=0.9)
widths = st.floats(0.1, 1e5)
divisors = st.sampled_from([1, 2, 4, 8, 16, 32])


def make_divisible(v, divisor, min_value=None, round_limit=0.9):
    """`_make_divisible` as TF-slim published it (research/slim/nets/mobilenet/conv_blocks.py)."""
    if min_value is None:
        min_value = divisor
    new_v = max(min_value, int(v + divisor / 2) // divisor * divisor)
    if new_v < round_limit * v:
        new_v += divisor
    return new_v


@given(value=widths, divisor=divisors, keep=st.sampled_from([0.0, 0.8, 0.9, 0.95]))
def test_half_up_is_the_published_make_divisible(value, divisor, keep):
    rule = Rounding(divisor=divisor, keep=keep)
    assert round_count(value, rule) == make_divisible(value, divisor, round_limit=keep)


@given(value=widths, divisor=divisors, floor=st.integers(1, 64))
def test_a_floor_is_the_published_min_value(value, divisor, floor):
    rule = Rounding(divisor=divisor, floor=floor, keep=0.9)
    assert round_count(value, rule) == make_divisible(value, divisor, min_value=floor)


@given(value=widths, divisor=divisors, mode=st.sampled_from(["half_up", "half_even", "down", "up"]))
def test_a_rounded_count_is_a_multiple_of_the_divisor_and_no_further_than_one(value, divisor, mode):
    result = round_count(value, Rounding(mode=mode, divisor=divisor))
    assert result % divisor == 0
    assert result >= divisor
    assert abs(result - value) < divisor or result == divisor


@given(value=widths)
def test_ninety_percent_of_a_width_are_kept(value):
    assert round_count(value, EIGHTS) >= 0.9 * value


@given(value=widths, more=st.floats(0, 100))
def test_a_wider_net_is_never_narrower(value, more):
    assert round_count(value, EIGHTS) <= round_count(value + more, EIGHTS)


@given(count=st.integers(1, 1 << 17))
def test_a_whole_count_without_a_rule_stays(count):
    assert round_count(float(count), None) == count


@pytest.mark.parametrize(
    ("value", "rule", "count"),
    [
        (124, Rounding(divisor=8), 128),
        (4, Rounding(divisor=8, floor=32), 32),
        (4, Rounding(divisor=8), 8),
        (10, Rounding(divisor=8, keep=0.8), 8),
        (10, Rounding(divisor=8, keep=0.81), 16),
        (44.8, EIGHTS, 48),  # 32 x 1.4, torchvision's MobileNetV2
        (41.6, EIGHTS, 40),
        (33.6, Rounding(divisor=8, integer="down"), 32),
        (11.9, Rounding(mode="down"), 11),
        (11.1, Rounding(mode="up"), 12),
        (20, Rounding(mode="up", divisor=8), 24),
        (12, Rounding(mode="half_even", divisor=8), 16),
        (20, Rounding(mode="half_even", divisor=8), 16),
        (20, Rounding(mode="half_up", divisor=8), 24),
        (0.2, Rounding(mode="down"), 1),
        (2.5, Rounding(integer="half_even"), 2),
        (3.5, Rounding(integer="half_even"), 4),
        (2.9, Rounding(integer="down", mode="up"), 2),
    ],
)
def test_round_count_by_the_book(value, rule, count):
    assert round_count(value, rule) == count


def test_keep_is_of_the_count_after_it_was_made_whole():
    # 17.9 is 17 first; 16 is not below 0.9 x 17, but it is below 0.9 x 17.9.
    assert round_count(17.9, Rounding(divisor=8, keep=0.9, integer="down")) == 16
    assert round_count(17.9, Rounding(divisor=8, keep=0.9)) == 24


def test_a_fraction_without_a_rule_is_an_error():
    with pytest.raises(NotWholeError, match=r"^41\.6 is not whole$"):
        round_count(41.6, None)


def test_a_bit_of_floating_point_is_no_fraction():
    assert 44 * (120 / 44) != 120
    assert round_count(44 * (120 / 44), None) == 120


def test_a_rule_prints_what_is_not_its_default():
    assert str(Rounding()) == "half up"
    assert str(Rounding("down", 8, 0.9, 16, "half_even")) == (
        "integer half_even, down, divisor 8, keep 0.9, floor 16"
    )


@given(repeats=st.integers(1, 1024), depth=st.floats(0.01, 10))
def test_repeats_are_scaled_up_or_to_the_nearest_and_never_to_none(repeats, depth):
    scaled = scale_repeats(repeats, depth, "ceil")
    assert scaled == max(1, ceil(repeats * depth))
    assert 0 <= scaled - max(1, scale_repeats(repeats, depth, "half_even")) <= 1


@given(repeats=st.integers(1, 1024))
def test_depth_one_changes_nothing(repeats):
    assert (
        scale_repeats(repeats, 1.0, "ceil") == scale_repeats(repeats, 1.0, "half_even") == repeats
    )
