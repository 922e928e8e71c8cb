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

EDGE = 129  # bins of each side, the first for everything below the base


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
def keep_undominated(values: Floats, depth: int, keep: NDArray[np.bool_]) -> None:
    """Mark those of [n, d] points in lexicographic order that fewer than `depth` of the marked ones are not above."""
    kept = np.empty(values.shape[0], np.int64)
    n_kept = 0
    for i in range(values.shape[0]):
        above = 0
        for k in range(n_kept - 1, -1, -1):
            below = True
            for d in range(values.shape[1]):
                if values[kept[k], d] > values[i, d]:
                    below = False
                    break
            if below:
                above += 1
                if above == depth:
                    break
        keep[i] = above < depth
        if keep[i]:
            kept[n_kept] = i
            n_kept += 1


@numba.njit(cache=True, nogil=True)
def tighten(grid: Floats, bits_a: int, bits_b: int, third: float, scale: Ints) -> None:
    """Note a point in the grid: every bin whose lower edges it does not exceed can drop points of a larger third.

    `grid` is [EDGE * EDGE]; bin 0 of each side is below the base and holds nothing.
    """
    i0 = max(1, 1 + ((bits_a - scale[0] + (1 << scale[2]) - 1) >> scale[2]))
    j0 = max(1, 1 + ((bits_b - scale[1] + (1 << scale[3]) - 1) >> scale[3]))
    for i in range(i0, EDGE):
        if j0 >= EDGE or grid[i * EDGE + j0] <= third:
            return
        for j in range(j0, EDGE):
            if grid[i * EDGE + j] <= third:
                break
            grid[i * EDGE + j] = third


@numba.njit(cache=True, nogil=True)
def fill_grid(grid: Floats, values: Floats, bits: Ints, scale: Ints) -> None:
    """Note all points [n, 3] in the grid; `bits` is the same memory as integers."""
    for i in range(values.shape[0]):
        tighten(grid, bits[i, 0], bits[i, 1], values[i, 2], scale)


@numba.njit(cache=True, nogil=True)
def sift(
    grid: Floats, bits_a: Ints, bits_b: Ints, third: Floats, scale: Ints, bins: Ints, keep: NDArray[np.uint8]
) -> int:
    """Mark the points whose third objective is below what the grid drops, and return their number.

    Objectives are given in columns, the first two as the bits of floats of at least 0, which are ordered as the floats.
    """
    n, base_a, base_b, shift_a, shift_b = third.shape[0], scale[0], scale[1], scale[2], scale[3]
    for j in range(n):
        a = min(max(((bits_a[j] - base_a) >> shift_a) + 1, 0), EDGE - 1)
        b = min(max(((bits_b[j] - base_b) >> shift_b) + 1, 0), EDGE - 1)
        bins[j] = a * EDGE + b
    count = 0
    for j in range(n):
        keep[j] = third[j] < grid[bins[j]]
        count += keep[j]
    return count


@numba.njit(cache=True, nogil=True)
def survivors(grid: Floats, values: Floats, bits: Ints, scale: Ints, out: Ints) -> int:
    """Write the points [n, 3] that the grid does not drop to `out`, equal ones included, and return their number."""
    count = 0
    for i in range(values.shape[0]):
        a = min(max(((bits[i, 0] - scale[0]) >> scale[2]) + 1, 0), EDGE - 1)
        b = min(max(((bits[i, 1] - scale[1]) >> scale[3]) + 1, 0), EDGE - 1)
        out[count] = i
        count += values[i, 2] <= grid[a * EDGE + b]
    return count
