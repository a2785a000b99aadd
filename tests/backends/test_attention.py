"""What the ops of attention compute, against their equations written out."""

from math import cos, exp, pi, sin, sqrt

import numpy as np
import pytest
from archspec.backends.reference import RULES
from archspec.ops import (
    Attention,
    ChannelAttention,
    FourierPositions,
    LinearAttention,
    SeparableAttention,
    ShapeError,
    UnitNorm,
)
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 1000)


def draw(seed, *shapes):
    random = np.random.default_rng(seed)
    return [random.normal(size=(1, *shape)) for shape in shapes]


def compute(op, *inputs):
    out = RULES[type(op)](op, list(inputs), {})
    assert out.shape[1:] == op.infer(*(array.shape[1:] for array in inputs))
    return out[0]


def attention_by_hand(op, query, key, value):
    """One pixel and head after the other; (h, w, c) in and out."""
    width = query.shape[2] // op.heads
    shared = key.shape[2] < query.shape[2]
    depth = value.shape[2] if shared else value.shape[2] // op.heads
    out = np.zeros((*query.shape[:2], depth * op.heads))
    for y, x, head in np.ndindex(*query.shape[:2], op.heads):
        own = 0 if shared else head
        total = 0.0
        for row, column in np.ndindex(*key.shape[:2]):
            if (row - y) % op.patch or (column - x) % op.patch:
                continue
            asked = query[y, x, head * width : (head + 1) * width]
            score = asked @ key[row, column, own * width : (own + 1) * width] / sqrt(width)
            total += exp(score)
            given = value[row, column, own * depth : (own + 1) * depth]
            out[y, x, head * depth : (head + 1) * depth] += exp(score) * given
        out[y, x, head * depth : (head + 1) * depth] /= total
    return out


@given(seeds, st.sampled_from([1, 2]), st.sampled_from([1, 3]), st.booleans())
def test_attention(seed, patch, heads, shared):
    key, value = (2, 5) if shared else (2 * heads, 4 * heads)
    inputs = draw(seed, (4, 2, 2 * heads), (2, 4, key), (2, 4, value))
    op = Attention(heads, patch)
    by_hand = attention_by_hand(op, *(array[0] for array in inputs))
    np.testing.assert_allclose(compute(op, *inputs), by_hand, rtol=1e-10)


def test_where_all_keys_are_equal_attention_is_the_mean():
    query, value = draw(0, (2, 3, 4), (2, 3, 4))
    out = compute(Attention(2), query, np.ones((1, 2, 3, 4)), value)
    np.testing.assert_allclose(out, np.broadcast_to(value[0].mean((0, 1)), (2, 3, 4)))


@given(seeds, st.sampled_from([1, 2]))
def test_separable_attention(seed, patch):
    scores, key, value = draw(seed, (4, 2, 1), (4, 2, 3), (4, 2, 3))
    out = compute(SeparableAttention(patch), scores, key, value)
    for y, x in np.ndindex(patch, patch):
        place = np.s_[0, y::patch, x::patch]
        weights = np.exp(scores[place]) / np.exp(scores[place]).sum()
        context = (weights * key[place]).sum((0, 1))
        np.testing.assert_allclose(out[place[1:]], value[place] * context)


@given(seeds)
def test_linear_attention_weighs_by_products_that_are_not_negative(seed):
    (image,) = draw(seed, (2, 3, 12))
    out = compute(LinearAttention(heads=2, epsilon=0.1), image)
    rows = image.reshape(6, 2, 3, 2)
    for head in range(2):
        query, key, value = rows[:, head].swapaxes(0, 1)
        weights = np.maximum(query, 0) @ np.maximum(key, 0).T
        mean = weights @ value / (weights.sum(1, keepdims=True) + 0.1)
        np.testing.assert_allclose(out.reshape(6, 2, 2)[:, head], mean)


@given(seeds)
def test_channel_attention_mixes_the_channels_of_a_head(seed):
    inputs = draw(seed, *[(2, 3, 4)] * 3)
    out = compute(ChannelAttention(heads=2), *inputs)
    query, key, value = (array.reshape(6, 4) for array in inputs)
    for head in (np.s_[:, :2], np.s_[:, 2:]):
        weights = np.exp(query[head].T @ key[head])
        weights /= weights.sum(1, keepdims=True)
        np.testing.assert_allclose(out.reshape(6, 4)[head], value[head] @ weights.T)


def test_a_unit_norm_is_over_the_pixels_and_leaves_zeros():
    image = np.zeros((1, 2, 2, 2))
    image[..., 0] = [[3, 0], [0, -4]]
    out = compute(UnitNorm(), image)
    assert out[..., 0].tolist() == [[0.6, 0], [0, -0.8]]
    assert not out[..., 1].any()


def test_positions_are_of_the_row_and_then_of_the_column():
    out = compute(FourierPositions(2, temperature=100.0), np.zeros((1, 4, 3, 5)))
    row, column = 2 * pi * 2 / 4, 2 * pi * 3 / 3
    turns = [row, row / 10, column, column / 10]
    assert out[1, 2].tolist() == pytest.approx([f(turn) for turn in turns for f in (sin, cos)])


@pytest.mark.parametrize(
    ("op", "shapes", "message"),
    [
        (Attention(), [(4,)] * 3, "Attention needs images (h, w, c), not [4]"),
        (Attention(3), [(2, 2, 4)] * 3, "3 heads do not divide 4 channels"),
        (
            Attention(2),
            [(2, 2, 8), (2, 2, 3), (2, 2, 8)],
            "keys of 3 channels for queries of 8",
        ),
        (
            Attention(2),
            [(2, 2, 8), (2, 2, 8), (2, 1, 8)],
            "values [2, 1, 8] for keys [2, 2, 8]",
        ),
        (
            Attention(2),
            [(2, 2, 8), (2, 2, 8), (2, 2, 3)],
            "values [2, 2, 3] for keys [2, 2, 8]",
        ),
        (Attention(2, 2), [(2, 3, 8)] * 3, "patches of 2x2 pixels do not divide 2x3"),
        (
            Attention(2, 2),
            [(2, 2, 8), (3, 2, 8), (3, 2, 8)],
            "patches of 2x2 pixels do not divide 3x2",
        ),
        (
            SeparableAttention(),
            [(2, 2, 2), (2, 2, 4), (2, 2, 4)],
            "scores, keys and values do not fit: [2, 2, 2], [2, 2, 4], [2, 2, 4]",
        ),
        (
            SeparableAttention(2),
            [(3, 2, 1), (3, 2, 4), (3, 2, 4)],
            "patches of 2x2 pixels do not divide 3x2",
        ),
        (
            LinearAttention(2),
            [(2, 2, 9)],
            "2 heads of queries, keys and values do not divide 9 channels",
        ),
        (
            ChannelAttention(),
            [(2, 2, 4), (2, 2, 4), (2, 2, 3)],
            "queries, keys and values do not fit: [2, 2, 4], [2, 2, 4], [2, 2, 3]",
        ),
        (ChannelAttention(3), [(2, 2, 4)] * 3, "3 heads do not divide 4 channels"),
    ],
)
def test_an_op_refuses_shapes_that_do_not_fit(op, shapes, message):
    with pytest.raises(ShapeError) as caught:
        op.infer(*shapes)
    assert str(caught.value) == message
