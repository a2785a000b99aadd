"""Every net of the zoo, built by Keras and saved by Keras, is lifted as the graph that it was built from."""

from dataclasses import replace

import archspec
import numpy as np
import pytest
from archspec import api, zoo
from archspec.graph import Graph, Node
from archspec.lift import lift
from archspec.ops import (
    BatchNorm,
    Blur,
    Convolution,
    Dense,
    DropPath,
    Flatten,
    Initializer,
    Pool,
    Resize,
    Scale,
    Window,
)
from tests import choices
from tests.parity import GRAPHS, arrays, chain, images

backend = pytest.importorskip("archspec.backends.keras", exc_type=ImportError)
pytestmark = pytest.mark.keras

FAST = {"edgenext", "efficientvit", "mobilevit_v2", "shufflenet_v2"}


def smallest(name: str) -> Graph:
    """That of the variants of a spec which has the fewest weights."""
    graphs = (api.to_graph(archspec.load(choice)) for choice in choices.of(name))
    return min(graphs, key=lambda graph: sum(weight.size for weight in graph.weights.values()))


def as_lifted(graph: Graph, node: Node):
    """What a file says of a node: what is computed, and little of how it is trained."""
    op, image = node.op, graph.inputs_of(node)[0]
    told = {"init": Initializer(), "l2": 0.0, "initial": 1.0, "momentum": 0.99}
    op = replace(op, **{key: value for key, value in told.items() if hasattr(op, key)})
    inputs = node.inputs
    if op == Blur(2, 1):
        op = Pool((2, 2), 1, "valid", type="average")  # which is the same
    if isinstance(op, Window):
        around = op.pads(image)
        op = replace(op, padding=around)
        if isinstance(op, Pool) and not any(map(sum, around)):
            op = replace(op, count_padding=False)
    if isinstance(op, Resize):
        op, inputs = replace(op, size=node.shape[:2], factor=None), inputs[:1]
    if isinstance(op, Scale) and op.groups == image[-1]:
        op = replace(op, groups=None)
    return op, inputs, node.shape


def assert_is_lifted(graph: Graph, folder) -> None:
    weights = arrays(graph, 3)
    backend.emit(graph, weights).save(folder / "net.keras")
    found = lift(folder / "net.keras")
    assert {node.name: as_lifted(found.graph, node) for node in found.graph.nodes} == {
        node.name: as_lifted(graph, node) for node in graph.nodes
    }
    assert found.graph.outputs == graph.outputs
    assert found.graph.input == graph.input
    assert found.weights.keys() == weights.keys()
    for key, array in weights.items():
        stored = np.floor(array) if key.endswith("/count") else array  # Keras counts in integers
        assert np.array_equal(found.weights[key], stored), key


@pytest.mark.parametrize("name", choices.all_but(FAST, zoo.names()))
def test_a_net_of_the_zoo_comes_back_from_a_keras_file(name, tmp_path):
    assert_is_lifted(smallest(name), tmp_path)


@pytest.mark.parametrize("name", choices.all_but([*GRAPHS][::7], GRAPHS))
def test_every_op_comes_back_from_a_keras_file(name, tmp_path):
    assert_is_lifted(GRAPHS[name], tmp_path)


def test_a_trained_model_comes_back_with_its_arrays(tmp_path):
    ops = (Convolution((3, 3), channels=4), BatchNorm(), DropPath(0.5), Flatten(), Dense(2))
    graph = chain((6, 6, 3), *ops)
    model = backend.emit(graph)
    model.compile("adam", "mse")
    model.fit(images(graph).astype("float32"), np.ones((2, 2)), verbose=0)
    model.save(tmp_path / "net.keras")
    found = lift(tmp_path / "net.keras").weights
    wanted = backend.read_weights(model)
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[key], wanted[key]) for key in wanted)
