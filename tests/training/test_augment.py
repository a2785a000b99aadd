"""Pictures changed at random: boxes and masks go where the pixels go."""

import numpy as np
import pytest
from archspec.recipe import Augment

pytest.importorskip("archspec.training.engine", exc_type=ImportError)
from archspec.training.augment import SEEN, Augmentation
from archspec.training.engine import tf

pytestmark = pytest.mark.keras

SIZE = 40, 60
"""Of the net's images, as high as they are not wide."""


def rectangle(size, box):
    """A black picture with a white rectangle, its mask, and its box in shares."""
    height, width = size
    left, top, right, bottom = box
    mask = np.zeros(size, np.int32)
    mask[top:bottom, left:right] = 1
    return {
        "image": np.repeat(mask[..., None] * np.uint8(255), 3, axis=-1).astype(np.uint8),
        "mask": mask,
        "boxes": np.array(
            [[left / width, top / height, right / width, bottom / height]], np.float32
        ),
        "labels": np.array([7]),
        "ignored": np.array([False]),
    }


def changed(augmentation, sample, seed):
    @tf.function(autograph=False)
    def change(number):
        return augmentation(sample, tf.stack([0, number]))

    return [
        {name: value.numpy() for name, value in change(tf.constant(number)).items()}
        for number in range(seed)
    ]


def extent(mask):
    """The box around what is set, in shares."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    height, width = mask.shape
    return [
        columns[0] / width,
        rows[0] / height,
        (columns[-1] + 1) / width,
        (rows[-1] + 1) / height,
    ]


@pytest.mark.parametrize("flip", [None, "horizontal", "vertical", "horizontal_and_vertical"])
def test_boxes_and_masks_go_where_the_pixels_go(flip):
    augmentation = Augmentation(Augment(flip, crop=0.3, color=0), *SIZE)
    assert augmentation.size == (52, 78)
    sample = rectangle(augmentation.size, (20, 14, 48, 26))
    places = set()
    for found in changed(augmentation, sample, 24):
        assert found["image"].shape == (*SIZE, 3)
        np.testing.assert_array_equal(found["image"][..., 0] > 127, found["mask"] == 1)
        np.testing.assert_allclose(found["boxes"], [extent(found["mask"])], atol=1e-6)
        assert found["labels"].tolist() == [7]
        places.add(tuple(found["boxes"][0]))
    assert len(places) > 12


def test_a_box_counts_as_long_as_enough_of_it_is_seen():
    augmentation = Augmentation(Augment(None, crop=1.0, color=0), *SIZE)
    sample = rectangle(augmentation.size, (0, 0, 30, 30))
    shares = []
    for found in changed(augmentation, sample, 40):
        share = found["mask"].sum() / 900
        assert len(found["boxes"]) == (share >= SEEN)
        assert len(found["labels"]) == len(found["ignored"]) == len(found["boxes"])
        shares.append(share)
    assert min(shares) < SEEN < max(shares)


def test_colors_change_within_their_bounds_and_nothing_moves():
    augmentation = Augmentation(Augment(None, crop=0, color=0.2), *SIZE)
    assert augmentation.size == SIZE
    sample = {"image": np.full((*SIZE, 3), (200, 120, 60), np.uint8), "label": np.int64(1)}
    means = []
    for found in changed(augmentation, sample, 24):
        assert found["label"] == 1
        assert 0 <= found["image"].min() <= found["image"].max() <= 255
        assert np.ptp(found["image"], axis=(0, 1)).max() < 1e-3
        means.append(found["image"][0, 0])
    spread = np.std(means, axis=0)
    assert (spread > 8).all()
    assert np.abs(np.mean(means, axis=0) - (200, 120, 60)).max() < 30


def test_the_same_seed_makes_the_same_changes_and_another_makes_others():
    augmentation = Augmentation(Augment(), *SIZE)
    sample = rectangle(augmentation.size, (20, 14, 48, 26))
    first, again = changed(augmentation, sample, 3), changed(augmentation, sample, 3)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])
    assert (first[0]["image"] != first[1]["image"]).any()


def test_nothing_is_done_where_nothing_is_said():
    augmentation = Augmentation(None, *SIZE)
    sample = rectangle(SIZE, (20, 14, 48, 26))
    (found,) = changed(augmentation, sample, 1)
    for name, value in sample.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_grey_picture_keeps_its_one_channel():
    augmentation = Augmentation(Augment(), *SIZE)
    sample = {"image": np.zeros((*augmentation.size, 1), np.uint8)}
    (found,) = changed(augmentation, sample, 1)
    assert found["image"].shape == (*SIZE, 1)
