"""Boxes and masks are scored as by hand, and as by an independent few lines."""

from pathlib import Path

import numpy as np
import pytest
from archspec.training.data.records import Boxed, Masked, Picture
from archspec.training.scoring import Detections, MeanIoU
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

PICTURE = Picture(Path("a.png"), 100, 100)
ONE = (10, 10, 20, 20)
OTHER = (50, 50, 70, 70)
AWAY = (80, 5, 90, 15)


def thing(*boxes, labels=None, ignored=None) -> Boxed:
    count = len(boxes)
    return Boxed(PICTURE, boxes, labels or (0,) * count, ignored or (False,) * count, 0)


def scored(*pictures):
    """The scores of pictures, each with what was wanted and rows of box, score and label."""
    scores = Detections()
    for wanted, *found in pictures:
        boxes = np.array([row[0] for row in found], np.float32).reshape(-1, 4)
        labels = np.array([row[2] if len(row) > 2 else 0 for row in found], int)
        scores.add(wanted, boxes, np.array([row[1] for row in found], np.float32), labels)
    return scores.result()


def same(number):
    return {
        "AP": pytest.approx(number),
        "AP50": pytest.approx(number),
        "AP75": pytest.approx(number),
    }


def test_what_is_found_exactly_is_1_and_pycocotools_says_nothing(capsys):
    assert scored((thing(ONE, OTHER), (ONE, 0.9), (OTHER, 0.1))) == same(1)
    assert capsys.readouterr() == ("", "")


def test_nothing_found_or_nothing_wanted_is_0():
    assert Detections().result() == same(0)
    assert scored((thing(ONE),)) == same(0)
    assert scored((thing(), (ONE, 0.9))) == same(0)
    assert scored((thing(ONE), (ONE, 0.9, 1))) == same(0)
    assert scored((thing(ONE, ignored=(True,)), (ONE, 0.9))) == same(0)


def test_an_overlap_of_072_is_enough_for_five_of_ten_limits():
    found = scored((thing(ONE), ((10, 10, 20, 17.2), 0.9)))
    assert found == {"AP": pytest.approx(0.5), "AP50": pytest.approx(1), "AP75": 0.0}


def test_one_of_two_things_makes_51_of_101_recalls():
    assert scored((thing(ONE, OTHER), (ONE, 0.9), (AWAY, 0.1))) == same(51 / 101)


def test_a_false_box_that_is_surer_halves_the_precision():
    assert scored((thing(ONE), (AWAY, 0.9), (ONE, 0.8))) == same(0.5)
    assert scored((thing(ONE), (ONE, 0.8)), (thing(), (AWAY, 0.9))) == same(0.5)
    assert scored((thing(ONE), (AWAY, 0.7), (ONE, 0.8))) == same(1)


def test_the_second_box_of_a_thing_is_false():
    found = scored((thing(ONE, OTHER), (ONE, 0.9), (ONE, 0.8), (OTHER, 0.7)))
    # Precision 1 up to half of the recall, then two of three.
    assert found == same((51 + 50 * 2 / 3) / 101)


def test_ignored_things_are_neither_right_nor_wrong_to_find():
    wanted = thing(ONE, OTHER, ignored=(False, True))
    assert scored((wanted, (OTHER, 0.9), (ONE, 0.8))) == same(1)
    assert scored((wanted, (ONE, 0.8))) == same(1)
    assert scored((wanted, (OTHER, 0.9))) == same(0)


def test_classes_have_equal_weight_and_those_that_nobody_wanted_none():
    wanted = thing(ONE, OTHER, OTHER, labels=(0, 4, 4))
    assert scored((wanted, (ONE, 0.9, 0), (AWAY, 1.0, 2))) == same(0.5)
    assert scored((wanted, (ONE, 0.9, 4), (OTHER, 0.8, 4))) == same(51 / 101 / 2 / 2)


def test_of_a_picture_a_hundred_boxes_count():
    for false, right in ((99, 1 / 100), (100, 0)):
        rows = [(AWAY, 0.9)] * false + [(ONE, 0.1)]
        assert scored((thing(ONE), *rows)) == same(right)


def test_scores_may_be_asked_for_again_and_more_added():
    scores = Detections()
    for expected in (1, 51 / 101):
        scores.add(
            thing(ONE), np.array([ONE if expected == 1 else AWAY]), np.array([0.5]), np.array([0])
        )
        assert scores.result() == same(expected)
        assert scores.result() == same(expected)


def overlap(one, other) -> float:
    sides = [min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1)]
    both = max(sides[0], 0) * max(sides[1], 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)


