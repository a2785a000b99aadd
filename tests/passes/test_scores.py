from dataclasses import replace

import numpy as np
import pytest
from archspec.backends.reference import emit
from archspec.errors import SpecError
from archspec.graph import INPUT, GraphBuilder
from archspec.ops import Activation, Convolution, Dense, Flatten, GlobalPool
from archspec.passes.scores import scores
from tests.parity import arrays, chain, images

SOFTMAX = Activation("softmax")
HEAD = (GlobalPool(), Flatten(), Dense(5))


def names(graph) -> list[str]:
    return [node.name for node in graph.nodes]


def test_a_softmax_is_appended_where_there_is_none():
    graph = chain((4, 4, 3), *HEAD)
    wanted = scores(graph, "softmax")
    assert names(wanted) == ["n0", "n1", "n2", "n2.softmax"]
    assert scores(wanted, "softmax") == wanted
    weights = arrays(graph, dtype="float64")
    logits = emit(graph, weights, "float64")(images(graph))["output"]
    probabilities = emit(wanted, weights, "float64")(images(graph))["output"]
    share = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert np.abs(probabilities - share).max() < 1e-12


@pytest.mark.parametrize(
    "ops",
    [(*HEAD, SOFTMAX), (GlobalPool(), Convolution((1, 1), channels=5), SOFTMAX, Flatten())],
)
def test_a_softmax_goes_where_logits_are_wanted(ops):
    graph = chain((4, 4, 3), *ops)
    wanted = scores(graph, "logits")
    assert not any(node.op == SOFTMAX for node in wanted.nodes)
    assert scores(wanted, "logits") == wanted
    assert scores(graph, "softmax") == graph


def test_what_is_no_vector_stays_and_something_must_be_one():
    build = GraphBuilder("net", (4, 4, 3))
    image = build.add("image", SOFTMAX, [INPUT])
    vector = build.add("dense", Dense(2), [build.add("flat", Flatten(), [image])])
    graph = build.build({"image": image, "again": vector, "scores": vector})
    assert scores(graph, "softmax").outputs == {
        "image": "image",
        "again": "dense.softmax",
        "scores": "dense.softmax",
    }
    assert scores(graph, "logits") == graph
    with pytest.raises(SpecError) as caught:
        scores(chain((4, 4, 3), SOFTMAX), "logits")
    assert str(caught.value) == "E417 no output of chain is a vector of logits"


def test_a_softmax_that_something_else_reads_stays_for_that():
    build = GraphBuilder("net", (1, 1, 3))
    shares = build.add("shares", SOFTMAX, [build.add("flat", Flatten(), [INPUT])])
    graph = build.build({"first": shares, "second": build.add("dense", Dense(2), [shares])})
    wanted = scores(graph, "logits")
    assert wanted.nodes == graph.nodes
    assert wanted.outputs == {"first": "flat", "second": "dense"}


def test_a_softmax_of_an_image_stays_where_that_is_an_output_too():
    graph = chain((1, 1, 3), SOFTMAX, Flatten())
    graph = replace(graph, outputs={"image": "n0", "scores": "n1"})
    wanted = scores(graph, "logits")
    assert str(wanted).splitlines()[2:] == [
        "  n0 = activation function=softmax (input) : 1x1x3",
        "  n1 = flatten (n0) : 3",
        "  n1.logits = flatten (input) : 3",
        "  output image = n0",
        "  output scores = n1.logits",
    ]


def test_softmaxes_of_several_pixels_are_none_of_the_vector():
    graph = chain((2, 2, 3), SOFTMAX, Flatten())
    assert scores(graph, "logits") == graph
    assert names(scores(graph, "softmax")) == ["n0", "n1", "n1.softmax"]
