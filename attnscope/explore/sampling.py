"""A sample of a huge space: distinct points spread at random, the same ones every time."""

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 4


def sample_numbers(lo: int, hi: int, size: int) -> NDArray[np.int64]:
    """Return the points that stand at positions `lo` to `hi` of a fixed random order of all `size` points.

    The order is a permutation by a Feistel network (Luby and Rackoff, SIAM J. Comput. 1988) on the next power of four;
    positions that leave the space go round again until they are in it.
    """
    half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
    positions = np.arange(lo, hi, dtype=np.uint64)
    out = _permuted(positions, half)
    outside = out >= size
    while outside.any():
        out[outside] = _permuted(out[outside], half)
        outside = out >= size
    return out.astype(np.int64)


def _permuted(values: NDArray[np.uint64], half: int) -> NDArray[np.uint64]:
    mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
    left, right = values >> shift, values & mask
    for key in range(_ROUNDS):
        left, right = right, left ^ (_mixed(right + np.uint64(key << 56)) & mask)
    return (left << shift) | right


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits (the finaliser of SplitMix64, Steele et al., OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
