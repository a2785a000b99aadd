import numpy as np
import pytest
from archspec import api
from archspec.deploy.export import direct
from archspec.deploy.quantize import quantize, read_images
from archspec.graph import INPUT

pytestmark = [pytest.mark.keras, pytest.mark.slow]

SPEC = """
archspec: 1
name: small
input: 32
classes: 4
defaults:
  activation: hard_swish
  norm: {type: batch, epsilon: 1e-3, momentum: 0.9}
  se: {of: hidden, activation: relu, gate: hard_sigmoid}
stem:
  - {block: rescaling, scale: 1/127.5, offset: -1}
  - {block: conv, channels: 16, kernel: 3, stride: 2}
stages:
  block: inverted_residual
  columns: [kernel, expansion, channels, repeats, stride, se, activation]
  rows:
    - [3, 1, 16, 1, 1, none, relu]
    - [3, 4, 24, 2, 2, none, relu]
    - [5, 3, 40, 2, 2, 0.25, ~]
head:
  - {block: conv, name: last, channels: 96, kernel: 1}
  - {block: global_pool}
  - {block: conv, name: features, channels: 128, kernel: 1, norm: none, bias: true}
  - {block: classifier, as: conv}
  - {block: flatten}
"""


def figures(count, seed):
    """Discs, squares, triangles and crosses with noise, and which of them each is."""
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 4, count)
    images = np.empty((count, 32, 32, 3), np.uint8)
    for image, kind in zip(images, kinds, strict=True):
        y, x = np.mgrid[:32, :32] - random.uniform(10, 22, (2, 1, 1))
        size = random.uniform(5, 9)
        near, far = np.minimum(abs(y), abs(x)), np.maximum(abs(y), abs(x))
        inside = (
            y**2 + x**2 < size**2,
            far < 0.85 * size,
            (y < 0.7 * size) & (y > 2 * abs(x) - size),
            (near < 0.3 * size) & (far < size),
        )[kind]
        back, front = random.uniform(0, 255, (2, 3))
        image[:] = np.clip(
            np.where(inside[..., None], front, back) + random.normal(0, 25, image.shape), 0, 255
        )
    return images, kinds


def test_a_trained_net_sees_the_same_in_int8(tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    (tmp_path / "small.yaml").write_text(SPEC)
    spec = api.load(tmp_path / "small.yaml")
    net = api.compile(spec)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    images, kinds = figures(4000, seed=1)
    net.fit(images.astype(np.float32), kinds, batch_size=64, epochs=8, verbose=0)
    others, kinds = figures(1000, seed=2)
    _, accuracy = net.evaluate(others.astype(np.float32), kinds, verbose=0)
    assert accuracy > 0.85
    np.save(tmp_path / "others.npy", others)
    graph = api.to_graph(spec)
    model = direct(graph, api.arrays(net, graph))
    calibration = read_images(tmp_path / "others.npy", (32, 32, 3))
    made = quantize(model, calibration).figures
    assert (made.held_back, made.float_until) == (200, "stem.conv.activation")
    assert made.agreement >= 0.97
    assert made.worst.sqnr > 25
    whole = quantize(model, calibration, float_until=INPUT).figures
    assert whole.agreement >= 0.93
    assert whole.worst.sqnr > 18
