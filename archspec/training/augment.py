"""Pictures changed at random by Keras's layers; boxes and masks go along."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from archspec.recipe import Augment
from archspec.training.engine import keras, tf

Sample = Mapping[str, Any]

SEEN = 0.25
"""Share of a box that must be inside the window for it to count."""
HUE = 0.25
"""How far the hue changes, in shares of how far the other colors do."""


class _Seeds(keras.random.SeedGenerator):
    """Seeds that all follow from one, so that nothing is random but that one."""

    def __init__(self, seed: Any) -> None:  # noqa: ANN401
        self._seed = seed  # no state, which the base class would make a variable of
        self._drawn = 0

    def next(self, ordered: bool = True) -> Any:  # noqa: ANN401, ARG002, FBT001, FBT002  as Keras
        self._drawn += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._drawn)


class Augmentation:
    """Changes one picture, (h, w, c) pixels from 0 to 255, and what is known of it.

    Args:
        augment: what is done; None: nothing.
        height: of the net's input, pixels.
        width: likewise.
    """

    def __init__(self, augment: Augment | None, height: int, width: int) -> None:
        crop = augment.crop if augment else 0.0
        self.size = ceil(height * (1 + crop)), ceil(width * (1 + crop))
        """Height and width that a picture must have."""
        self._net = height, width
        flip, color = (augment.flip, augment.color) if augment else (None, 0.0)
        layers = keras.layers
        self._flip: Any = layers.RandomFlip(flip) if flip else None
        self._mode = flip or ""
        self._crop: Any = layers.RandomCrop(height, width) if self.size != self._net else None
        units = {"value_range": (0.0, 1.0)}  # in those of pixels Keras's saturation has no bound
        self._colors = [
            layers.RandomBrightness(color, **units),
            layers.RandomContrast(color, **units),
            layers.RandomSaturation((0.5 - color / 2, 0.5 + color / 2), **units),
            layers.RandomHue(color * HUE, **units),
        ]
        self._colors = self._colors if color else []

    def __call__(self, sample: Sample, seed: Any) -> dict[str, Any]:  # noqa: ANN401
        """The sample, changed as the seed says, the picture of the net's size.

        Args:
            sample: `image` of `size`, and what `Objective.targets` is given.
            seed: two whole numbers; the same make the same changes.
        """
        seeds, found = _Seeds(seed), {**sample, "image": tf.cast(sample["image"], tf.float32)}
        if self._flip:
            found = self._flipped(found, seeds)
        if self._crop:
            found = self._cropped(found, seeds)
        if self._colors and found["image"].shape[-1] == 3:  # noqa: PLR2004  RGB
            found["image"] = self._colored(found["image"][None] / 255.0, seeds)[0] * 255.0
        return found

    def _colored(self, images: Any, seeds: _Seeds) -> Any:  # noqa: ANN401
        for layer in self._colors:
            drawn = layer.get_random_transformation(images, seed=seeds)
            images = layer.transform_images(images, drawn)
        return images

    def _flipped(self, sample: dict[str, Any], seeds: _Seeds) -> dict[str, Any]:
        drawn = self._flip.get_random_transformation(sample["image"], seed=seeds)
        found = {**sample, **_transformed(self._flip, sample, drawn)}
        if "boxes" in sample:
            left, top, right, bottom = tf.unstack(sample["boxes"], axis=-1)
            if "horizontal" in self._mode:
                left, right = 1 - right, 1 - left
            if "vertical" in self._mode:
                top, bottom = 1 - bottom, 1 - top
            mirrored = tf.stack([left, top, right, bottom], axis=-1)
            found["boxes"] = tf.where(drawn["flips"][0, 0, 0], mirrored, sample["boxes"])
        return found

    def _cropped(self, sample: dict[str, Any], seeds: _Seeds) -> dict[str, Any]:
        drawn = self._crop.get_random_transformation(sample["image"], seed=seeds)
        found = {**sample, **_transformed(self._crop, sample, drawn)}
        if "boxes" not in sample:
            return found
        # Keras 3.15 takes the offset of rows from the columns of boxes, and the other way round.
        top, left = (tf.cast(offset, tf.float32) for offset in drawn)
        height, width = (float(side) for side in self.size)
        scale = tf.constant([width, height, width, height])
        net = tf.constant([self._net[1], self._net[0]] * 2, tf.float32)
        moved = (sample["boxes"] * scale - tf.stack([left, top, left, top])) / net
        inside = tf.clip_by_value(moved, 0.0, 1.0)
        kept = _area(inside) >= SEEN * _area(moved)
        boxes = {"boxes": inside, "labels": sample["labels"], "ignored": sample["ignored"]}
        return {**found, **{name: tf.boolean_mask(each, kept) for name, each in boxes.items()}}


def _area(boxes: Any) -> Any:  # noqa: ANN401
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _transformed(layer: Any, sample: Sample, drawn: Any) -> dict[str, Any]:  # noqa: ANN401
    """The picture and its mask after a layer that moves pixels."""
    found = {"image": layer.transform_images(sample["image"], drawn)}
    if "mask" in sample:
        mask = tf.cast(sample["mask"], tf.float32)[..., None]
        moved = layer.transform_segmentation_masks(mask, drawn)[..., 0]
        found["mask"] = tf.cast(tf.round(moved), tf.int32)
    return found
