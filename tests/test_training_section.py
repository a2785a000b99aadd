"""What a spec says of its training: the section `train`."""

import archspec
import pytest
from archspec.recipe import (
    Augment,
    BatchStatistics,
    LearningRate,
    Loss,
    Optimizer,
    Train,
)
from hypothesis import given
from hypothesis import strategies as st


def spec(text, tmp_path, name="net"):
    path = tmp_path / f"{name}.yaml"
    path.write_text(f"archspec: 1\nname: {name}\n{text}", encoding="utf-8")
    return str(path)


def test_a_spec_that_says_nothing_of_training_has_the_defaults():
    assert archspec.load("mobilenet_v2").train == Train()


def test_training_is_inherited_field_by_field_and_set_by_its_path(tmp_path):
    spec(
        "extends: mobilenet_v2\ntrain: {epochs: 7, optimizer: sgd, learning_rate: {warmup: 0}}\n",
        tmp_path,
        "parent",
    )
    child = spec(
        "extends: parent.yaml\ntrain: {learning_rate: {peak: 1/2}, augment: none}\n", tmp_path
    )
    assert archspec.load(child).train == Train(
        epochs=7,
        optimizer=Optimizer("sgd"),
        learning_rate=LearningRate(peak=0.5, warmup=0),
        augment=None,
    )
    changed = archspec.load(child, set={"train.augment": "vertical", "train.batch_norm": "frozen"})
    assert changed.train.augment == Augment("vertical")
    assert changed.train.batch_norm == BatchStatistics("frozen")


def test_every_field_can_be_said(tmp_path):
    said = spec(
        """\
extends: mobilenet_v2
train:
  epochs: 3
  batch: 8
  optimizer: {type: rmsprop, momentum: 0.5}
  learning_rate: {peak: 0.25, schedule: constant, warmup: 0.5}
  weight_decay: 0
  clip_norm: none
  label_smoothing: 0.1
  augment: {flip: none, crop: 0, color: 1}
  loss: {detection: focal, mining: none, alpha: 0.25, gamma: 1, localization: 4, dice: 1, aux: 0}
  batch_norm: {statistics: trained, momentum: 0.95}
  early_stop: 5
  seed: 9
  precision: mixed_bfloat16
  validation: 0.5
""",
        tmp_path,
    )
    assert archspec.load(said).train == Train(
        epochs=3,
        batch=8,
        optimizer=Optimizer("rmsprop", 0.5),
        learning_rate=LearningRate(0.25, "constant", 0.5),
        weight_decay=0,
        clip_norm=None,
        label_smoothing=0.1,
        augment=Augment(None, 0, 1),
        loss=Loss("focal", None, 0.25, 1, 4, 1, 0),
        batch_norm=BatchStatistics("trained", 0.95),
        early_stop=5,
        seed=9,
        precision="mixed_bfloat16",
        validation=0.5,
    )


def test_training_stays_in_the_document_and_is_no_part_of_the_net(tmp_path):
    first = spec("extends: mobilenet_v2\ntrain: {epochs: 7}\n", tmp_path)
    loaded = archspec.load(first)
    assert loaded.document["train"] == {"epochs": 7}
    assert (
        str(archspec.to_graph(loaded)).splitlines()[1:]
        == (str(archspec.to_graph("mobilenet_v2")).splitlines()[1:])
    )


@pytest.mark.parametrize(
    ("own", "steps", "kept"),
    [(0.999, 400, 0.975), (0.999, 20_000, 0.999), (0.9, 400, 0.9), (0.5, 10, 0.5), (0.999, 1, 0.9)],
)
def test_moving_statistics_keep_what_lets_them_forget_the_beginning(own, steps, kept):
    assert BatchStatistics().kept(own, steps) == pytest.approx(kept)
    assert BatchStatistics(momentum=0.99).kept(own, steps) == 0.99


@given(st.integers(100, 10**6))
def test_little_of_the_first_statistics_is_left_at_the_end(steps):
    assert BatchStatistics().kept(0.999_999_9, steps) ** steps <= 5e-5