def precision(pictures, label, limit) -> float | None:
    """Mean precision of a class at 101 recalls, box by box; None: nothing was wanted."""
    right, total = [], 0
    for wanted, found in pictures:
        things = [box for box, own in wanted if own == label]
        total += len(things)
        for box, score, _ in sorted(
            (row for row in found if row[2] == label), key=lambda row: -row[1]
        ):
            best = max(things, key=lambda thing: overlap(box, thing), default=None)
            hit = best is not None and overlap(box, best) >= limit
            if hit:
                things.remove(best)
            right.append((score, hit))
    if not total:
        return None
    hits = [hit for _, hit in sorted(right, key=lambda pair: -pair[0])]
    points = [(sum(hits[:n]) / total, sum(hits[:n]) / n) for n in range(1, len(hits) + 1)]
    best = [max((p for r, p in points if r >= at / 100 - 1e-12), default=0.0) for at in range(101)]
    return sum(best) / 101


def drawn(rng) -> list:
    """Pictures: things of two classes, and boxes of three, most of which are near a thing."""
    pictures = []
    for _ in range(rng.integers(1, 5)):
        corners = rng.uniform(0, 60, (rng.integers(0, 4), 2))
        boxes = np.hstack([corners, corners + rng.uniform(10, 40, corners.shape)])
        wanted = [(tuple(box), int(rng.integers(2))) for box in boxes]
        near = [(box + rng.normal(0, 2, 4), label) for box, label in wanted for _ in range(2)]
        near += [
            (rng.uniform((0, 0, 31, 31), (30, 30, 61, 61)), int(rng.integers(3))) for _ in range(3)
        ]
        kept = [(tuple(box), rng.uniform(), label) for box, label in near if rng.uniform() < 0.7]
        pictures.append((wanted, kept))
    return pictures


@pytest.mark.parametrize("seed", range(30))
def test_boxes_are_scored_as_box_by_box(seed):
    pictures = drawn(np.random.default_rng(seed))
    scores = Detections()
    for wanted, found in pictures:
        boxes, labels = [box for box, _ in wanted], [label for _, label in wanted]
        columns = map(np.array, zip(*found, strict=True)) if found else np.zeros((3, 0))
        scores.add(thing(*boxes, labels=tuple(labels)), *columns)
    every = [
        [one for label in range(3) if (one := precision(pictures, label, limit)) is not None]
        for limit in np.linspace(0.5, 0.95, 10)
    ]
    mean = [np.mean(ones) if ones else 0.0 for ones in every]
    assert scores.result() == {
        "AP": pytest.approx(np.mean(mean)),
        "AP50": pytest.approx(mean[0]),
        "AP75": pytest.approx(mean[5]),
    }


# Masks.


def test_intersection_over_union_is_as_by_hand():
    scores = MeanIoU(4)
    scores.count(np.array([[0, 0], [1, 255]]), np.array([[0, 1], [1, 2]]))
    # Class 0: one of two pixels; class 1: one of two; 2 is found where nothing counts, 3 nowhere.
    assert scores.result() == {"miou": 0.5, "pixels": pytest.approx(2 / 3)}
    scores.count(np.array([[3, 3]]), np.array([[3, 1]]))
    # Class 1: one of three; class 3: one of two.
    assert scores.result() == {"miou": pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 3), "pixels": 0.6}


def test_a_class_that_is_found_and_never_wanted_counts_as_0():
    scores = MeanIoU(2)
    scores.count(np.array([[0, 0]]), np.array([[0, 1]]))
    assert scores.result() == {"miou": 0.25, "pixels": 0.5}


def test_of_no_pixel_the_scores_are_0():
    scores = MeanIoU(3)
    assert scores.result() == {"miou": 0.0, "pixels": 0.0}
    scores.count(np.full((2, 2), 255), np.zeros((2, 2), int))
    assert scores.result() == {"miou": 0.0, "pixels": 0.0}


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2, 255]), st.integers(0, 2)), min_size=6, max_size=24
    ).map(lambda pairs: pairs[: len(pairs) // 2 * 2]),
)
def test_intersection_over_union_is_that_of_sets_of_pixels(pairs):
    wanted, found = (np.array(values).reshape(2, -1) for values in zip(*pairs, strict=True))
    scores = MeanIoU(3)
    scores.count(wanted[:1], found[:1])
    scores.count(wanted[1:], found[1:])
    counted = {place for place, (label, _) in enumerate(pairs) if label != 255}
    shares = []
    for label in range(3):
        own, said = ({p for p in counted if pairs[p][n] == label} for n in (0, 1))
        if own | said:
            shares.append(len(own & said) / len(own | said))
    assert scores.result()["miou"] == pytest.approx(np.mean(shares) if shares else 0.0)


def test_logits_are_looked_at_with_the_size_of_the_masks(tmp_path):
    mask = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 255], [1, 1, 0, 0]], np.uint8)
    Image.fromarray(mask).save(tmp_path / "a.png")
    sample = Masked(Picture(tmp_path / "a.png", 4, 4), tmp_path / "a.png")
    logits = np.zeros((2, 2, 2, 2))
    logits[:, 0, 1, 1] = logits[:, 1, 0, 1] = 1
    for outputs in (logits, {"output": logits, "aux": -logits}):
        scores = MeanIoU(2)
        scores.add([sample, sample], outputs)
        assert scores.result() == {"miou": 1.0, "pixels": 1.0}
