"""Batches of a data set: their order, and what becomes of pixels."""

import numpy as np
import pytest
from archspec.pictures import nearest, scaled
from archspec.recipe import Augment
from archspec.spec import Normalization
from tests import drawn

pytest.importorskip("archspec.training.engine", exc_type=ImportError)
from archspec.training.augment import Augmentation
from archspec.training.data import read
from archspec.training.objectives.classification import Classification
from archspec.training.pipeline import Pictures

pytestmark = pytest.mark.keras
SIZE = 16


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    drawn.folders(folder, 30, SIZE)
    return read(folder, "classification", 3)


def pictures(data, augment=None, normalization=None, batch=4, channels=3):
    return Pictures(
        data,
        (SIZE, SIZE, channels),
        normalization or Normalization((0.5,), (0.5,)),
        Augmentation(augment, SIZE, SIZE),
        Classification(3, 0.0),
        batch,
        seed=5,
    )


def arrays(batches):
    return [(images.numpy(), targets.numpy()) for images, targets in batches]


def test_every_epoch_has_an_order_of_its_own_in_which_no_picture_stands_twice(data):
    feed = pictures(data)
    assert feed.steps == len(data.train) // 4
    orders = [feed.order(epoch) for epoch in range(3)]
    for order in orders:
        assert order.shape == (feed.steps, 4)
        assert len(set(order.ravel())) == order.size
    assert len({tuple(order.ravel()) for order in orders}) == 3
    np.testing.assert_array_equal(feed.order(1), orders[1])


def test_an_epoch_begins_at_any_step_with_the_same_pictures(data):
    feed = pictures(data, Augment())
    whole, rest = arrays(feed.training(1)), arrays(feed.training(1, 2))
    assert len(whole) == feed.steps
    assert len(rest) == feed.steps - 2
    for (images, targets), (same, too) in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(images, same)
        np.testing.assert_array_equal(targets, too)


def test_processes_share_each_batch_out(data):
    feed = pictures(data, Augment())
    parts = [arrays(feed.training(0, 1, part, 2)) for part in (0, 1)]
    for (images, targets), *shared in zip(arrays(feed.training(0, 1)), *parts, strict=True):
        np.testing.assert_array_equal(images, np.concatenate([part[0] for part in shared]))
        np.testing.assert_array_equal(targets, np.concatenate([part[1] for part in shared]))


def test_pictures_are_changed_otherwise_in_every_epoch(data):
    feed = pictures(data, Augment("horizontal", 0.5, 0))
    epochs = []
    for epoch in (0, 1):
        images = np.concatenate([images for images, _ in arrays(feed.training(epoch))])
        epochs.append(dict(zip(feed.order(epoch).ravel(), images, strict=True)))
    both = epochs[0].keys() & epochs[1].keys()
    same = sum((epochs[0][place] == epochs[1][place]).all() for place in both)
    assert same < len(both) / 4


def test_pixels_are_normalized_as_the_spec_says(data):
    normalization = Normalization((0.1, 0.2, 0.3), (0.5, 0.4, 0.3), 255.0, "bgr")
    feed = pictures(data, normalization=normalization)
    from PIL import Image

    ((images, targets), *_) = arrays(feed.training(0))
    for place, image, target in zip(feed.order(0)[0], images, targets, strict=True):
        sample = data.train[place]
        pixels = np.asarray(Image.open(sample.picture.file).convert("RGB"), float)[..., ::-1]
        wanted = (pixels / 255 - (0.1, 0.2, 0.3)) / (0.5, 0.4, 0.3)
        np.testing.assert_allclose(image, wanted, atol=1e-5)
        assert target.tolist() == [float(label == sample.label) for label in range(3)]


def test_validation_has_every_picture_once_in_order_and_as_it_is(data):
    feed = pictures(data, Augment(), batch=5)
    batches = arrays(feed.validation())
    labels = np.concatenate([targets.argmax(1) for _, targets in batches])
    assert labels.tolist() == [sample.label for sample in data.validation]
    assert [len(images) for images, _ in batches[:-1]] == [5] * (len(batches) - 1)


def test_a_net_of_one_channel_sees_grey(data):
    ((images, _), *_) = arrays(pictures(data, channels=1).training(0))
    assert images.shape == (4, SIZE, SIZE, 1)


def test_a_picture_is_scaled_whatever_its_proportions():
    image = np.zeros((10, 20, 3), np.uint8)
    image[:, 10:] = 255
    found = scaled(image, (4, 4))
    assert found.shape == (4, 4, 3)
    assert found[0, 0, 0] == 0
    assert found[0, 3, 0] == 255


def test_a_mask_is_scaled_to_the_pixel_that_the_middle_lies_in():
    mask = np.arange(12).reshape(3, 4)
    assert nearest(mask, (3, 4)).tolist() == mask.tolist()
    assert nearest(mask, (6, 2)).tolist() == [[1, 3], [1, 3], [5, 7], [5, 7], [9, 11], [9, 11]]
    assert nearest(mask, (1, 1)).tolist() == [[6]]
    assert nearest(mask.astype(np.uint8), (6, 8))[::2, ::2].tolist() == mask.tolist()
