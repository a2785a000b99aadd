"""How often the class of a picture is found, counted another way."""

import numpy as np
import pytest
from archspec.training.data.records import Labelled, Picture
from archspec.training.scoring import Top
from hypothesis import given
from hypothesis import strategies as st


def sample(label):
    return Labelled(Picture(None, 1, 1), label)


@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.lists(st.integers(-3, 3), min_size=8, max_size=8)),
        max_size=30,
    )
)
def test_a_class_is_found_among_the_first_of_a_stable_sort(pictures):
    top = Top(8)
    for label, logits in pictures:
        top.add([sample(label)], np.array([logits], np.float32))
    places = [np.argsort(-np.array(logits), kind="stable").tolist() for _, logits in pictures]
    for most in (1, 5):
        right = [label in place[:most] for (label, _), place in zip(pictures, places, strict=True)]
        assert top.result()[f"top{most}"] == pytest.approx(sum(right) / max(len(right), 1))


def test_of_fewer_classes_than_five_all_count():
    top = Top(3)
    top.add([sample(2), sample(0)], np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0]]))
    assert top.result() == {"top1": 0.0, "top3": 1.0}
    assert set(Top(1).result()) == {"top1"}


def test_what_is_no_number_is_never_right():
    top = Top(6)
    top.add([sample(1)], np.full((1, 6), np.nan))
    assert top.result() == {"top1": 0.0, "top5": 0.0}
