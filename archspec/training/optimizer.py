"""The optimizer that a spec says, with its schedule; equal on one device and on several."""

from collections.abc import Iterator
from typing import Any

from archspec.recipe import LearningRate, Train
from archspec.training.engine import keras, tf

Model = Any


def optimizer(train: Train, model: Model, steps: int) -> Any:  # noqa: ANN401
    """The optimizer of a model for so many steps, built, with its variables.

    Under a strategy of several devices it sums up the gradients first where what it does with them
    depends on all of them: their length, or whether they are finite.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    half = train.precision == "mixed_float16"
    summed = replicas > 1 and (half or train.clip_norm is not None)
    clip = train.clip_norm and train.clip_norm / (replicas if summed else 1)
    cls, momentum = _KINDS[train.optimizer.type]
    inner = (cls if half or not summed else _summing(cls))(
        learning_rate=Schedule(train.learning_rate, steps),
        weight_decay=train.weight_decay,
        global_clipnorm=clip,
        **{momentum: train.optimizer.momentum},
    )
    kept = {id(variable) for variable in _decaying(model)}
    inner.exclude_from_weight_decay(
        var_list=[value for value in model.trainable_variables if id(value) not in kept]
    )
    found = inner
    if half:
        scaling = keras.optimizers.LossScaleOptimizer
        found = (_summing(scaling) if summed else scaling)(inner)
    found.build(model.trainable_variables)
    return found


_KINDS = {
    "sgd": (keras.optimizers.SGD, "momentum"),
    "adamw": (keras.optimizers.AdamW, "beta_1"),
    "rmsprop": (keras.optimizers.RMSprop, "momentum"),
}
"""Type → class, and what it calls the momentum."""


def _summing(cls: Any) -> Any:  # noqa: ANN401
    """An optimizer that is given the mean of all devices' sums, which Keras sums up again.

    Keras 3.15 clips the gradients of each device before it adds them, and looks at those of one
    alone for what is not finite.
    """

    class Summing(cls):  # pyright: ignore[reportUntypedBaseClass]
        def apply(self, grads: Any, trainable_variables: Any = None) -> None:  # noqa: ANN401
            """Make a step with the gradients of all devices."""
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            context = tf.distribute.get_replica_context()
            own = [grad for grad in grads if grad is not None]
            total = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, own))
            mean = [None if grad is None else next(total) / replicas for grad in grads]
            cls.apply(self, mean, trainable_variables)

    return Summing


def _decaying(model: Model) -> Iterator[Any]:
    """The kernels that weight decay makes smaller: not those of depthwise convolutions."""
    layers = keras.layers
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense) and layer.trainable:
            yield layer.kernel


class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # pyright: ignore[reportUntypedBaseClass]
    """Step → learning rate: a line up to the peak, then half a cosine down to nothing, or level.

    Args:
        rate: what the spec says.
        steps: of the whole run.
    """

    def __init__(self, rate: LearningRate, steps: int) -> None:
        self._rate = rate
        self._warm = round(rate.warmup * steps)
        self._steps = steps

    def __call__(self, step: Any) -> Any:  # noqa: ANN401
        """The rate of a step, from 0."""
        step = tf.cast(step, tf.float32)
        warm = (step + 1) / max(self._warm, 1)
        share = (step - self._warm) / max(self._steps - self._warm, 1)
        falls = self._rate.schedule == "cosine"
        after = (1 + tf.cos(tf.constant(3.14159265) * share)) / 2 if falls else tf.ones_like(share)
        return self._rate.peak * tf.where(step < self._warm, warm, after)
