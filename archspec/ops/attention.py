"""Ops in which each pixel, or each channel, is a mean of others, weighted by what they contain."""

from dataclasses import dataclass
from math import cos, pi, sin
from typing import ClassVar

from archspec.ops.op import Op, Shape, ShapeError


def _need_images(op: Op, *inputs: Shape) -> None:
    for shape in inputs:
        if len(shape) != 3:  # noqa: PLR2004  h, w, c
            raise ShapeError(f"{type(op).__name__} needs images (h, w, c), not {list(shape)}")


def _need_division(image: Shape, patch: int) -> None:
    if image[0] % patch or image[1] % patch:
        message = f"patches of {patch}x{patch} pixels do not divide {image[0]}x{image[1]}"
        raise ShapeError(message, "patch")


@dataclass(frozen=True, slots=True)
class Attention(Op):
    """Queries (h, w, c), keys (h', w', c), values (h', w', e) → (h, w, e).

    For each head softmax(q · kᵀ / √d) · v, with d = c / heads; the softmax is over the pixels of
    the keys. The channels of a head lie side by side. Where there are several heads and keys of d
    channels, all heads share these keys and their values, and the output is (h, w, heads · e).

    Args:
        heads: groups of the channels, each attending by itself.
        patch: images are seen as patches of so many pixels, high and wide; a pixel attends to
            those at its own place in the patches. 1: to all.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1; shared keys: Shazeer 2019,
        arXiv:1911.02150; patches: Mehta and Rastegari 2021, arXiv:2110.02178, Section 3.1.
    """

    heads: int = 1
    patch: int = 1

    def infer(self, *inputs: Shape) -> Shape:
        query, key, value = inputs
        _need_images(self, *inputs)
        if query[2] % self.heads:
            raise ShapeError(f"{self.heads} heads do not divide {query[2]} channels", "heads")
        if key[2] not in {query[2], query[2] // self.heads}:
            raise ShapeError(f"keys of {key[2]} channels for queries of {query[2]}")
        shared = self.key_heads(*inputs)
        if key[:2] != value[:2] or value[2] % shared:
            raise ShapeError(f"values {list(value)} for keys {list(key)}")
        _need_division(query, self.patch)
        _need_division(key, self.patch)
        return (*query[:2], value[2] // shared * self.heads)

    def key_heads(self, *inputs: Shape) -> int:
        """Heads of the keys and values: as many as of the queries, or one for all."""
        return self.heads if inputs[1][2] == inputs[0][2] else 1


@dataclass(frozen=True, slots=True)
class SeparableAttention(Op):
    """Scores (h, w, 1), keys (h, w, c), values (h, w, c) → (h, w, c).

    v times one vector, Σ softmax(scores) · k; softmax and sum are over the pixels, which with
    `patch` are those at the same place in patches of so many pixels, high and wide.

    Source: Mehta and Rastegari 2022, arXiv:2206.02680, Section 3 (its ReLU is a node before).
    """

    patch: int = 1

    def infer(self, *inputs: Shape) -> Shape:
        scores, key, value = inputs
        _need_images(self, *inputs)
        if key != value or scores != (*key[:2], 1):
            shown = ", ".join(str(list(shape)) for shape in inputs)
            raise ShapeError(f"scores, keys and values do not fit: {shown}")
        _need_division(key, self.patch)
        return value


@dataclass(frozen=True, slots=True)
class LinearAttention(Op):
    """(h, w, heads · 3 · d) → (h, w, heads · d).

    The channels of a head are its queries, its keys and its values, d each. For each head
    q̂ · (k̂ᵀ · v) / (q̂ · Σ k̂ + epsilon), with q̂ = relu(q) and k̂ = relu(k); products and sum are
    over the pixels, so the cost grows with their number, not with its square.

    Source: Cai et al. 2022, arXiv:2205.14756, Section 3.1; epsilon and the order of the channels as
        in the authors' code.
    """

    heads: int = 1
    epsilon: float = 1e-5

    def infer(self, *inputs: Shape) -> Shape:
        (image,) = inputs
        _need_images(self, image)
        if image[2] % (3 * self.heads):
            message = f"{self.heads} heads of queries, keys and values do not divide {image[2]}"
            raise ShapeError(f"{message} channels", "heads")
        return (*image[:2], image[2] // 3)


@dataclass(frozen=True, slots=True)
class ChannelAttention(Op):
    """Queries, keys, values (h, w, c) → (h, w, c), attention among channels instead of pixels.

    For each head softmax(qᵀ · k) · v, d x d for d = c / heads: the products are over the pixels,
    the softmax over the channels of the keys. The channels of a head lie side by side.

    Source: El-Nouby et al. 2021, arXiv:2106.09681, Section 3.2 (its normalization and its
        temperature are nodes before).
    """

    heads: int = 1

    def infer(self, *inputs: Shape) -> Shape:
        query, *others = inputs
        _need_images(self, *inputs)
        if any(other != query for other in others):
            shown = ", ".join(str(list(shape)) for shape in inputs)
            raise ShapeError(f"queries, keys and values do not fit: {shown}")
        if query[2] % self.heads:
            raise ShapeError(f"{self.heads} heads do not divide {query[2]} channels", "heads")
        return query


@dataclass(frozen=True, slots=True)
class UnitNorm(Op):
    """(h, w, c): x / max(‖x‖₂, 1e-12), the norm of each channel over the pixels."""

    in_place: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        _need_images(self, *inputs)
        return inputs[0]


@dataclass(frozen=True, slots=True)
class FourierPositions(Op):
    """(h, w, c) → (h, w, 4 · frequencies): where each pixel is; its values do not matter.

    First of the row, then of the column: sine and cosine of 2π · (i + 1) / n · t^(-j / f), in turn
    for each frequency j of f; i is the number of the row, of n.

    Args:
        frequencies: each gives a sine and a cosine of both coordinates.
        temperature: t, about how much faster the first is than the last.

    Source: Vaswani et al. 2017, arXiv:1706.03762, Section 3.5; of images as in Carion et al. 2020,
        arXiv:2005.12872 (their code, `normalize`).
    """

    frequencies: int = 16
    temperature: float = 1e4

    def infer(self, *inputs: Shape) -> Shape:
        (image,) = inputs
        _need_images(self, image)
        return (*image[:2], 4 * self.frequencies)

    def waves(self, size: int) -> tuple[tuple[float, ...], ...]:
        """Along an axis of `size` pixels, for each its sines and cosines in turn.

        >>> [round(value, 6) for value in FourierPositions(1).waves(4)[0]]
        [1.0, 0.0]
        """
        share = 1 / self.frequencies
        powers = [self.temperature ** (-place * share) for place in range(self.frequencies)]
        turns = [2 * pi * (place + 1) / size for place in range(size)]
        return tuple(
            tuple(wave(turn * power) for power in powers for wave in (sin, cos)) for turn in turns
        )
