"""Exact Pareto fronts of stored points, and the grid that drops most dominated points at first sight."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UsageError
from attnscope.explore import front_core as core

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_SAMPLE = 20_000
_SMALL = 100_000
_BITS_OF_BINS = 7  # EDGE = 2^7 + 1


def pareto_front(values: Floats, numbers: Ints | None = None) -> Ints:
    """Return the rows of the Pareto front, in ascending order.

    Args:
        values: [n, d] objectives, all to be minimised, finite; any d from 1 on.
        numbers: [n] of each point; of equal points the one with the lowest stays. The row, where it is left out.

    Raises:
        UsageError: a value is not finite; says which.
    """
    values = np.ascontiguousarray(values, dtype=float)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise UsageError(f"point {row} has objective {column} = {values[row, column]}; a front needs finite values.")
    order = np.arange(len(values)) if numbers is None else np.asarray(numbers)
    if values.shape[1] > 3:
        return _front_many(values, order)
    if values.shape[1] < 3:
        values = np.hstack([values, np.zeros((len(values), 3 - values.shape[1]))])
    rows = np.arange(len(values))
    if values.min(initial=0.0) >= 0.0:
        rows = _thinned(values, rows)
    return np.sort(rows[_front_3(values[rows], order[rows])])


def _thinned(values: Floats, rows: Ints) -> Ints:
    """Drop points that a sample of the others dominates, while that drops many.

    A point equal to one of the sample stays: which of equal points has the lowest number is decided later.
    """
    while len(rows) > _SMALL:
        sample = values[rows[:: max(1, len(rows) // _SAMPLE)]]
        grid = Grid.of(sample[_front_3(sample, np.arange(len(sample)))])
        left = rows[grid.survivors(values if len(rows) == len(values) else values[rows])]
        if len(left) > 0.7 * len(rows):
            return left
        rows = left
    return rows


def _front_3(values: Floats, numbers: Ints) -> Ints:
    """Rows of the front of [n, 3] values."""
    order = np.lexsort((numbers, values[:, 2], values[:, 1], values[:, 0]))
    levels, rank = np.unique(values[order, 1], return_inverse=True)
    keep = np.zeros(len(order), dtype=np.bool_)
    core.front_of_sorted(rank.astype(np.int64), len(levels), np.ascontiguousarray(values[order, 2]), keep)
    return order[keep]


def _front_many(values: Floats, numbers: Ints) -> Ints:
    order = np.lexsort((numbers, *values.T[::-1]))
    keep = np.zeros(len(order), dtype=np.bool_)
    core.keep_undominated(values[order], 1, keep)
    return np.sort(order[keep])


@dataclass(frozen=True)
class Grid:
    """The least third objective that some known point reaches, for each bin of the first two objectives.

    Bins cut the bits of a float, which are ordered as the floats, into equal parts from the least to the largest value
    among the known points.

    Attributes:
        least: [EDGE * EDGE], row by row.
        scale: bits of the least value and the shift to a bin, of the first and the second objective: a, b, a, b.
    """

    least: Floats
    scale: Ints

    @classmethod
    def of(cls, front: Floats, span: Floats | None = None) -> "Grid":
        """Return the grid of the points `front`, [n, 3] and none negative; bins as wide as those of `span`."""
        least = np.full(core.EDGE * core.EDGE, np.inf)
        spanned = np.ascontiguousarray(front if span is None else span)
        if not len(spanned):
            return cls(least, np.array([0, 0, 56, 56]))
        bits = spanned.view(np.int64)
        low, high = bits.min(axis=0), bits.max(axis=0)
        shifts = [
            max(0, int(most - least_bits).bit_length() - _BITS_OF_BINS)
            for least_bits, most in zip(low, high, strict=True)
        ]
        scale = np.array([low[0], low[1], shifts[0], shifts[1]], dtype=np.int64)
        values = np.ascontiguousarray(front)
        core.fill_grid(least, values, values.view(np.int64), scale)
        return cls(least, scale)

    def survivors(self, values: Floats) -> Ints:
        """Return the rows of [n, 3] `values` that no point in the grid dominates for certain."""
        values = np.ascontiguousarray(values)
        out = np.empty(len(values) + 1, dtype=np.int64)
        count = core.survivors(self.least, values, values.view(np.int64), self.scale, out)
        return out[:count]
