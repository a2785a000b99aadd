"""A dense layer that is not the classifier."""

import archspec


def test_an_image_is_flattened(unfolded):
    assert unfolded("block: fully_connected, channels: 5, norm: batch, activation: relu") == [
        "flatten = flatten (in) : 16384",
        "dense = dense channels=5 bias=false (flatten) : 5",
        "norm = batch_norm (dense) : 5",
        "activation = activation function=relu (norm) : 5",
    ]


def test_a_vector_is_not(load):
    text = "head: [{block: flatten}, {block: fully_connected, channels: 5, bias: false}]"
    assert str(archspec.to_graph(load(text))).splitlines()[-2] == (
        "  head.fully_connected.dense = dense channels=5 bias=false (head.flatten) : 5"
    )
