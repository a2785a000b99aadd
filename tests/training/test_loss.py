"""What is made small: the losses against their definitions, the steps against theirs."""

import math

import archspec
import numpy as np
import pytest
from archspec.recipe import BatchStatistics, LearningRate, Loss, Optimizer, Train
from hypothesis import given, settings
from hypothesis import strategies as st

engine = pytest.importorskip("archspec.training.engine", exc_type=ImportError)
from archspec.training.objectives import objective_of, task_of  # noqa: E402
from archspec.training.objectives.classification import Classification  # noqa: E402
from archspec.training.objectives.segmentation import Segmentation  # noqa: E402
from archspec.training.optimizer import Schedule  # noqa: E402
from archspec.training.trainee import trainee  # noqa: E402

keras, tf = engine.keras, engine.tf
pytestmark = pytest.mark.keras


def softmax(logits):
    values = np.exp(logits - logits.max(-1, keepdims=True))
    return values / values.sum(-1, keepdims=True)


# Classification


def test_the_loss_of_classes_is_the_smoothed_cross_entropy():
    draw = np.random.default_rng(0)
    logits, labels = draw.normal(size=(6, 4)), draw.integers(0, 4, 6)
    objective = Classification(4, 0.2)
    targets = tf.stack([objective.targets({"label": label}) for label in labels])
    total, number = objective.loss(targets, tf.constant(logits, tf.float32))
    wanted = 0.0
    for row, label in zip(softmax(logits), labels, strict=True):
        for number_, probability in enumerate(row):
            share = 0.2 / 4 + (0.8 if number_ == label else 0)
            wanted -= share * math.log(probability)
    assert float(total) == pytest.approx(wanted, rel=1e-5)
    assert float(number) == 6


def test_half_precision_logits_are_summed_up_in_float32():
    logits = tf.fill([4096, 2], tf.constant(1.0, tf.float16))
    total, _ = Classification(2, 0.0).loss(tf.one_hot([0] * 4096, 2), logits)
    assert total.dtype == tf.float32
    assert float(total) == pytest.approx(4096 * math.log(2), rel=1e-5)


# Segmentation


def segmented(weights, *outputs, classes=3):
    draw = np.random.default_rng(1)
    mask = draw.integers(0, classes, (2, 5, 4)).astype(np.int32)
    mask[0, :2] = 255
    logits = {name: draw.normal(size=(2, 5, 4, classes)) for name in outputs}
    given_ = {name: tf.constant(value, tf.float32) for name, value in logits.items()}
    objective = Segmentation(classes, weights)
    only = given_["output"] if len(given_) == 1 else given_
    total, number = objective.loss(objective.targets({"mask": tf.constant(mask)}), only)
    return mask, logits, float(total), float(number)


def cross_entropy(mask, logits):
    found = softmax(logits)
    places = np.argwhere(mask != 255)
    return -sum(math.log(found[(*place, mask[tuple(place)])]) for place in places)


def test_pixels_that_are_to_be_ignored_do_not_count():
    mask, logits, total, number = segmented(Loss(), "output")
    assert number == (mask != 255).sum() == 32
    assert total == pytest.approx(cross_entropy(mask, logits["output"]), rel=1e-5)


def test_the_head_that_only_trains_counts_for_its_weight():
    mask, logits, total, _ = segmented(Loss(aux=0.25), "output", "aux")
    wanted = cross_entropy(mask, logits["output"]) + 0.25 * cross_entropy(mask, logits["aux"])
    assert total == pytest.approx(wanted, rel=1e-5)


def test_dice_is_that_of_the_classes_in_each_picture():
    mask, logits, total, _ = segmented(Loss(dice=2.0), "output")
    wanted = cross_entropy(mask, logits["output"])
    for own, found in zip(mask, softmax(logits["output"]), strict=True):
        counted = own != 255
        dice = []
        for label in np.unique(own[counted]):
            there, shown = (own == label) & counted, found[..., label][counted]
            both = found[..., label][there].sum()
            dice.append(2 * both / (there.sum() + shown.sum()))
        wanted += 2.0 * counted.sum() * (1 - np.mean(dice))
    assert total == pytest.approx(wanted, rel=1e-5)


