"""Compiled loops for Pareto fronts of up to three objectives, all minimised.

A point is dropped if another is at most as large in every objective and smaller in one; of equal points the one with
the lowest number stays. So the front of a set is unique, whatever the order in which it is found.
"""

# numba has no types: its decorators hide those of the functions below.
# mypy: disallow-untyped-decorators=False

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 128
# Bins follow the bits of a float: its exponent and the first three bits of its fraction, eight bins for each doubling.
_SHIFT = 49


@numba.njit(cache=True, nogil=True)
def front_of_sorted(rank: Ints, n_ranks: int, third: Floats, keep: NDArray[np.bool_]) -> None:
    """Mark the front of points sorted by (first, second, third, number).

    `rank` orders the second objective from 0. A tree over ranks holds the least third objective seen so far (Kung,
    Luccio and Preparata, J. ACM 1975, in three dimensions): O(n log n).
    """
    least = np.full(n_ranks + 1, np.inf)
    for i in range(rank.shape[0]):
        node, best = rank[i] + 1, np.inf
        while node > 0:
            best = min(best, least[node])
            node -= node & -node
        keep[i] = third[i] < best
        if keep[i]:
            node = rank[i] + 1
            while node <= n_ranks:
                if least[node] <= third[i]:
                    break
                least[node] = third[i]
                node += node & -node


@numba.njit(cache=True, nogil=True)
def keep_undominated(values: Floats, keep: NDArray[np.bool_]) -> None:
    """Mark the front of points in lexicographic order, [n, d] for any d, against those kept so far."""
    kept = np.empty(values.shape[0], np.int64)
    n_kept = 0
    for i in range(values.shape[0]):
        dominated = False
        for k in range(n_kept - 1, -1, -1):
            below = True
            for d in range(values.shape[1]):
                if values[kept[k], d] > values[i, d]:
                    below = False
                    break
            if below:
                dominated = True
                break
        keep[i] = not dominated
        if keep[i]:
            kept[n_kept] = i
            n_kept += 1


@numba.njit(cache=True, nogil=True)
def bin_of(bits: int, base: int) -> int:
    """Return the bin of a float of at least 0, given as its bits; below 0 for one smaller than the base."""
    return min((bits >> _SHIFT) - base, BINS - 1)


@numba.njit(cache=True, nogil=True)
def tighten(grid: Floats, bits_a: int, bits_b: int, third: float, base_a: int, base_b: int) -> None:
    """Note a point in the grid: every bin whose lower edges it does not exceed can drop points of a larger third."""
    i0, j0 = (bits_a >> _SHIFT) - base_a, (bits_b >> _SHIFT) - base_b
    if (bits_a >> _SHIFT) << _SHIFT != bits_a:
        i0 += 1
    if (bits_b >> _SHIFT) << _SHIFT != bits_b:
        j0 += 1
    for i in range(max(i0, 0), BINS):
        if j0 >= BINS or grid[i, max(j0, 0)] <= third:
            return
        for j in range(max(j0, 0), BINS):
            if grid[i, j] <= third:
                break
            grid[i, j] = third


@numba.njit(cache=True, nogil=True)
def fill_grid(grid: Floats, values: Floats, bits: Ints, base_a: int, base_b: int) -> None:
    """Note all points [n, 3] in the grid; `bits` is the same memory as integers."""
    for i in range(values.shape[0]):
        tighten(grid, bits[i, 0], bits[i, 1], values[i, 2], base_a, base_b)


@numba.njit(cache=True, nogil=True)
def survivors(grid: Floats, values: Floats, bits: Ints, base_a: int, base_b: int, out: Ints) -> int:
    """Write the points [n, 3] that the grid does not drop to `out`, and return their number."""
    count = 0
    for i in range(values.shape[0]):
        a, b = bin_of(bits[i, 0], base_a), bin_of(bits[i, 1], base_b)
        out[count] = i
        count += a < 0 or b < 0 or values[i, 2] <= grid[max(a, 0), max(b, 0)]
    return count
