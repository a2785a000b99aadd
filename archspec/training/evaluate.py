"""The loss and the scores on the pictures that are not trained with."""

from collections.abc import Callable
from typing import Any

from archspec.training import Record
from archspec.training.engine import keras, tf
from archspec.training.pipeline import Pictures
from archspec.training.trainee import Trainee


def evaluation(model: Trainee, pictures: Pictures) -> Callable[[], Record]:
    """What evaluates a model as it is when it is called: `val_loss`, and each score by its name."""

    @tf.function(reduce_retracing=True)
    def judged(images: Any, targets: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
        outputs = model(images, training=False)
        return outputs, *model.objective.loss(targets, outputs)

    def evaluate() -> Record:
        scores, samples = model.objective.scores(), pictures.data.validation
        total = number = 0.0
        done = 0
        for images, targets in pictures.validation():
            outputs, some, of = judged(images, targets)
            total, number = total + float(some), number + float(of)
            count = len(images)
            arrays = keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
            scores.add(samples[done : done + count], arrays)
            done += count
        return {"val_loss": total / max(number, 1.0), **scores.result()}

    return evaluate
