"""How far int8 is from float32, on the images that were held back."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log10, sqrt

import numpy as np
import onnx

from archspec.deploy.quantize.calibration import Calibration
from archspec.deploy.quantize.session import Array, Images, batch_size

_VECTOR = 2
"""Sides of an output with a number for each class of each image."""


@dataclass(frozen=True)
class Difference:
    """What quantising changes in one output.

    Args:
        output: its name.
        deviation: root mean square of the change, in standard deviations of the output.
        sqnr: signal to quantisation noise in decibels: squares of the output to those of the
            change.
        agreement: share of the images whose largest number stays where it is; None where the
            output is not a vector for each image.
    """

    output: str
    deviation: float
    sqnr: float
    agreement: float | None


@dataclass(frozen=True)
class Figures:
    """What was quantised with, and what it changes on images that it was not calibrated with.

    Args:
        calibrated: number of images that gave the ranges.
        held_back: number of images that were compared.
        unreadable: names of the files that are no pictures.
        float_until: the last row or node that is still in float32.
        differences: of each output.
    """

    calibrated: int
    held_back: int
    unreadable: tuple[str, ...]
    float_until: str
    differences: tuple[Difference, ...]

    @property
    def worst(self) -> Difference:
        """The output that differs most."""
        return max(self.differences, key=lambda one: one.deviation)

    @property
    def agreement(self) -> float | None:
        """Top-1 agreement, the least of the outputs that have a number for each class."""
        return min(
            (one.agreement for one in self.differences if one.agreement is not None), default=None
        )


class _Sums:
    """Sums over all images so far of one output in float32, and in int8, taken in float64."""

    def __init__(self) -> None:
        self.images = self.numbers = self.same = 0
        self.sum = self.squares = self.noise = 0.0
        self.sides = 0

    def add(self, true: Array, made: Array) -> None:
        true, made = true.astype(np.float64), made.astype(np.float64)
        self.images += len(true)
        self.numbers += true.size
        self.sum += float(true.sum())
        self.squares += float(np.square(true).sum())
        self.noise += float(np.square(true - made).sum())
        self.sides = true.ndim
        if self.sides == _VECTOR:
            self.same += int((true.argmax(1) == made.argmax(1)).sum())

    def difference(self, output: str) -> Difference:
        around = self.squares - self.sum**2 / self.numbers
        return Difference(
            output,
            sqrt(_ratio(self.noise, around)),
            10 * log10(_ratio(self.squares, self.noise) or 1),
            self.same / self.images if self.sides == _VECTOR else None,
        )


def _ratio(this: float, that: float) -> float:
    return this / that if that > 0 else (inf if this else 0.0)


def compare(
    true: onnx.ModelProto,
    made: onnx.ModelProto,
    images: Calibration,
    unreadable: list[str],
    done: Callable[[int], None],
) -> tuple[int, tuple[Difference, ...]]:
    """How many images were compared, and the difference of each output of `made` from `true`.

    Args:
        true: in float32.
        made: of it, with the same input and outputs.
        images: of which those held back are taken.
        unreadable: takes the names of the files that are no pictures.
        done: told how many of all images are done.

    Raises:
        SpecError: E421, ONNX Runtime refuses a model; E455, an image is not finite.
    """
    sums = {output.name: _Sums() for output in true.graph.output}
    pair = Images(true), Images(made)
    count = 0
    size = batch_size(true, images.shape)
    for at, batch in images.batches(images.held_back, size, unreadable):
        right, left = (session(batch) for session in pair)
        for name, one in sums.items():
            one.add(right[name], left[name])
        count += len(batch)
        done(len(images.calibrating) + at)
    return count, tuple(one.difference(name) for name, one in sums.items()) if count else ()
