"""Numbers drawn without putting back, in constant memory: a permutation that is computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

_ROUNDS = 6
_GOLDEN = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio, which keeps the keys of the rounds apart."""


@dataclass(frozen=True, slots=True)
class Permutation:
    """A permutation of 0 … count - 1, a Feistel network that walks until it is below count.

    Source: Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains", method 2; the round
    function is the finalizer of splitmix64 (Steele, Lea and Flood 2014).

    Args:
        count: at most 2^63.
        seed: which permutation.
    """

    count: int
    seed: int

    def __call__(self, places: Numbers) -> Numbers:
        """What stands at these places."""
        half = max((self.count - 1).bit_length() + 1, 2) // 2
        found = self._once(places.astype(np.uint64), half)
        while (outside := found >= np.uint64(self.count)).any():
            found[outside] = self._once(found[outside], half)
        return found.astype(np.int64)

    def _once(self, numbers: NDArray[np.uint64], half: int) -> NDArray[np.uint64]:
        mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
        left, right = numbers >> shift, numbers & mask
        for number in range(_ROUNDS):
            key = np.uint64((self.seed + (number + 1) * _GOLDEN) % (1 << 64))
            left, right = right, left ^ (_mixed(right + key) & mask)
        return (left << shift) | right


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits that all depend on all."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
