"""Batches of a data set for Keras, by tf.data; in the order and as the seed says."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archspec.errors import SpecError
from archspec.ops import Shape
from archspec.pictures import nearest, scaled
from archspec.spec import Normalization
from archspec.training.augment import Augmentation
from archspec.training.data import Dataset, load_image, load_mask
from archspec.training.engine import tf
from archspec.training.objectives import Objective

Array = NDArray[Any]

_TYPES: Mapping[str, Mapping[str, Any]] = {
    "classification": {"label": tf.int64},
    "segmentation": {"mask": tf.int32},
    "detection": {"boxes": tf.float32, "labels": tf.int64, "ignored": tf.bool},
}
"""Task → what is known of a picture, and its type."""
_RANKS: Mapping[str, Sequence[int | None]] = {
    "label": (),
    "boxes": (None, 4),
    "labels": (None,),
    "ignored": (None,),
}


@dataclass(frozen=True)
class Pictures:
    """A data set as a net reads it: pictures of its size, normalized, and targets.

    Args:
        data: the data set.
        shape: of the net's input, (h, w, c).
        normalization: of pixels.
        augmentation: what is done to the pictures of training, of that size.
        objective: whose targets it gives.
        batch: pictures of a step.
        seed: of the order and the augmentation.
        failed: what went wrong while pictures were read.
    """

    data: Dataset
    shape: Shape
    normalization: Normalization
    augmentation: Augmentation
    objective: Objective
    batch: int
    seed: int
    failed: list[SpecError] = field(default_factory=list[SpecError])

    @property
    def steps(self) -> int:
        """Steps of an epoch; the pictures of an incomplete last one are left out of it."""
        return len(self.data.train) // self.batch

    @contextmanager
    def reading(self) -> Generator[None]:
        """Where batches are taken.

        Raises:
            SpecError: E706, a file is not what it was.
        """
        try:
            yield
        except tf.errors.OpError as reason:
            if not self.failed:
                raise
            raise self.failed[0] from reason

    def order(self, epoch: int) -> Array:
        """The places of the pictures of an epoch, (steps, batch)."""
        draw = np.random.default_rng((self.seed, epoch))
        places = draw.permutation(len(self.data.train))
        return places[: self.steps * self.batch].reshape(self.steps, self.batch)

    def training(self, epoch: int, begin: int = 0, part: int = 0, parts: int = 1) -> Any:  # noqa: ANN401
        """The batches of an epoch from a step on, or the same part of each of them.

        Args:
            epoch: from 0.
            begin: the first step.
            part: which of the parts, from 0.
            parts: equal ones, one for each process.
        """
        width = self.batch // parts
        places = self.order(epoch)[begin:, part * width : (part + 1) * width]

        @tf.autograph.experimental.do_not_convert
        def changed(place: Any) -> tuple[Any, Any]:  # noqa: ANN401
            seed = tf.random.experimental.stateless_fold_in([self.seed, epoch], place)
            return self._ready(self.augmentation(read(place), seed))

        read = self._reader(self.data.train, self.augmentation.size)
        found = tf.data.Dataset.from_tensor_slices(places.reshape(-1).astype(np.int64))
        found = found.map(changed, tf.data.AUTOTUNE).batch(width, drop_remainder=True)
        return found.prefetch(tf.data.AUTOTUNE)

    def validation(self) -> Any:  # noqa: ANN401
        """All pictures of the part for validation in their order; the last batch may be smaller."""
        read = self._reader(self.data.validation, self.shape[:2])

        @tf.autograph.experimental.do_not_convert
        def ready(place: Any) -> tuple[Any, Any]:  # noqa: ANN401
            return self._ready(read(place))

        found = tf.data.Dataset.range(len(self.data.validation))
        found = found.map(ready, tf.data.AUTOTUNE)
        return found.batch(self.batch).prefetch(tf.data.AUTOTUNE)

    def _reader(self, samples: Sequence[Any], size: Sequence[int]) -> Callable[[Any], Any]:
        """Place → the picture of that size, and what is known of it, as tensors."""
        types = {"image": tf.uint8, **_TYPES[self.data.task]}
        ranks = {"image": (*size, self.shape[2]), "mask": size, **_RANKS}

        def arrays(place: Any) -> list[Array]:  # noqa: ANN401
            sample = samples[int(place)]
            try:
                image = scaled(load_image(sample.picture), size, self.shape[2])
                known = _known(self.data.task, sample, size)
            except SpecError as reason:
                self.failed.append(reason)  # TensorFlow makes a text of it
                raise
            return [image, *(np.asarray(known[name]) for name in types if name != "image")]

        @tf.autograph.experimental.do_not_convert
        def read(place: Any) -> dict[str, Any]:  # noqa: ANN401
            found = tf.numpy_function(arrays, [place], list(types.values()), stateful=False)
            for name, value in zip(types, found, strict=True):
                value.set_shape(ranks[name])
            return dict(zip(types, found, strict=True))

        return read

    def _ready(self, sample: Mapping[str, Any]) -> tuple[Any, Any]:
        """What the net takes, and what it is to give."""
        scale, offset = self._affine
        image = tf.cast(sample["image"], tf.float32)
        if self.normalization.order == "bgr":
            image = image[..., ::-1]
        return image * scale + offset, self.objective.targets(sample)

    @cached_property
    def _affine(self) -> tuple[Array, Array]:
        scale, offset = self.normalization.affine()
        return np.array(scale, np.float32), np.array(offset, np.float32)


def _known(task: str, sample: Any, size: Sequence[int]) -> dict[str, Any]:  # noqa: ANN401
    """What is known of a picture, by the names of `Objective.targets`."""
    if task == "classification":
        return {"label": np.int64(sample.label)}
    if task == "segmentation":
        return {"mask": nearest(load_mask(sample), size)}
    width, height = sample.picture.width, sample.picture.height
    boxes = np.array(sample.boxes, np.float32).reshape(-1, 4)
    return {
        "boxes": boxes / np.array([width, height] * 2, np.float32),
        "labels": np.array(sample.labels, np.int64),
        "ignored": np.array(sample.ignored, bool),
    }
