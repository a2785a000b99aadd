"""How a net is trained: what the section `train` of a spec says."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Precision: TypeAlias = Literal["float32", "mixed_float16", "mixed_bfloat16"]


@dataclass(frozen=True)
class Optimizer:
    """What makes a step of gradients.

    Args:
        type: AdamW without weight decay is Adam.
        momentum: share of the last step that is made again; of adamw, of the mean of gradients.
    """

    type: Literal["sgd", "adamw", "rmsprop"] = "adamw"
    momentum: float = 0.9


@dataclass(frozen=True)
class LearningRate:
    """How long the steps are.

    Args:
        peak: the highest rate.
        schedule: how it falls after the warm-up; cosine: to nothing at the last step.
        warmup: share of all steps in which it rises from nothing to the peak.
    """

    peak: float = 3e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = 0.05


@dataclass(frozen=True)
class Augment:
    """What is done to pictures at random; boxes and masks go along.

    Args:
        flip: half of them are mirrored.
        crop: they are scaled up by this share, and a random window of the net's size is taken.
        color: how far brightness, contrast and saturation change, hue a quarter of that.
    """

    flip: Literal["horizontal", "vertical", "horizontal_and_vertical"] | None = "horizontal"
    crop: float = 0.1
    color: float = 0.2


@dataclass(frozen=True)
class Loss:
    """What is made small, beyond the cross-entropy of the classes.

    Args:
        detection: of the classes of boxes; auto: focal where scores are sigmoids, else softmax.
        mining: of softmax, so many boxes of nothing count for each that holds something, those that
            are most wrong; None: all.
        alpha: of focal, the weight of what is there, 1 - alpha that of what is not.
        gamma: of focal, how much less what is right already counts.
        localization: the loss of the four coordinates is divided by it.
        dice: of segmentation, weight of 1 - Dice beside the cross-entropy.
        aux: of segmentation, weight of the output `aux`.
    """

    detection: Literal["auto", "softmax", "focal"] = "auto"
    mining: float | None = 3.0
    alpha: float = 0.75
    gamma: float = 2.0
    localization: float = 1.0
    dice: float = 0.0
    aux: float = 0.5


@dataclass(frozen=True)
class BatchStatistics:
    """What batch norm does while the net is trained.

    Args:
        statistics: trained, those of the batch; frozen, those of the weights that it starts from,
            with gains and offsets as they are.
        momentum: share of the old moving statistics that each step keeps; auto: that of the spec,
            but no more than lets them forget within a tenth of the run where they began.
    """

    statistics: Literal["trained", "frozen"] = "trained"
    momentum: float | Literal["auto"] = "auto"

    def kept(self, own: float, steps: int) -> float:
        """The share for a layer of this own momentum in a run of so many steps.

        The specs have what their papers trained with, 0.999 for hundreds of thousands of steps;
        after 400 steps such statistics still are two thirds what they were at first, and the net is
        useless with them. With 1 - 10 / steps there are exp(-10) left of the beginning.

        >>> [BatchStatistics().kept(0.999, steps) for steps in (50, 400, 100_000)]
        [0.9, 0.975, 0.999]
        """
        if self.momentum == "auto":
            return min(own, max(0.9, 1 - 10 / steps))
        return self.momentum


@dataclass(frozen=True)
class Train:
    """The hyper-parameters of a run.

    Args:
        epochs: how often each picture is seen.
        batch: pictures of a step, over all devices.
        optimizer: what makes the steps.
        learning_rate: how long they are.
        weight_decay: share of a kernel, times the rate, that each step takes away; not of norms,
            biases and depthwise kernels.
        clip_norm: longest gradient, all of it; None: as long as it is.
        label_smoothing: of classification, the share of certainty that all classes share out.
        augment: what is done to pictures at random; None: nothing.
        loss: what is made small.
        batch_norm: what batch norm does.
        early_stop: epochs without a better score after which the run ends; None: it goes on.
        seed: of the first weights, the order and all that is random.
        precision: of what is computed; weights are float32.
        validation: share of the pictures held back where the data has no part for it.
    """

    epochs: int = 50
    batch: int = 32
    optimizer: Optimizer = Optimizer()
    learning_rate: LearningRate = LearningRate()
    weight_decay: float = 4e-5
    clip_norm: float | None = 10.0
    label_smoothing: float = 0.0
    augment: Augment | None = Augment()
    loss: Loss = Loss()
    batch_norm: BatchStatistics = BatchStatistics()
    early_stop: int | None = None
    seed: int = 0
    precision: Precision = "float32"
    validation: float = 0.2
