"""The Keras model that is trained, whose loss is that of its objective."""

from typing import Any

from archspec.backends.keras import emit, read_weights, write_weights
from archspec.errors import error
from archspec.graph import Graph
from archspec.recipe import BatchStatistics, Train
from archspec.training.engine import keras, tf
from archspec.training.objectives import Objective, Tensor, Tensors
from archspec.training.optimizer import optimizer

Weights = Any


class Trainee(keras.Model):  # pyright: ignore[reportUntypedBaseClass]
    """A functional model that stock layers make up; only its loss is its own.

    Attributes:
        objective: gives the loss.
    """

    objective: Objective

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensors = None,
        y_pred: Tensors = None,
        sample_weight: Tensor = None,
        training: bool = True,  # noqa: FBT001, FBT002
    ) -> Tensor:
        """The part of this device in the loss of all, so that the sum of the parts is the loss."""
        del x, sample_weight, training
        total, number = self.objective.loss(y, y_pred)
        devices = tf.distribute.get_strategy().num_replicas_in_sync
        context = tf.distribute.get_replica_context()
        if devices > 1 and context:
            number = context.all_reduce(tf.distribute.ReduceOp.SUM, number)
        loss = total / tf.maximum(number, 1.0)
        for penalty in self.losses:
            loss += tf.cast(penalty, tf.float32) / devices
        return loss


def trainee(
    graph: Graph, weights: Weights, train: Train, objective: Objective, steps: int
) -> Trainee:
    """The model of a graph, ready to be trained for so many steps; made under a strategy's scope.

    Args:
        graph: the net.
        weights: arrays by key for some of its nodes; the others start as their initializers say.
        train: the hyper-parameters.
        objective: gives the loss.
        steps: of the whole run.

    Raises:
        SpecError: E725, there is nothing to train.
    """
    net: Any = emit(graph, dtype=train.precision)
    write_weights(net, {**read_weights(net), **weights})
    _settle(net, train.batch_norm, steps)
    found = Trainee(net.input, net.output, name=net.name)
    if not found.trainable_variables:
        raise error("E725", f"{graph.name} has no weights that could be trained")
    found.objective = objective
    found.compile(optimizer(train, found, steps), auto_scale_loss=False, jit_compile=False)
    return found


def _settle(net: Any, said: BatchStatistics, steps: int) -> None:  # noqa: ANN401
    """Set what batch norm does while the net is trained."""
    devices = tf.distribute.get_strategy().num_replicas_in_sync
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = said.statistics == "trained"
            layer.momentum = said.kept(layer.momentum, steps)
            layer.synchronized = devices > 1