def test_a_batch_of_nothing_costs_nothing():
    objective = Segmentation(3, Loss(dice=1.0))
    mask = tf.fill([1, 2, 2], 255)
    total, number = objective.loss(mask, tf.random.normal([1, 2, 2, 3], seed=1))
    assert float(total) == float(number) == 0


# The task


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("mobilenet_v2", "classification"),
        ("lraspp_mobilenet_v3_large", "segmentation"),
        ("ssdlite_mobilenet_v2", "detection"),
    ],
)
def test_what_a_net_is_for_is_what_it_gives(name, task):
    spec = archspec.load(name)
    assert task_of(spec, archspec.to_graph(spec)) == task


# The steps


@settings(max_examples=60)
@given(
    st.floats(1e-4, 1.0),
    st.sampled_from(["cosine", "constant"]),
    st.floats(0, 1),
    st.integers(1, 500),
    st.integers(0, 499),
)
def test_the_rate_rises_in_a_line_and_falls_as_half_a_cosine(peak, form, warmup, steps, step):
    step = min(step, steps - 1)
    found = float(Schedule(LearningRate(peak, form, warmup), steps)(step))
    warm = round(warmup * steps)
    if step < warm:
        wanted = peak * (step + 1) / warm
    else:
        share = (step - warm) / max(steps - warm, 1)
        wanted = peak * (0.5 + 0.5 * math.cos(math.pi * share)) if form == "cosine" else peak
    assert found == pytest.approx(wanted, rel=1e-4, abs=peak * 1e-6)


NET = """
defaults: {norm: batch, activation: relu}
stem: [{block: conv, channels: 4, kernel: 3, stride: 4}]
stages:
  block: depthwise_separable
  columns: [channels]
  rows: [[6]]
head: [{block: global_pool}, {block: classifier}]
"""


def built(load, train, steps=10):
    spec = load(f"classes: 3\n{NET}")
    graph = archspec.to_graph(spec)
    return trainee(graph, {}, train, objective_of("classification", spec), steps)


@pytest.mark.parametrize("kind", ["sgd", "adamw", "rmsprop"])
def test_weight_decay_takes_from_kernels_and_from_nothing_else(load, kind):
    train = Train(
        optimizer=Optimizer(kind),
        learning_rate=LearningRate(0.5, "constant", 0),
        weight_decay=0.1,
    )
    model = built(load, train)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    model.optimizer.apply([tf.zeros(value.shape) for value in model.trainable_variables])
    for layer in model.layers:
        for variable in layer.trainable_variables:
            kernel = variable.name == "kernel" and "depthwise" not in type(layer).__name__.lower()
            left = 1 - 0.5 * 0.1 if kernel else 1.0
            np.testing.assert_allclose(variable.numpy(), left, rtol=1e-6)


def test_a_long_gradient_is_cut_as_a_whole(load):
    train = Train(
        optimizer=Optimizer("sgd", 0.0),
        learning_rate=LearningRate(1, "constant", 0),
        weight_decay=0,
        clip_norm=2,
    )
    model = built(load, train)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.optimizer.apply([tf.ones(value.shape) for value in model.trainable_variables])
    moved = [old - new.numpy() for old, new in zip(before, model.trainable_variables, strict=True)]
    assert math.sqrt(sum((move**2).sum() for move in moved)) == pytest.approx(2, rel=1e-5)


def test_batch_norm_is_trained_with_a_shorter_memory_or_not_at_all(load):
    def norms(train, steps):
        model = built(load, train, steps)
        return [layer for layer in model.layers if "norm" in type(layer).__name__.lower()]

    assert {norm.momentum for norm in norms(Train(), 50)} == {0.9}
    assert {norm.momentum for norm in norms(Train(), 5000)} == {0.99}
    frozen = norms(Train(batch_norm=BatchStatistics("frozen")), 50)
    assert not any(norm.trainable_variables for norm in frozen)


def test_a_net_without_weights_cannot_be_trained(load):
    spec = load("classes: 3\nstem: [{block: global_pool}, {block: flatten}]")
    with pytest.raises(archspec.SpecError) as caught:
        trainee(archspec.to_graph(spec), {}, Train(), objective_of("classification", spec), 1)
    assert str(caught.value) == "E725 net has no weights that could be trained"
